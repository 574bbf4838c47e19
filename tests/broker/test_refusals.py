"""What the broker refuses for good becomes a dead letter, code `undeliverable`; where that is
refused too it is dropped, and said. The stream goes on, and nobody else's outcome is lost or doubled."""

from dataclasses import replace

import pytest
from checker import check, outcome_type
from cluster import Broker
from conftest import make_world
from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource,
                                   ResourceType)
from events import create, done
from partitioner import home
from records import now_ms
from verdicts import Options
from waits import PATIENCE, eventually

_HOUR_MS = 3_600_000
_PARTITIONS = 4


@pytest.fixture
def partitions():
    return _PARTITIONS


def _configure(brokers: str, topic: str, **config) -> None:
    admin = AdminClient({"bootstrap.servers": brokers})
    entries = [ConfigEntry(name.replace("_", "."), str(value),
                           incremental_operation=AlterConfigOpType.SET)
               for name, value in config.items()]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
    for answer in admin.incremental_alter_configs([resource]).values():
        answer.result(PATIENCE)


def _refusals(letters) -> list:
    return [one for one in letters if one.header("muster.error.code") == "undeliverable"]


def _delivered_and_refused(world, output: str) -> list:
    """All outcomes, those of dead letters too, as if each had come to its home."""
    letters = [replace(one, partition=home(one.key, _PARTITIONS))
               for one in _refusals(world.read(world.dead_letters)) if outcome_type(one.value)]
    return world.read(output) + letters


def _whole(group: str, result: str = "1") -> list[str]:
    return [create(group, '["a","b"]', ttl="600"), done(group, "a", result=result),
            done(group, "b", result="2")]


def _send_groups(sender, prefix: str, count: int, results=lambda number: "1") -> list[str]:
    """Unkeyed, so most records are forwarded; a burst, so that they share transactions."""
    names = [f"{prefix}-{number}" for number in range(count)]
    for number, group in enumerate(names):
        for value in _whole(group, results(number)):
            sender.send(value)
    sender.flush()
    return names


def _judge(world, collector, sender, output: str) -> None:
    assert collector.stop() == 0, collector.why("exit status")
    result = check(sender.sent, _delivered_and_refused(world, output),
                   Options(partitions=_PARTITIONS))
    assert result.ok and result.still_open == 0, str(result)


def test_outcomes_that_became_too_large_are_dead_letters(world):
    """The output topic is made smaller under the running collector: then not only single outcomes
    are too large, but also what is sent together."""
    world.make()
    output = world.topics.create(f"{world.topic}-out", _PARTITIONS)
    collector = world.collector("--output-topic", output).start().ready()
    sender = world.sender()
    with world.tail(output) as tail, world.tail(world.dead_letters) as letters:
        tail.outcomes(*_send_groups(sender, "before", 50))
        _configure(world.brokers, output, max_message_bytes=2_000)
        large = [number for number in range(500) if number % 100 == 50]
        names = _send_groups(sender, "burst", 500,
                             lambda number: '"' + "x" * (5_000 if number in large else 10) + '"')
        tail.outcomes(*(group for number, group in enumerate(names) if number not in large))
        eventually(lambda: len(_refusals(letters.records)) >= len(large),
                   lambda: collector.why("dead letters"))
        tail.outcomes(*_send_groups(sender, "after", 50))
    refused = _refusals(world.read(world.dead_letters))
    assert {one.key.decode() for one in refused} == {f"burst-{number}" for number in large}
    for one in refused:
        assert output in one.header("__connect.errors.exception.message")
        assert one.header("__connect.errors.topic") == world.topic
    collector.says("dead letter undeliverable")
    _judge(world, collector, sender, output)


def test_a_dead_letter_whose_time_is_refused_goes_with_another(world):
    world.make()
    world.topics.create(world.dead_letters, _PARTITIONS, message_timestamp_before_max_ms=60_000)
    collector = world.collector().start().ready()
    sender = world.sender()
    other = world.sender()
    with world.tail() as tail, world.tail(world.dead_letters) as letters:
        names = []
        for number in range(5):
            names += _send_groups(sender, f"around-{number}", 20)
            bad = other.put(f"not json {number}", "key", timestamp=now_ms() - _HOUR_MS,
                            headers=[("mine", b"1")])
        tail.outcomes(*names)
        eventually(lambda: len(letters.records) >= 5, lambda: collector.why("dead letters"))
        tail.outcomes(*_send_groups(sender, "after", 20))
    found = {one.value: one for one in world.read(world.dead_letters)}
    assert set(found) == {f"not json {number}".encode() for number in range(5)}
    letter = found[b"not json 4"]
    assert letter.header("muster.error.code") == "undeliverable"
    assert letter.header("__connect.errors.partition") == str(bad.partition)
    assert letter.header("__connect.errors.offset") == str(bad.offset)
    assert letter.header("mine") == "1" and letter.key == b"key"
    _judge(world, collector, sender, world.topic)


def test_a_record_that_cannot_be_forwarded_is_a_dead_letter(world):
    """Its time is refused by the topic between partition and home; its group never hears of it."""
    world.make()
    collector = world.collector().start().ready()
    repartition = f"muster.{world.topic}-group.{world.topic}.repartition"
    _configure(world.brokers, repartition, message_timestamp_before_max_ms=60_000)
    sender, other = world.sender(), world.sender()
    astray = (home(b"old", _PARTITIONS) + 1) % _PARTITIONS
    with world.tail() as tail, world.tail(world.dead_letters) as letters:
        sender.put(create("old", '["a"]', ttl="600"), "old")
        names = _send_groups(sender, "around", 100)
        value = done("old", "a", result="1")
        lost = other.put(value, "mine", partition=astray, timestamp=now_ms() - _HOUR_MS,
                         headers=[("trace", b"\x00")])
        names += _send_groups(sender, "around too", 100)
        tail.outcomes(*names)
        eventually(lambda: letters.records, lambda: collector.why("a dead letter"))
        sender.put(value, "old")  # this one is heard
        tail.outcomes("old", *_send_groups(sender, "after", 20))
    [letter] = world.read(world.dead_letters)
    assert letter.header("muster.error.code") == "undeliverable"
    assert (letter.key, letter.value) == (b"mine", value.encode())
    assert letter.header("__connect.errors.partition") == str(lost.partition)
    assert letter.header("__connect.errors.offset") == str(lost.offset)
    assert letter.header("trace") == "\x00"
    assert letter.header("muster.origin.offset") is None, "what we put there is gone again"
    _judge(world, collector, sender, world.topic)


def test_what_the_dead_letter_topic_refuses_too_is_dropped_and_said(world):
    world.make()
    collector = world.collector().start().ready()
    _configure(world.brokers, world.dead_letters, max_message_bytes=1_000)
    sender, other = world.sender(), world.sender()
    with world.tail() as tail, world.tail(world.dead_letters) as letters:
        names = _send_groups(sender, "around", 100)
        other.put("x" * 5_000, "large")
        names += _send_groups(sender, "around too", 100)
        other.put("small", "small")
        tail.outcomes(*names)
        collector.says("dropped, because the dead-letter topic refuses it too")
        eventually(lambda: letters.records, lambda: collector.why("the small dead letter"))
        tail.outcomes(*_send_groups(sender, "after", 20))
    assert [one.value for one in world.read(world.dead_letters)] == [b"small"]
    _judge(world, collector, sender, world.topic)


@pytest.fixture
def strict_world(tmp_path_factory, tmp_path):
    """On a broker that makes no topic for whoever writes to one that is not there."""
    broker = Broker(tmp_path_factory.mktemp("strict"), "auto.create.topics.enable=false")
    world = make_world(broker.address, tmp_path, _PARTITIONS)
    yield world
    world.close()
    broker.remove()


def test_outcomes_of_an_output_topic_that_is_gone_are_dead_letters(strict_world):
    world = strict_world.make()
    output = world.topics.create(f"{world.topic}-out", _PARTITIONS)
    collector = world.collector("--output-topic", output).start().ready()
    sender = world.sender()
    with world.tail(output) as tail:
        tail.outcomes(*_send_groups(sender, "before", 50))
    before = world.read(output)
    admin = AdminClient({"bootstrap.servers": world.brokers})
    admin.delete_topics([output])[output].result(PATIENCE)
    eventually(lambda: world.topics.partitions(output) == 0, "the topic is gone")
    with world.tail(world.dead_letters) as letters:
        _send_groups(sender, "during", 200)
        eventually(lambda: len(letters.records) >= 200, lambda: collector.why("dead letters"))
    assert all(output in one.header("__connect.errors.exception.message")
               for one in letters.records)
    world.topics.create(output, _PARTITIONS)
    number = 0
    while not world.read(output) and number < 20:
        # The client may see the new topic a little later: until then more are dead letters.
        _send_groups(sender, f"after-{number}", 5)
        number += 1
        eventually(lambda: len(_delivered_and_refused(world, output)) >= 200 + 5 * number,
                   lambda: collector.why("outcomes, here or there"))
    assert world.read(output), collector.why("an outcome in the topic made anew")
    assert collector.stop() == 0, collector.why("exit status")
    result = check(sender.sent, before + _delivered_and_refused(world, output),
                   Options(partitions=_PARTITIONS))
    assert result.ok and result.still_open == 0, str(result)
