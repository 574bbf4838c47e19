"""Kills under mixed load, with checkpoints many times a second and a Redis that is hurt before each
restart: emptied, set back to a backup, with the partitions' checkpoints exchanged, away or silent.
Exactly one correct outcome per group.

MUSTER_SEED=N repeats a run's plan.
"""

import random

import pytest
from storm import Storm, new_seed
from waits import eventually

_GROUPS = 2_500


class Hurts:
    """What is done to Redis while the collector is dead. The last state of it is kept in mind."""

    def __init__(self, world, redis):
        self._redis = redis
        self._checkpoints = [world.checkpoint(redis, part) for part in range(world.partitions)]
        self._backup = None

    def all(self) -> list:
        return [self.nothing, self._redis.flush, self.set_back, self.exchange, self._redis.kill,
                self._redis.pause]

    def nothing(self) -> None:
        pass

    def keep(self) -> None:
        self._backup = [one.copy() for one in self._checkpoints]

    def set_back(self) -> None:
        for one, copy in zip(self._checkpoints, self._backup):
            one.put(copy)

    def exchange(self) -> None:
        copies = [one.copy() for one in self._checkpoints]
        for one, copy in zip(self._checkpoints, copies[1:] + copies[:1]):
            one.put(copy)

    def heal(self) -> None:
        self._redis.resume()
        if self._redis.process is None:
            self._redis.start()


@pytest.mark.parametrize("partitions", [4])
def test_every_group_has_one_correct_outcome_whatever_is_killed_and_hurt(world, redis, capsys):
    seed = new_seed()
    dice = random.Random(seed)
    world.make()
    collector = world.collector("--redis", redis.url, "--checkpoint-interval", "0.01")
    collector.start().ready()
    hurts = Hurts(world, redis)
    plan = hurts.all()
    dice.shuffle(plan)
    storm = Storm(world, _GROUPS, seed, open=1_000, rate=1_200, mixed=1)
    used = void = 0
    with storm.blow():
        storm.grows(1, lambda: collector.why("a first outcome"))
        for hurt in plan:
            hurts.keep()
            storm.live_on(dice.randint(10, _GROUPS // (2 * len(plan))))
            if dice.random() < 0.2:
                assert collector.stop() == 0, collector.why("exit status")
            else:
                collector.kill()
            hurt()
            collector.start().ready()
            used += sum("from a checkpoint and" in line for line in collector.lines())
            void += sum("recovering from Kafka alone" in line for line in collector.lines())
            hurts.heal()
            storm.grows(10, lambda: collector.why("outcomes after a restart"))
    assert collector.stop() == 0, collector.why("exit status")
    result = storm.judge()
    with capsys.disabled():
        print(f"\nMUSTER_SEED={seed}\n{result}\n{used} partitions recovered from a checkpoint, "
              f"{void} could not")
    assert used and void, f"MUSTER_SEED={seed}: {used} used, {void} void"
