"""kill -9 under load, again and again: exactly one correct outcome per group, none before its
time. Times are printed for people; what is asserted is only what is true on every machine.

MUSTER_SEED=N repeats a run's plan: the load, the moments of the kills.
"""

import os
import random
import time
from dataclasses import dataclass

import pytest
from checker import check, outcome_type
from cluster import finished, load_process
from records import now_ms, read_sent
from verdicts import Options
from waits import PATIENCE, eventually


@dataclass(frozen=True)
class Plan:
    groups: int
    open: int  # at a time
    rate: int  # records per second, once so many are open
    kills: int


WHOLE = Plan(groups=20_000, open=5_000, rate=1_500, kills=20)
SPREAD = Plan(groups=5_000, open=1_000, rate=1_000, kills=6)
# One life in so many is cut off in the midst of its recovery, before it has answered anything.
_EARLY_KILL_SHARE = 0.2
_EARLY_KILL_MS_MAX = 900
_OUTCOMES_PER_LIFE_MAX = 400


def _seed() -> int:
    return int(os.environ.get("MUSTER_SEED") or random.SystemRandom().randrange(1 << 31))


class Outcomes:
    """The outcomes in a tail, and which of them a life of the collector wrote."""

    def __init__(self, tail):
        self._tail = tail

    def count(self) -> int:
        return len(self._tail.records)

    def groups(self) -> int:
        return len({record.key for record in list(self._tail.records)})

    def first_since(self, begin: int, started: int) -> int | None:
        """When the first outcome came that was written after `started`, by index from `begin`."""
        for index in range(begin, self.count()):
            if self._tail.records[index].timestamp >= started:
                return self._tail.arrivals[index]
        return None


def _is_outcome(record) -> bool:
    return outcome_type(record.value) is not None


@pytest.mark.parametrize("partitions, plan", [
    pytest.param(1, WHOLE, id="1 partition, 20 kills"),
    pytest.param(4, SPREAD, id="4 partitions, 6 kills"),
])
def test_every_group_has_one_correct_outcome_whatever_is_killed(world, capsys, partitions,
                                                                plan):
    seed = _seed()
    with capsys.disabled():  # of a run that passes, too
        print(f"\nMUSTER_SEED={seed}")
    dice = random.Random(seed)
    world.make()
    collector = world.collector().start().ready()
    out = world.folder / "sent.jsonl"
    with world.tail(keep=_is_outcome) as tail:
        with load_process(world.brokers, world.topic, out, groups=plan.groups, open=plan.open,
                          rate=plan.rate, seed=seed) as load:
            outcomes = Outcomes(tail)
            waits, under_load = _kill_again_and_again(dice, collector, outcomes, load, plan)
            eventually(lambda: finished(load, out), "the load is sent", seconds=600)
        _wait_for_all(collector, outcomes, plan.groups)
    assert collector.stop() == 0, collector.why("exit status")
    result = check(read_sent(out), world.read(), Options(partitions=partitions))
    with capsys.disabled():
        _report(waits, under_load, result)
    assert result.ok, f"MUSTER_SEED={seed}: {result}"
    assert result.groups == plan.groups and result.still_open == 0, str(result)


def _kill_again_and_again(dice, collector, outcomes, load, plan) -> tuple[list, int]:
    """Kills at moments that the seed chooses: now after some outcomes, now in mid recovery.
    Returns the waits from start to first new outcome in ms, and how many kills the load saw."""
    waits, under_load = [], 0
    eventually(lambda: outcomes.count() > 0, lambda: collector.why("a first outcome"))
    for _ in range(plan.kills):
        _live_on(outcomes, collector, dice.randint(0, _OUTCOMES_PER_LIFE_MAX))
        under_load += load.poll() is None
        collector.kill()
        begin, started = outcomes.count(), now_ms()
        collector.start()
        if dice.random() < _EARLY_KILL_SHARE:
            _let_pass(dice.randint(0, _EARLY_KILL_MS_MAX))
        else:
            first = eventually(lambda: outcomes.first_since(begin, started),
                               lambda: collector.why("a first outcome after the restart"))
            waits.append(first - started)
    return waits, under_load


def _live_on(outcomes, collector, count: int) -> None:
    """Until so many more outcomes are there, or none came for a second (the load may be over)."""
    goal, last, quiet_since = outcomes.count() + count, outcomes.count(), time.monotonic()
    while (now := outcomes.count()) < goal and time.monotonic() < quiet_since + 1:
        assert collector.running(), collector.why("died by itself")
        if now > last:
            last, quiet_since = now, time.monotonic()
        time.sleep(0.005)


def _let_pass(milliseconds: int) -> None:
    """The one wait for a time: the moment of this kill is a point of the clock, nothing else."""
    time.sleep(milliseconds / 1000)


def _wait_for_all(collector, outcomes, groups: int) -> None:
    """Goes on as long as outcomes come; a lost one is for the checker to name, so silence ends
    this without an error."""
    last, since = -1, time.monotonic()
    while (now := outcomes.groups()) < groups and time.monotonic() < since + PATIENCE:
        assert collector.running(), collector.why("died by itself")
        if now > last:
            last, since = now, time.monotonic()
        time.sleep(0.2)


def _report(waits, under_load, result) -> None:
    waits, late = sorted(waits), sorted(result.lateness_ms)
    print(result)
    print(f"kills under load: {under_load}")
    for name, values in (("restart to first new outcome", waits), ("timeouts after their deadline",
                                                                   late)):
        if values:
            print(f"{name}: median {values[len(values) // 2]} ms, max {values[-1]} ms, "
                  f"of {len(values)}")
