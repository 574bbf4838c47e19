"""kill -9 of the broker under load: transactions end with an unknown fate, the producer is replaced,
and every group still has exactly one correct outcome."""

import random
from dataclasses import replace

import pytest
from cluster import Broker
from conftest import make_world
from storm import Storm, new_seed

_GROUPS = 3_000
_DEATHS = 3


_PROPERTIES = ("auto.create.topics.enable=false",)


@pytest.fixture
def mortal(tmp_path_factory):
    broker = Broker(tmp_path_factory.mktemp("mortal"), *_PROPERTIES)
    yield broker
    broker.remove()


@pytest.fixture
def mortal_world(mortal, tmp_path):
    world = make_world(mortal.address, tmp_path, 4)
    yield world.make()
    world.close()


def _as_in_the_log(sent, world):
    """A batch that a producer sends twice, since the answer died with the broker, is acknowledged with
    the time of the batch for each of its records; the log has their own."""
    times = {(record.partition, record.offset): record.timestamp for record in world.read()}
    return [replace(one, timestamp=times[one.partition, one.offset]) for one in sent]


def test_every_group_has_one_outcome_though_the_broker_dies(mortal, mortal_world, capsys):
    world = mortal_world
    seed = new_seed()
    dice = random.Random(seed)
    collector = world.collector().start().ready()
    storm = Storm(world, _GROUPS, seed, open=800, rate=700, mixed=1)
    with storm.blow():
        for _ in range(_DEATHS):
            storm.grows(dice.randint(1, 300))
            mortal.kill()
            mortal.up(*_PROPERTIES)
    assert collector.stop() == 0, collector.why("exit status")
    result = storm.judge(sent=lambda sent: _as_in_the_log(sent, world))
    with capsys.disabled():
        print(f"\nMUSTER_SEED={seed}\n{result}")
