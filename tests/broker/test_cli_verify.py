"""muster verify: what was published is what follows from the logs; where it is not that is said."""

import time

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource
from events import create, done
from operator_command import Muster
from records import rfc3339
from waits import eventually

_GROUPS = 300


def _load(world, sender, count=_GROUPS) -> list[str]:
    names = [f"g-{number}" for number in range(count)]
    for number, name in enumerate(names):
        sender.send(create(name, '["a","b"]', ttl="600", payload=f"[ {number} ]"), name)
    for number, name in enumerate(names):
        sender.send(done(name, "a", result="1.0"), name)
        more = {"error": '"broken"'} if number % 3 == 0 else {"result": "null"}
        sender.send(done(name, "b", **more), name,
                    headers=[("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
                              b"-01")])
    sender.flush()
    return names


def _equal(answer) -> int:
    return sum(one["equal"] for one in answer["verified"])


@pytest.mark.parametrize("partitions", [2])
@pytest.mark.parametrize("elsewhere", [False, True], ids=["same-topic", "output-topic"])
def test_all_that_was_published_is_what_follows(world, elsewhere):
    """Over a kill and a restart, with outcomes in the event topic or in one with other
    partitions."""
    output = world.topic
    options = ["--handler-topics", ".*"]
    if elsewhere:
        output = world.topics.create(f"{world.topic}-out", 3)
        options += ["--output-topic", output]
    collector = world.make().collector(*options).start().ready()
    sender, muster = world.sender(), Muster(world)
    with world.tail(output) as tail:
        names = _load(world, sender)
        eventually(lambda: len(tail.records) > 10, "some outcomes")
        collector.kill()
        collector.start().ready()
        tail.outcomes(*names)
    assert collector.stop() == 0
    more = ["--output-topic", output] if elsewhere else []
    answer = muster.json("verify", *more)
    assert _equal(answer) == _GROUPS and all(one["compared"] for one in answer["verified"])
    assert not any(one["differences"] for one in answer["verified"])
    assert [one["partition"] for one in muster.json("verify", "--partition", 1, *more)[
        "verified"]] == [1]
    table = muster.run("verify", *more)
    assert f"{_GROUPS} outcomes equal, 0 differences" in table.stderr


def test_a_part_of_the_time_is_compared_by_itself(world):
    """Also where a group that ends in it was opened before it."""
    collector = world.make().collector("--closed-ttl", "0", "--early-ttl", "0.1").start().ready()
    sender, muster = world.sender(), Muster(world)
    with world.tail() as tail:
        sender.put(create("long", '["a"]', ttl="600"), "long")
        tail.outcomes(*_load(world, sender, 50))
        eventually(lambda: "forgotten" in muster.run("replay", "--group", "g-49").stdout,
                   lambda: collector.why("what is closed is forgotten"))
        middle = tail.records[-1].timestamp + 1_000
        eventually(lambda: time.time() * 1000 > middle + 100, "a while passes")
        for number in range(7):
            sender.send(create(f"new-{number}", "[]"), f"new-{number}")
        sender.put(done("long", "a", result="1"), "long")
        tail.outcomes("new-6", "long")
    assert collector.stop() == 0
    assert _equal(muster.json("verify")) == 58
    assert _equal(muster.json("verify", "--to", rfc3339(middle))) == 50
    assert _equal(muster.json("verify", "--from", rfc3339(middle))) == 8


def test_what_differs_is_found(world):
    """An outcome that somebody else put among ours, and one that is not where it should be."""
    output = world.topics.create(f"{world.topic}-out", 1)
    collector = world.make().collector("--output-topic", output).start().ready()
    sender, muster = world.sender(), Muster(world)
    with world.tail(output) as tail:
        names = _load(world, sender, 20)
        tail.outcomes(*names)
        fake = tail.records[3]
        forger = Producer({"bootstrap.servers": world.brokers})
        forger.produce(output, key=fake.key, value=fake.value, headers=list(fake.headers))
        forger.flush()
        sender.put(create("last", "[]"), "last")
        tail.outcomes("last")
    assert collector.stop() == 0
    answer = muster.json("verify", "--output-topic", output, status=1)
    assert _equal(answer) == 21
    (difference,) = answer["verified"][0]["differences"]
    assert difference["kind"] == "extra" and difference["group"] == fake.key.decode()
    assert difference["published"] == fake.value.decode()

    # A topic without any of them: all are missing.
    empty = world.topics.create(f"{world.topic}-empty", 1)
    answer = muster.json("verify", "--output-topic", empty, status=1)
    assert {one["kind"] for one in answer["verified"][0]["differences"]} == {"missing"}
    assert len(answer["verified"][0]["differences"]) == 21
    assert "missing: group g-7" in muster.run("verify", "--output-topic", empty, status=1).stdout


def _limit(world, topic: str, bytes_max: int) -> None:
    entry = ConfigEntry("max.message.bytes", str(bytes_max),
                        incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": world.brokers})
    for answer in admin.incremental_alter_configs([resource]).values():
        answer.result(30)


def test_an_undeliverable_outcome_is_no_difference(world):
    output = world.topics.create(f"{world.topic}-out", 1)
    collector = world.make().collector("--output-topic", output).start().ready()
    sender, muster = world.sender(), Muster(world)
    with world.tail(output) as tail:
        sender.put(create("good", "[]"), "good")
        tail.outcomes("good")
        # Smaller than what the collector has read at its start.
        _limit(world, output, 2_000)
        sender.put(create("large", "[]", payload='"' + "x" * 5_000 + '"'), "large")
        sender.put(create("end", "[]"), "end")
        tail.outcomes("end")
    assert collector.stop() == 0
    (one,) = muster.json("verify", "--output-topic", output)["verified"]
    assert (one["equal"], one["undelivered"], one["differences"]) == (2, 1, [])
