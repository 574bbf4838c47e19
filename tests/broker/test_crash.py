"""kill -9 under load, again and again: exactly one correct outcome per group, none before its
time. Times are printed for people; what is asserted is only what is true on every machine.

MUSTER_SEED=N repeats a run's plan: the load, the moments of the kills.
"""

import random
import re
import time
from dataclasses import dataclass

import pytest
from records import now_ms
from storm import Storm, new_seed, spread_of
from waits import eventually


@dataclass(frozen=True)
class Plan:
    partitions: int
    kills: int
    groups: int
    open: int  # at a time
    rate: int  # records per second, once so many are open
    mixed: bool = False
    partitioner: str = "murmur2"
    options: tuple = ()


PLANS = {
    "1 partition, 20 kills": Plan(1, 20, groups=15_000, open=5_000, rate=1_500),
    "4 partitions, 5 kills": Plan(4, 5, groups=3_000, open=800, rate=1_000),
    "4 partitions, producers mixed, 8 kills": Plan(4, 8, groups=5_000, open=1_000, rate=1_000,
                                                   mixed=True),
    "4 partitions, producers mixed, crc32": Plan(4, 5, groups=3_000, open=800, rate=1_000,
                                                 mixed=True, partitioner="crc32"),
    "4 partitions, producers mixed, 3 workers": Plan(4, 5, groups=3_000, open=800, rate=1_000,
                                                     mixed=True, options=("--workers", "3")),
}
# One life in so many is cut off in the midst of its recovery, before it has answered anything.
_EARLY_KILL_SHARE = 0.2
_EARLY_KILL_MS_MAX = 900


@pytest.mark.parametrize("partitions, plan", [
    pytest.param(plan.partitions, plan, id=name) for name, plan in PLANS.items()])
def test_every_group_has_one_correct_outcome_whatever_is_killed(world, capsys, plan):
    seed = new_seed()
    dice = random.Random(seed)
    world.make()
    collector = world.collector("--partitioner", plan.partitioner, *plan.options).start().ready()
    storm = Storm(world, plan.groups, seed, open=plan.open, rate=plan.rate, mixed=int(plan.mixed))
    with storm.blow():
        waits = _kill_again_and_again(dice, collector, storm, plan.kills)
    assert collector.stop() == 0, collector.why("exit status")
    result = storm.judge(partitioner=plan.partitioner)
    with capsys.disabled():  # of a run that passes, too
        print(f"\nMUSTER_SEED={seed}\n{result}\nrestart to first new outcome: {spread_of(waits)}\n"
              f"timeouts after their deadline: {spread_of(result.lateness_ms)}")


@pytest.mark.parametrize("partitions", [4])
def test_groups_that_outlive_the_carry_age_come_out_right_and_recovery_stays_short(world, capsys):
    """Each group that times out is written into the journal again many times before it does."""
    seed = new_seed()
    dice = random.Random(seed)
    world.make()
    options = {"early_ttl": 5, "closed_ttl": 5}
    collector = world.collector("--carry-after", "1", "--early-ttl", options["early_ttl"],
                                "--closed-ttl", options["closed_ttl"]).start().ready()
    storm = Storm(world, 2_500, seed, open=500, rate=700, mixed=1, timeout_ttls=("15", "20"))
    recovered = []
    with storm.blow():
        storm.grows(1, lambda: collector.why("a first outcome"))
        for _ in range(5):
            storm.live_on(dice.randint(100, 400))
            collector.kill()
            collector.start().ready()
            recovered.append(_batches_recovered(collector))
    assert collector.stop() == 0, collector.why("exit status")
    result = storm.judge(early_ttl=options["early_ttl"])
    batches = len(world.read(f"muster.{world.topic}-group.{world.topic}.journal"))
    with capsys.disabled():
        print(f"\nMUSTER_SEED={seed}\n{result}\nbatches recovered after each kill: {recovered}, of "
              f"{batches} in the end")
    assert recovered[-1] < batches / 4, "recovery reads back no further than the carry age"


def _batches_recovered(collector) -> int:
    """In its present life, over all its partitions."""
    counts = [re.search(r"recovered \d+ ids from (\d+) batches", line)
              for line in collector.lines()]
    return sum(int(count[1]) for count in counts if count)


def _kill_again_and_again(dice, collector, storm, kills: int) -> list[int]:
    """Kills at moments that the seed chooses: now after some outcomes, now in mid recovery. Returns
    the waits from start to first new outcome in ms."""
    waits = []
    storm.grows(1, lambda: collector.why("a first outcome"))
    for _ in range(kills):
        storm.live_on(dice.randint(0, storm.groups // (2 * kills)))
        collector.kill()
        begin, started = storm.count(), now_ms()
        collector.start()
        if dice.random() < _EARLY_KILL_SHARE:
            _let_pass(dice.randint(0, _EARLY_KILL_MS_MAX))
        else:
            first = eventually(lambda: storm.first_since(begin, started) or storm.all_there(),
                               lambda: collector.why("a first outcome after the restart"))
            if first is not True:
                waits.append(first - started)
    return waits


def _let_pass(milliseconds: int) -> None:
    """The one wait for a time: the moment of this kill is a point of the clock, nothing else."""
    time.sleep(milliseconds / 1000)
