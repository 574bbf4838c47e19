"""kill -9 of the broker under load: transactions end with an unknown fate, the producer is replaced, and
every group still has exactly one correct outcome."""

import os
import random
from dataclasses import replace

import pytest
from checker import check, outcome_type
from cluster import Broker, finished, load_process
from conftest import make_world
from records import read_sent
from verdicts import Options
from waits import PATIENCE, eventually

_GROUPS = 4_000
_DEATHS = 3


def _seed() -> int:
    return int(os.environ.get("MUSTER_SEED") or random.SystemRandom().randrange(1 << 31))


@pytest.fixture
def mortal(tmp_path_factory):
    broker = Broker(tmp_path_factory.mktemp("mortal"), "auto.create.topics.enable=false")
    yield broker
    broker.remove()


def _as_in_the_log(sent, world):
    """A batch that a producer sends twice, since the answer died with the broker, is acknowledged with
    the time of the batch for each of its records; the log has their own."""
    times = {(record.partition, record.offset): record.timestamp for record in world.read()}
    return [replace(one, timestamp=times[one.partition, one.offset]) for one in sent]


def test_every_group_has_one_outcome_though_the_broker_dies(mortal, tmp_path, capsys):
    seed = _seed()
    dice = random.Random(seed)
    world = make_world(mortal.address, tmp_path, 2)
    world.make()
    collector = world.collector().start().ready()
    out = tmp_path / "sent.jsonl"
    with world.tail(keep=lambda record: outcome_type(record.value) is not None) as tail:
        with load_process(world.brokers, world.topic, out, groups=_GROUPS, open=800, rate=700,
                          seed=seed) as load:
            for _ in range(_DEATHS):
                goal = len(tail.records) + dice.randint(1, 300)
                eventually(lambda: len(tail.records) >= goal or finished(load, out), "outcomes")
                mortal.kill()
                mortal.up("auto.create.topics.enable=false")
            eventually(lambda: finished(load, out), "the load is sent", seconds=600)
        eventually(lambda: len({record.key for record in list(tail.records)}) >= _GROUPS,
                   lambda: collector.why("an outcome of every group"), seconds=3 * PATIENCE)
    assert collector.stop() == 0, collector.why("exit status")
    result = check(_as_in_the_log(read_sent(out), world), world.read(), Options(partitions=2))
    with capsys.disabled():
        print(f"\nMUSTER_SEED={seed}\n{result}")
    assert result.ok, f"MUSTER_SEED={seed}: {result}"
    assert result.groups == _GROUPS and result.still_open == 0, str(result)
    world.close()
