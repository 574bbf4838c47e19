"""Several instances of one group under load: they join, leave, die, and stand still for longer than
their session. Whatever happens, exactly one correct outcome per group; the checker decides.

MUSTER_SEED=N repeats a run's plan.
"""

import os
import random
import signal
import time

import pytest
from checker import check, outcome_type
from cluster import finished, load_process
from confluent_kafka import Producer
from events import create, done
from records import read_sent
from verdicts import Options
from waits import PATIENCE, eventually

_GROUPS = 6_000
_OPEN = 1_500
_RATE = 900
# Longer than the members' session of 6 s: the group gives its partitions to others meanwhile.
_STAND_STILL_SECONDS = 8


def _seed() -> int:
    return int(os.environ.get("MUSTER_SEED") or random.SystemRandom().randrange(1 << 31))


def _is_outcome(record) -> bool:
    return outcome_type(record.value) is not None


def _grows(tail, count: int, what: str) -> None:
    goal = len(tail.records) + count
    eventually(lambda: len(tail.records) >= goal, what)


def _leave(collector) -> None:
    assert collector.stop() == 0, collector.why("exit status")


def _stand_still(collector, tail) -> None:
    collector.process.send_signal(signal.SIGSTOP)
    end = time.monotonic() + _STAND_STILL_SECONDS
    while time.monotonic() < end:
        time.sleep(0.1)
    _grows(tail, 1, "the others go on")
    collector.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("partitions", [4])
def test_instances_come_go_die_and_stand_still_and_every_group_has_one_outcome(world, capsys,
                                                                                 partitions):
    seed = _seed()
    dice = random.Random(seed)
    world.make()
    one, two, three = (world.collector(instance=name) for name in ("one", "two", "three"))
    one.start().ready()
    out = world.folder / "sent.jsonl"
    with world.tail(keep=_is_outcome) as tail:
        with load_process(world.brokers, world.topic, out, groups=_GROUPS, open=_OPEN, rate=_RATE,
                          seed=seed) as load:
            _grows(tail, 20, "a first instance works")
            two.start().ready()
            three.start().ready()
            steps = [lambda: _leave(one), lambda: two.kill(), lambda: _stand_still(three, tail)]
            dice.shuffle(steps)
            for step in steps:
                step()
                _grows(tail, 1, "the others go on")
                for collector in (one, two, three):
                    if not collector.running():
                        collector.start()
            eventually(lambda: finished(load, out), "the load is sent", seconds=600)
        eventually(lambda: len({record.key for record in list(tail.records)}) >= _GROUPS,
                   "an outcome of every group", seconds=2 * PATIENCE)
    for collector in (one, two, three):
        _leave(collector)
    result = check(read_sent(out), world.read(), Options(partitions=partitions))
    with capsys.disabled():
        print(f"\nMUSTER_SEED={seed}\n{result}")
    assert result.ok, f"MUSTER_SEED={seed}: {result}"
    assert result.groups == _GROUPS and result.still_open == 0, str(result)


def test_a_second_instance_of_the_same_name_says_so_and_one_of_them_ends_with_3(world):
    world.make()
    first = world.collector(instance="twin").start().ready()
    second = world.collector(instance="twin").start()
    loser = eventually(lambda: next((c for c in (first, second) if not c.running()), None),
                       "one of the two gives way")
    assert loser.process.returncode == 3, loser.why("exit status")
    assert any("--instance twin" in line for line in loser.lines()), loser.why("the reason")
    winner = second if loser is first else first
    winner.ready()
    world.collectors.remove(loser)  # its exit status is what this test is about


def test_a_timeout_waits_for_what_stands_behind_a_foreign_transaction(world):
    """A Done that was written in time counts, also when a stranger's open transaction hides it."""
    world.make()
    world.collector().start().ready()
    stranger = Producer({"bootstrap.servers": world.brokers, "transactional.id": world.topic,
                         "transaction.timeout.ms": 60_000})
    stranger.init_transactions(PATIENCE)
    with world.tail(keep=_is_outcome) as tail:
        sender = world.sender()
        sender.put(create("hidden", '["a"]', ttl="2"), "hidden")
        stranger.begin_transaction()
        stranger.produce(world.topic, b'{"type":"Foreign"}', partition=0)
        stranger.flush(PATIENCE)
        sender.put(done("hidden", "a"), "hidden")
        sender.flush()
        end = time.monotonic() + 4  # past the deadline
        while time.monotonic() < end:
            assert not tail.records, "decided before the log was read to its end"
            time.sleep(0.05)
        stranger.abort_transaction(PATIENCE)
        eventually(lambda: tail.records, "an outcome")
    assert b"Success" in tail.records[0].value
