"""A limit of memory: near it the events of new groups wait in their topic, and nothing dies."""

import re
from pathlib import Path

from cluster import run_once
from confluent_kafka import Consumer, TopicPartition
from events import create, done
from waits import eventually, stays

# The least that is accepted. Most of it is for the clients and what they read ahead.
_LIMIT_MIB = 64
_PAYLOAD = '"' + "p" * 10_000 + '"'
_WAITS = "events of new groups"
_GOES_ON = "new groups are read again"


def _committed(world) -> int:
    """How far the group is in the topic."""
    consumer = Consumer({"bootstrap.servers": world.brokers, "group.id": f"{world.topic}-group"})
    try:
        return consumer.committed([TopicPartition(world.topic, 0)], timeout=30)[0].offset
    finally:
        consumer.close()


def _resident_mib(collector) -> int:
    status = Path(f"/proc/{collector.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) >> 10


def _limited(world, size=f"{_LIMIT_MIB}MiB"):
    return world.collector("--memory-limit", size)


def test_more_groups_than_memory_wait_until_a_restart_with_more(world):
    world.make()
    groups = [f"g-{number}" for number in range(3_000)]
    sender = world.sender()
    for group in groups:
        sender.send(create(group, '["a"]', ttl="3600", payload=_PAYLOAD), group)
    for group in groups:
        sender.send(done(group, "a"), group)
    sender.flush()
    collector = _limited(world).start().ready()
    collector.says(_WAITS)
    read = eventually(lambda: max(_committed(world), 0), "what was read is committed")
    # Longer than its session: it stays a member, and alive.
    stays(lambda: collector.running() and _resident_mib(collector) < _LIMIT_MIB,
          lambda: collector.why(f"{_resident_mib(collector)} MiB"), 8)
    assert _committed(world) == read
    assert 300 < read < 1_500
    # Kept as it is over a restart with the same limit.
    collector.kill()
    collector.start().ready().says(_WAITS)
    stays(lambda: collector.running() and _committed(world) == read, collector.tail, 2)
    assert not [line for line in collector.lines() if "waiting: the partitions" in line]
    assert collector.stop() == 0
    with world.tail() as tail:
        _limited(world, "256MiB").start().ready()
        tail.outcomes(*groups)
    result = world.check(sender.sent)
    assert result.ok and result.still_open == 0, str(result)


def test_groups_that_are_open_go_on_and_make_room(world):
    world.make()
    groups = [f"g-{number}" for number in range(500)]
    sender = world.sender()
    collector = _limited(world).start().ready()
    with world.tail() as tail:
        for group in groups:
            sender.send(create(group, '["a","b"]', ttl="3600", payload=_PAYLOAD), group)
        sender.put(create("read", "[]"), "read")
        tail.outcomes("read")
        for group in groups:
            sender.send(done(group, "a", result=_PAYLOAD), group)
        sender.flush()
        collector.says(_WAITS)
        for group in groups:
            sender.send(done(group, "b"), group)
        sender.put(create("last", "[]"), "last")
        tail.outcomes(*groups, "last")
    collector.says(_GOES_ON)
    result = world.check(sender.sent)
    assert result.ok and result.still_open == 0, str(result)


def test_a_limit_that_is_too_small_is_refused():
    refused = run_once(["--brokerlist", "127.0.0.1:1", "--memory-limit", "1MiB"])
    assert refused.returncode == 2, refused.stderr
    assert "--memory-limit: expected bytes, as in 512MiB or 4GiB, at least 64MiB" in refused.stderr
