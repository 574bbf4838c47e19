"""Several instances of one group under load: they join, leave, die, and stand still for longer than
their session. Whatever happens, exactly one correct outcome per group; the checker decides.

MUSTER_SEED=N repeats a run's plan.
"""

import random
import signal
import time

import pytest
from storm import Storm, new_seed
from waits import eventually

_GROUPS = 5_000
# Longer than the members' session of 6 s: the group gives its partitions to others meanwhile.
_STAND_STILL_SECONDS = 8


def _leave(collector) -> None:
    assert collector.stop() == 0, collector.why("exit status")


def _stand_still(collector, storm) -> None:
    collector.process.send_signal(signal.SIGSTOP)
    end = time.monotonic() + _STAND_STILL_SECONDS
    while time.monotonic() < end:
        time.sleep(0.1)
    storm.grows(1, "the others go on")
    collector.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("partitions", [4])
@pytest.mark.parametrize("names", [("one", "two", "three"), ("", "", "")],
                         ids=["static", "dynamic"])
def test_instances_come_go_die_and_stand_still_and_every_group_has_one_outcome(world, capsys,
                                                                                 names):
    """Producers do not agree on partitions, so the instances forward to each other all the time."""
    seed = new_seed()
    dice = random.Random(seed)
    world.make()
    one, two, three = (world.collector(instance=name) for name in names)
    one.start().ready()
    storm = Storm(world, _GROUPS, seed, open=1_000, rate=900, mixed=1)
    with storm.blow():
        storm.grows(20, "a first instance works")
        two.start().ready()
        three.start().ready()
        steps = [lambda: _leave(one), lambda: two.kill(), lambda: _stand_still(three, storm)]
        dice.shuffle(steps)
        for step in steps:
            step()
            storm.grows(1, "the others go on")
            for collector in (one, two, three):
                if not collector.running():
                    collector.start()
    for collector in (one, two, three):
        _leave(collector)
    result = storm.judge()
    with capsys.disabled():
        print(f"\nMUSTER_SEED={seed}\n{result}")


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
