"""What doc/integration.md says about the switch from the predecessor: offsets that another program
has committed, and muster after it on the same consumer group."""

import json
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest
from cluster import REPO
from confluent_kafka import Consumer, TopicPartition
from events import create, done
from page import migration_command
from waits import PATIENCE, eventually, stays

SUCCESS = "EventGroupCollectorSuccess"


class Predecessor:
    """What of it matters: a member of the consumer group, on librdkafka, that reads the topic and
    commits. Its outcomes have no key."""

    def __init__(self, world):
        self._world = world
        self._consumer = Consumer({
            "bootstrap.servers": world.brokers, "group.id": f"{world.topic}-group",
            "auto.offset.reset": "earliest", "enable.auto.commit": False,
            "session.timeout.ms": 6000})
        self._consumer.subscribe([world.topic])

    def read(self, count: int) -> None:
        end = time.monotonic() + PATIENCE
        while count:
            assert time.monotonic() < end, f"{count} records are missing"
            message = self._consumer.poll(0.1)
            if message is not None and message.error() is None:
                count -= 1

    def poll(self) -> None:
        self._consumer.poll(0.1)

    def publish(self, group: str) -> None:
        self._world.sender().put(f'{{"type":"{SUCCESS}","id":"{group}"}}')

    def commit(self, metadata: str) -> None:
        places = self._consumer.position(self._consumer.assignment())
        self._consumer.commit(asynchronous=False, offsets=[
            TopicPartition(one.topic, one.partition, one.offset, metadata) for one in places])

    def leave(self) -> None:
        self._consumer.close()


def _outcomes(world, group: str) -> list[dict]:
    values = [json.loads(record.value) for record in world.read()]
    return [one for one in values if one["id"] == group and "Collector" in one["type"]
            and one["type"].endswith(("Success", "Failure"))]


def _settle(world, sender, group: str) -> None:
    """A group of its own goes through: what was sent before it has been dealt with."""
    with world.tail() as tail:
        sender.put(create(group, '["a"]'), group)
        sender.put(done(group, "a"), group)
        assert SUCCESS.encode() in tail.outcomes(group)[0]


# Some clients write a word of their own; the predecessor's, and most, none.
@pytest.mark.parametrize("metadata", ["", "m", "NO_METADATA"])
def test_a_group_that_the_predecessor_had_open_is_unknown(world, metadata):
    world.make()
    sender = world.sender()
    sender.put(create("closed", '["a"]'), "closed")
    sender.put(done("closed", "a"), "closed")
    sender.put(create("open", '["a","b"]', ttl="3600"), "open")
    sender.put(done("open", "a"), "open")
    old = Predecessor(world)
    old.read(4)
    old.publish("closed")
    old.read(1)
    old.commit(metadata)
    old.leave()
    world.collector("--early-ttl", "1").start().ready()
    late = sender.put(done("open", "b"), "open")
    _settle(world, sender, "new")
    [letter] = eventually(lambda: world.read(world.dead_letters), "the Done is a dead letter")
    assert letter.header("muster.error.code") == "orphan" and letter.value == late.value
    assert _outcomes(world, "open") == []
    assert len(_outcomes(world, "closed")) == 1, "what was read before the switch stays read"


def _set_back(world, timestamp_ms: int) -> subprocess.CompletedProcess:
    """The page's command, on this broker, group and topic, with this time."""
    tool, *words = migration_command()
    assert tool == "kafka-consumer-groups.sh"
    ours = {"--bootstrap-server": world.brokers, "--group": f"{world.topic}-group",
            "--topic": world.topic,
            "--to-datetime": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(timestamp_ms // 1000))
            + f".{timestamp_ms % 1000:03d}"}
    for name, value in ours.items():
        words[words.index(name) + 1] = value
    return subprocess.run([REPO / "scripts" / "kafka", "tool",
                           "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", *words],
                          capture_output=True, text=True, timeout=PATIENCE)


@pytest.mark.parametrize("partitions", [3])
def test_offsets_that_are_set_back_save_the_open_groups_and_repeat_outcomes(world):
    world.make()
    sender = world.sender()
    sender.put(create("before", "[]"), "before")
    time.sleep(0.01)  # another millisecond
    oldest = sender.put(create("open", '["a","b"]', ttl="3600"), "open")
    sender.put(done("open", "a", result="1"), "open")
    sender.put(create("closed", '["a"]'), "closed")
    sender.put(done("closed", "a"), "closed")
    old = Predecessor(world)
    old.read(5)
    old.publish("closed")
    old.read(1)
    old.commit("")
    refused = _set_back(world, oldest.timestamp)
    assert "is inactive" in refused.stdout + refused.stderr, refused
    old.leave()
    sender.put(done("open", "b", result="2"), "open")
    moved = _set_back(world, oldest.timestamp)
    assert moved.returncode == 0 and "Error" not in moved.stdout + moved.stderr, moved
    world.collector().start().ready()
    with world.tail() as tail:
        tail.outcomes("open", "closed")
    _settle(world, sender, "new")
    [outcome] = _outcomes(world, "open")
    assert outcome["results"] == {"a": 1, "b": 2}
    assert len(_outcomes(world, "closed")) == 2, "one by the predecessor, one by muster"
    assert _outcomes(world, "before") == []


@contextmanager
def _polling(old: Predecessor):
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            old.poll()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        old.leave()


@pytest.mark.parametrize("partitions", [2])
def test_beside_a_member_of_the_predecessor_muster_takes_up_nothing(world):
    world.make()
    sender = world.sender()
    old = Predecessor(world)
    with _polling(old):
        collector = world.collector(instance="").start()
        collector.says("the group's leader does not know all topics yet: waiting for it")
        for group in ("zero", "one"):
            sender.put(create(group, "[]"), group)
        stays(lambda: not any(" ready" in line for line in collector.lines()),
              lambda: collector.why("it is not ready"), 3)
        assert _outcomes(world, "zero") == _outcomes(world, "one") == []
    collector.ready()
    _settle(world, sender, "new")
