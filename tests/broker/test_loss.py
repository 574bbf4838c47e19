"""What recovery needs and does not find is said, in numbers, and the collector stops; it goes on only
when it is told that the loss is accepted."""

import pytest
from checker import check
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions
from events import create, done
from verdicts import Options
from waits import PATIENCE


def _admin(world) -> AdminClient:
    return AdminClient({"bootstrap.servers": world.brokers})


def _delete_before(world, topic: str, offset: int) -> None:
    target = TopicPartition(topic, 0, offset)
    admin = _admin(world)  # lives until the answer is there
    admin.delete_records([target])[target].result(PATIENCE)


def _complete_group(world, group: str) -> None:
    with world.tail() as tail:
        sender = world.sender()
        sender.put(create(group, '["a"]'), group)
        sender.put(done(group, "a"), group)
        assert b"Success" in tail.outcomes(group)[0]


def _leaves_an_open_group(world, *more):
    world.make()
    collector = world.collector(*more).start().ready()
    world.sender().put(create("open", '["a"]', ttl="3600"), "open")
    _complete_group(world, "other")
    assert collector.stop() == 0, collector.why("exit status")
    return collector


def _stops_with(world, collector, text: str) -> None:
    collector.start()
    assert collector.process.wait(PATIENCE) == 1, collector.why("exit status")
    assert any(text in line for line in collector.lines()), collector.why(f"it says {text!r}")
    world.collectors.remove(collector)  # its exit status is what the test is about


def test_input_that_recovery_needs_is_gone(world):
    collector = _leaves_an_open_group(world)
    _delete_before(world, world.topic, 2)
    _stops_with(world, collector, "2 offsets are lost")
    world.collector("--accept-loss").start().ready()
    _complete_group(world, "new")


def test_journal_that_recovery_needs_is_gone(world):
    collector = _leaves_an_open_group(world)
    journal = f"muster.{world.topic}-group.{world.topic}.journal"
    _delete_before(world, journal, -1)
    _stops_with(world, collector, "recovery needs it from")
    world.collector("--accept-loss").start().ready()
    _complete_group(world, "new")


def test_partitions_that_were_added_have_to_be_accepted(world):
    collector = _leaves_an_open_group(world)
    admin = _admin(world)
    admin.create_partitions([NewPartitions(world.topic, 3)])[world.topic].result(PATIENCE)
    _stops_with(world, collector, "--accept-partitions")
    world.collector("--accept-partitions").start().says("ready: consuming 3 partitions")
    for number in range(12):  # whatever their homes are
        _complete_group(world, f"new-{number}")


# A client looks at the topics anew each 60 s: no test waits for that.
_SEES_SOON = ("-X", "topic.metadata.refresh.interval.ms=500")


@pytest.mark.parametrize("partitions", [2])
def test_partitions_that_are_added_under_a_running_collector_have_to_be_accepted(world):
    world.make()
    collector = world.collector(*_SEES_SOON, instance="").start().ready()
    _complete_group(world, "before")
    admin = _admin(world)
    admin.create_partitions([NewPartitions(world.topic, 4)])[world.topic].result(PATIENCE)
    assert collector.process.wait(PATIENCE) == 1, collector.why("exit status")
    assert any("--accept-partitions" in line
               for line in collector.lines()), collector.why("it says so")
    world.collectors.remove(collector)  # its exit status is what the test is about
    world.collector("--accept-partitions", *_SEES_SOON, instance="").start().says(
        "ready: consuming 4 partitions")
    sender = world.sender()
    names = [f"new-{number}" for number in range(40)]
    with world.tail() as tail:
        for number, group in enumerate(names):  # wherever the homes are
            sender.send(create(group, '["a","b"]'), partition=2 + number % 2)
            sender.send(done(group, "a"), partition=3 - number % 2)
            sender.send(done(group, "b"), partition=number % 4)
        sender.flush()
        tail.outcomes(*names)
    before = [one for one in world.read() if one.key == b"before"]
    result = check(sender.sent, [one for one in world.read() if one not in before],
                   Options(partitions=4))
    assert result.ok and result.groups == len(names), str(result)


@pytest.mark.parametrize("partitions", [4])
@pytest.mark.parametrize("log", ["input", "repartition"])
def test_an_operator_who_sets_the_offsets_of_one_log_only_gets_a_new_beginning(world, log):
    world.make()
    collector = world.collector(instance="").start().ready()
    sender = world.sender()

    def groups(prefix: str) -> list[str]:
        names = [f"{prefix}-{number}" for number in range(40)]
        for number, group in enumerate(names):
            for step, value in enumerate((create(group, '["a","b"]'), done(group, "a"),
                                          done(group, "b"))):
                sender.send(value, partition=(number + step) % 4)
        sender.flush()
        return names

    with world.tail() as tail:
        tail.outcomes(*groups("before"))
        assert collector.stop() == 0, collector.why("exit status")
        topic = world.topic if log == "input" else (
            f"muster.{world.topic}-group.{world.topic}.repartition")
        _set_offset(world, TopicPartition(topic, 0, 0))
        sender.sent.clear()
        collector.start().ready()
        names = groups("after")
        tail.outcomes(*names)
    assert collector.stop() == 0, collector.why("exit status")
    mine = [one for one in world.read() if one.key and one.key.decode() in names]
    result = check(sender.sent, mine, Options(partitions=4))
    assert result.ok and result.groups == len(names), str(result)


def _set_offset(world, partition: TopicPartition) -> None:
    group = f"{world.topic}-group"
    request = ConsumerGroupTopicPartitions(group, [partition])
    admin = _admin(world)
    answer = admin.alter_consumer_group_offsets([request])[group].result(PATIENCE)
    assert not [one.error for one in answer.topic_partitions if one.error]
