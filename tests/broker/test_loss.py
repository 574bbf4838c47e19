"""What recovery needs and does not find is said, in numbers, and the collector stops; it goes on only
when it is told that the loss is accepted."""

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions
from events import create, done
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
