"""muster replay: what happened to a group and why, from the logs alone."""

import time

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from events import cancel, create, done, update
from operator_command import Muster
from records import rfc3339
from waits import eventually


def _decisions(told):
    return [(step["event"], step["decisions"]) for step in told["steps"]]


def _forget_before(world, offset: int) -> None:
    """As retention does."""
    admin = AdminClient({"bootstrap.servers": world.brokers})
    for future in admin.delete_records([TopicPartition(world.topic, 0, offset)]).values():
        future.result(30)


def test_a_group_that_is_long_closed_is_told_step_by_step(world):
    collector = world.make().collector("--early-ttl", "60").start().ready()
    sender, muster = world.sender(), Muster(world)
    with world.tail() as tail, world.tail(world.dead_letters) as dead:
        early = sender.put(done("g", "b", result="2"), "g")
        opened = sender.put(create("g", '["a","b","c"]', ttl="600", payload="[ 1 ]"), "g")
        sender.put(create("other", '["a"]', ttl="600"), "other")
        sender.put(create("g", '["a","b","c"]', ttl="600", payload="[ 1 ]"), "g")
        sender.put(done("g", "b", result="3"), "g")
        strange = sender.put(done("g", "x", result="3"), "g")
        sender.put(update("g", remove='["c"]'), "g")
        sender.put(done("g", "a", result="1"), "g")
        (outcome,) = tail.outcomes("g")
        late = sender.put(done("g", "a", result="9"), "g")
        sender.put(create("end", "[]"), "end")
        tail.outcomes("end")
        eventually(lambda: dead.records, lambda: collector.why("a dead letter"))
    assert collector.stop() == 0

    told = muster.json("replay", "--group", "g")
    assert told["partition"] == 0
    assert told["replayed"][0]["exact_after_batch"] == 0 and all(
        step["exact"] for step in told["steps"])
    assert _decisions(told) == [
        ("EntityDone b", ["kept: its group's Create has not come"]),
        ("Create", ["the group opens", "has its result"]),
        ("Create", ["ignored: the same Create once more"]),
        ("EntityDone b", ["ignored: it has answered before, the first answer counts"]),
        ("EntityDone x", ["ignored: the group does not expect it",
                          "dead letter unexpected: the group does not expect this entity"]),
        ("Update", ["the group changes"]),
        ("EntityDone a", ["Success", "has its result"]),
        ("EntityDone a", ["ignored: the group is closed"])]
    places = [step["from"] for step in told["steps"]]
    for index, sent in ((0, early), (1, opened), (4, strange), (7, late)):
        assert places[index] == f"{world.topic}/0/{sent.offset}"
    assert told["steps"][1]["state"].startswith("open, 1 of 3, until ")
    assert told["steps"][6]["outputs"][0]["to"] == "output topic"
    raw = muster.run("replay", "--group", "g", "-o", "json").stdout.encode()
    assert outcome in raw, "the outcome, byte for byte"
    assert told["state"] == {"text": "closed"}

    table = muster.run("replay", "--group", "g", "--values").stdout
    assert "ignored: the group is closed" in table and outcome.decode() in table
    assert "Nothing about group nobody" in muster.run("replay", "--group", "nobody",
                                                      status=1).stderr
    assert "--group" in muster.run("replay", status=2).stderr


@pytest.mark.parametrize("partitions", [3])
def test_timers_cancels_and_forwarded_records_are_told(world):
    """Unkeyed: most records come by the repartition topic, and are told with where they lay."""
    collector = world.make().collector().start().ready()
    sender, muster = world.sender(), Muster(world)
    with world.tail() as tail:
        first = sender.put(create("slow", '["a",{"id":"b","ttl":0.2}]', ttl="1",
                                  policy='"all-settled"'))
        sender.put(create("gone", '["a"]', ttl="600"))
        sender.put(done("gone", "a", error='"broken"'))
        stopped = sender.put(create("stopped", '["a"]', ttl="600"))
        sender.put(cancel("stopped", reason='"enough"'), "stopped")
        tail.outcomes("slow", "gone", "stopped")
        sender.put(create("open", '["x","y"]', ttl="600"))
        sender.put(done("open", "y", result="1"))
        eventually(lambda: len(muster.json("replay", "--group", "open", status=None)["steps"]) == 2,
                   "both are journaled")
    slow = muster.json("replay", "--group", "slow")
    assert slow["steps"][0]["from"] == f"{world.topic}/{first.partition}/{first.offset}"
    assert _decisions(slow)[1:] == [
        ("timer", ["an entity's own time is over"]), ("timer", ["Failure: the time is over"])]
    # Between forwarded records and others there is no order: the Create may have come last.
    assert _decisions(muster.json("replay", "--group", "gone"))[-1][1][-2:] == [
        "Failure: an entity has failed", "has failed"]
    told = muster.json("replay", "--group", "stopped")
    assert f"{world.topic}/{stopped.partition}/{stopped.offset}" in [step["from"] for step
                                                                     in told["steps"]]
    assert "Failure: cancelled" in _decisions(told)[-1][1]
    still = muster.json("replay", "--group", "open")["state"]
    assert still["expected"] == [{"id": "x", "answer": "missing"}, {"id": "y", "answer": "done"}]
    assert "It waits for: x" in muster.run("replay", "--group", "open").stdout
    assert collector.stop() == 0


def test_a_group_that_was_carried_is_whole_although_its_create_is_gone(world):
    collector = world.make().collector("--carry-after", "0.2").start().ready()
    sender, muster = world.sender(), Muster(world)
    with world.tail() as tail:
        opened = sender.put(create("cut", '["a","b"]', ttl="600"), "cut")
        eventually(lambda: "carried" in muster.run("replay", "--group", "cut", status=None).stdout,
                   lambda: collector.why("the group is carried"))
        _forget_before(world, opened.offset + 1)
        sender.put(done("cut", "a", result="1"), "cut")
        sender.put(done("cut", "b", result="1"), "cut")
        tail.outcomes("cut")
    assert collector.stop() == 0
    told = muster.json("replay", "--group", "cut")
    assert "are not retained any more" in told["replayed"][0]["missing_before"]
    steps = [step for step in told["steps"] if step["event"] != "carried"]
    assert told["steps"][0]["event"] == "carried"
    assert [step["decisions"] for step in steps] == [["has its result"],
                                                     ["Success", "has its result"]]
    assert all(step["exact"] for step in steps)


def test_what_retention_has_cut_is_said(world):
    collector = world.make().collector().start().ready()
    sender, muster = world.sender(), Muster(world)
    with world.tail() as tail:
        sender.put(create("cut", '["a","b"]', ttl="600"), "cut")
        between = sender.put(create("between", "[]"), "between")
        tail.outcomes("between")  # so what follows is in a batch of its own
        sender.put(done("cut", "a", result="1"), "cut")
        sender.put(create("last", "[]"), "last")
        tail.outcomes("last")
    assert collector.stop() == 0
    _forget_before(world, between.offset + 1)
    answer = muster.run("replay", "--group", "cut")
    assert "are not retained any more" in answer.stderr and "marked with ?" in answer.stderr
    told = muster.json("replay", "--group", "cut")
    assert _decisions(told) == [("EntityDone a", ["kept: its group's Create has not come"])]
    assert not told["steps"][0]["exact"], "that is not what the collector decided"


def test_a_time_leaves_out_what_came_before(world):
    collector = world.make().collector("--closed-ttl", "0", "--early-ttl", "0.1").start().ready()
    sender, muster = world.sender(), Muster(world)
    with world.tail() as tail:
        sender.put(create("old", "[]"), "old")
        tail.outcomes("old")
        eventually(lambda: "forgotten" in muster.run("replay", "--group", "old").stdout,
                   lambda: collector.why("the old group is forgotten"))
        sender.put(create("long", '["a"]', ttl="600"), "long")
        sender.put(create("marker", "[]"), "marker")
        tail.outcomes("marker")
        between = tail.records[-1].timestamp + 50
        eventually(lambda: time.time() * 1000 > between + 50, "a while passes")
        sender.put(create("new", "[]"), "new")
        sender.put(done("long", "a", result="1"), "long")
        tail.outcomes("new", "long")
    assert collector.stop() == 0
    when = rfc3339(between)
    # What lived then began before: its Create is told all the same.
    told = muster.json("replay", "--group", "long", "--from", when)
    assert [step["event"] for step in told["steps"]] == ["Create", "EntityDone a"]
    assert muster.json("replay", "--group", "new", "--from", when)["steps"]
    assert muster.json("replay", "--group", "old", "--from", when, status=1)["steps"] == []
    assert muster.json("replay", "--group", "new", "--to", when, status=1)["steps"] == []
    assert muster.json("replay", "--group", "old", "--to", when)["steps"]
