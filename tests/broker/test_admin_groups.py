"""Groups as an operator sees and steers them, on the real thing."""

import json

import pytest
from admin_client import AT_ANY_PORT, Admin
from cluster import free_port
from events import create, done
from partitioner import home
from waits import eventually


def ready(world, *more, **others):
    collector = world.collector(*AT_ANY_PORT, *more, **others).start()
    admin = Admin.of(collector)
    collector.ready()
    eventually(lambda: admin.get("/readyz").status == 200, "ready")
    return admin


def known(admin, group):
    """Until the collector has read what was sent."""
    return eventually(lambda: (answer := admin.group(group)).status == 200 and answer.json,
                      lambda: f"{group} is known: {admin.group(group)}")


def test_everything_about_a_group(world):
    admin = ready(world.make())
    sender = world.sender()
    sender.send(create("trip/1 é", '["flight",{"id":"hotel","ttl":600},"car"]', ttl="3600",
                       policy='{"tolerate":1}'), "trip/1 é")
    sender.send(done("trip/1 é", "flight", result='{"seat":"12A"}'), "trip/1 é")
    sender.put(done("trip/1 é", "car", error='"none \\" left"'), "trip/1 é")
    group = eventually(lambda: (g := known(admin, "trip/1 é"))["errors"] and g, "the error is in")
    assert group["id"] == "trip/1 é" and group["state"] == "open" and group["partition"] == 0
    assert group["expected"] == ["flight", "hotel", "car"]
    assert group["done"] == ["flight"] and group["missing"] == ["hotel"]
    assert group["errors"] == {"car": 'none " left'}
    assert group["policy"] == {"tolerate": 1} and group["ttl"] == "3600"
    assert group["created"] < group["deadline"] and list(group["entityDeadlines"]) == ["hotel"]
    assert 0 <= group["age"] < 600 and 3000 < group["remaining"] <= 3600
    assert group["parent"] is None and group["handler"] is None
    assert group["asOf"]["offsets"][0] >= 3 and group["asOf"]["batch"] >= 1
    assert "seat" not in json.dumps(group)


def test_early_and_closed_groups_are_known_too(world):
    admin = ready(world.make())
    sender, tail = world.sender(), world.tail()
    sender.send(done("early", "a"), "early")
    sender.put(create("closed", "[]"), "closed")
    tail.outcomes("closed")
    assert known(admin, "early")["state"] == "early" and known(admin, "early")["waiting"] == 1
    assert known(admin, "closed")["state"] == "closed" and known(admin, "closed")["rememberedUntil"]
    assert [g["id"] for g in admin.all_groups("state=early")] == ["early"]
    assert [g["id"] for g in admin.all_groups("state=closed")] == ["closed"]
    assert admin.all_groups() == []
    assert sorted(g["id"] for g in admin.all_groups("state=any")) == ["closed", "early"]


@pytest.mark.parametrize("partitions", [3])
def test_a_listing_is_complete_page_by_page(world, partitions):
    admin = ready(world.make())
    sender = world.sender()
    ids = [f"{kind}-{number}" for number in range(300) for kind in ("a", "b")]
    for group in ids:
        sender.send(create(group, '["x"]', ttl="60" if group.startswith("a") else "3600"), group)
    sender.flush()
    eventually(lambda: sum(p["open"] for p in admin.get("/partitions").json["here"]) == 600,
               "all are open")
    assert sorted(g["id"] for g in admin.all_groups("limit=7")) == sorted(ids)
    assert sorted(g["id"] for g in admin.all_groups("limit=1000")) == sorted(ids)
    a = [g["id"] for g in admin.all_groups("prefix=a-1&limit=10")]
    assert sorted(a) == sorted(i for i in ids if i.startswith("a-1"))
    soon = admin.all_groups("before=600")
    assert len(soon) == 300 and all(g["id"].startswith("a") for g in soon)
    assert all(g["partition"] == home(g["id"].encode(), 3) for g in soon)
    assert admin.get("/groups?limit=5").json["here"] == [0, 1, 2]


def test_a_group_is_cancelled_through_the_log(world):
    admin = ready(world.make())
    sender, tail = world.sender(), world.tail()
    sender.put(create("stuck", '["a"]', ttl="3600"), "stuck")
    known(admin, "stuck")
    answer = admin.post("/groups/stuck/cancel", '{"reason":"by \\"hand\\""}')
    assert answer.status == 202, answer
    place = answer.json
    [outcome] = tail.outcomes("stuck")
    failure = json.loads(outcome)
    assert failure["code"] == "cancelled" and failure["error"] == 'by "hand"', failure
    [event] = [one for one in world.read() if one.value and b"Cancel" in one.value
               and b"stuck" in one.value and b"Failure" not in one.value]
    assert (event.topic, event.partition, event.offset) == (
        place["topic"], place["partition"], place["offset"])
    assert event.key == b"stuck"
    eventually(lambda: known(admin, "stuck")["state"] == "closed", "it is closed")
    assert admin.post("/groups/stuck/cancel").code == "not-open"


def test_a_group_is_extended_through_the_log(world):
    admin = ready(world.make())
    sender = world.sender()
    sender.put(create("slow", '["a"]', ttl="600"), "slow")
    before = known(admin, "slow")["deadline"]
    assert admin.post("/groups/slow/extend", '{"ttl":7200}').status == 202
    eventually(lambda: known(admin, "slow")["deadline"] > before, "the deadline has moved")
    assert known(admin, "slow")["remaining"] > 6000


def test_an_event_is_sent_where_it_belongs(world):
    admin = ready(world.make())
    tail = world.tail()
    sent = admin.post("/events", create("made", '["a"]'))
    assert sent.status == 202 and sent.json["partition"] == 0, sent
    assert admin.post("/events", done("made", "a", result="7")).status == 202
    [outcome] = tail.outcomes("made")
    assert json.loads(outcome)["results"] == {"a": 7}


@pytest.mark.parametrize("path, body, status, code", [
    ("/groups/unknown/cancel", "", 404, "no-group"),
    ("/groups/unknown/extend", '{"ttl":5}', 404, "no-group"),
    ("/groups/unknown/cancel", '{"reason":5}', 400, "body"),
    ("/groups/unknown/cancel", '{"why":"x"}', 400, "body"),
    ("/groups/unknown/cancel", "[]", 400, "body"),
    ("/groups/unknown/cancel", "{", 400, "body"),
    ("/groups/unknown/extend", "", 400, "body"),
    ("/groups/unknown/extend", '{"ttl":"5"}', 400, "body"),
    ("/groups/unknown/extend", '{"ttl":-5}', 400, "body"),
    ("/groups/unknown/extend", '{"ttl":99999999999}', 422, "ttl"),
    ("/events", "", 422, "json"),
    ("/events", "{}", 422, "type"),
    ("/events", '{"type":"Other"}', 422, "type"),
    ("/events", '{"type":"EventGroupCollectorCreate"}', 422, "field"),
    ("/events", '{"type":"EventGroupCollectorSuccess","id":"x"}', 422, "type"),
])
def test_bad_wishes_change_nothing(module_world_admin, path, body, status, code):
    world, admin = module_world_admin
    before = len(world.read())
    answer = admin.post(path, body)
    assert (answer.status, answer.code) == (status, code), answer
    assert len(world.read()) == before


@pytest.fixture(scope="module")
def module_world_admin(module_world):
    return module_world, ready(module_world.make())


@pytest.mark.parametrize("partitions", [2])
def test_who_does_not_have_a_group_says_who_does(world, partitions):
    world.make()
    both = {name: world.collector("--admin", f"127.0.0.1:{free_port()}", instance=name).start()
            for name in ("one", "two")}
    admins = {name: Admin.of(collector) for name, collector in both.items()}
    eventually(lambda: all(len(a.get("/partitions").json["here"]) == 1 and
                           a.get("/readyz").status == 200 for a in admins.values()),
               "each has one partition")
    sender = world.sender()
    ids = [next(f"g{n}" for n in range(100) if home(f"g{n}".encode(), 2) == p) for p in (0, 1)]
    for group in ids:
        sender.send(create(group, '["a"]', ttl="3600"), group)
    sender.flush()
    for group in ids:
        answers = eventually(lambda g=group: (
            all_ := {n: a.group(g) for n, a in admins.items()}) and
            sorted(a.status for a in all_.values()) == [200, 421] and all_,
            lambda g=group: f"one of them knows {g}: {[a.group(g) for a in admins.values()]}")
        [here] = [name for name, answer in answers.items() if answer.status == 200]
        [there] = [answer for answer in answers.values() if answer.status == 421]
        assert there.code == "elsewhere"
        owner = there.json["owner"]
        assert owner["admin"] == f"127.0.0.1:{admins[here].port}", there
        assert owner["partition"] == there.json["partition"]
    lists = {name: admin.get("/groups").json for name, admin in admins.items()}
    for name, one in lists.items():
        [other] = one["elsewhere"]
        [port] = [a.port for n, a in admins.items() if n != name]
        assert len(one["groups"]) == 1 and other["admin"] == f"127.0.0.1:{port}", one
    both["one"].stop()
    gone = admins["two"].group(ids[0])
    assert gone.status in (200, 421, 503), gone
