"""Transactions of others on the input: open ones hide what lies behind them, aborted ones never
happened, and their markers take offsets."""

import random
import re
import time

import pytest
from checker import check
from confluent_kafka import Producer
from events import create, done
from load_plan import plans
from partitioner import home
from storm import is_outcome, new_seed
from verdicts import Options
from waits import PATIENCE, eventually


def _opened(world, partition: int) -> Producer:
    """A stranger's transaction, open, in front of whatever comes to this partition now."""
    stranger = Producer({"bootstrap.servers": world.brokers, "transactional.id": world.topic,
                         "transaction.timeout.ms": 60_000})
    stranger.init_transactions(PATIENCE)
    stranger.begin_transaction()
    stranger.produce(world.topic, b'{"type":"Foreign"}', partition=partition)
    stranger.flush(PATIENCE)
    return stranger


def _stays_open(seconds: float, tail, group: bytes) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert not [one for one in tail.records if one.key == group], "decided too soon"
        time.sleep(0.05)


def test_a_timeout_waits_for_what_stands_behind_a_foreign_transaction(world):
    """A Done that was written in time counts, also when a stranger's open transaction hides it."""
    world.make()
    world.collector().start().ready()
    with world.tail(keep=is_outcome) as tail:
        sender = world.sender()
        sender.put(create("hidden", '["a"]', ttl="2"), "hidden")
        stranger = _opened(world, 0)
        sender.put(done("hidden", "a"), "hidden")
        _stays_open(4, tail, b"hidden")
        stranger.abort_transaction(PATIENCE)
        [value] = tail.outcomes("hidden")
    assert b"Success" in value


@pytest.mark.parametrize("partitions", [4])
def test_a_timeout_waits_for_a_foreign_transaction_in_another_partition(world):
    """The Done lies behind it where it was sent, to be forwarded; for longer than any transaction
    of ours may take. Groups that need no timeout go on."""
    world.make()
    collector = world.collector().start().ready()
    at_home = home(b"hidden", 4)
    astray = (at_home + 1) % 4
    with world.tail(keep=is_outcome) as tail:
        sender = world.sender()
        sender.put(create("hidden", '["a"]', ttl="5"), partition=at_home)
        sender.put(create("late", '["a"]', ttl="5"), "late")
        stranger = _opened(world, astray)
        sender.put(done("hidden", "a"), partition=astray)
        # Not those whose outcomes would lie behind it as well.
        others = [f"other-{number}" for number in range(20)]
        others = [group for group in others if home(group.encode(), 4) != astray]
        for group in others:
            sender.send(create(group, '["a"]'), partition=at_home)
            sender.send(done(group, "a"), partition=(astray + 1) % 4)
        sender.flush()
        tail.outcomes(*others)
        _stays_open(20, tail, b"hidden")
        collector.says("timeouts of partition")
        stranger.commit_transaction(PATIENCE)
        values = tail.outcomes("hidden", "late")
    assert b"Success" in values[0] and b"timed out" in values[1]
    assert collector.stop() == 0, collector.why("exit status")
    result = world.check(sender.sent)
    assert result.ok and result.still_open == 0, str(result)


def _spoilt(value: str) -> str:
    """What would change every outcome, were it heard: other results, other payloads."""
    return re.sub(r'"(result|payload|error)"', r'"payload":"never","result":"never","\1_"', value)


@pytest.mark.parametrize("partitions", [4])
def test_events_in_transactions_count_when_they_are_committed(world, capsys):
    """Each third transaction is aborted: before what it says wrongly is said rightly, and of groups
    that nobody ever makes. The collector is killed meanwhile."""
    seed = new_seed()
    dice = random.Random(seed)
    world.make()
    collector = world.collector().start().ready()
    groups = list(plans(seed, 900))
    sender = world.sender(**{"transactional.id": f"{world.topic}-events"})

    def send(values, **how) -> None:
        values = [value for records in values for value in records]
        with sender.transaction(**how):
            for value in values:
                sender.send(value, partition=dice.randrange(4))

    with world.tail(keep=is_outcome) as tail:
        for first in range(0, len(groups), 10):
            some = groups[first:first + 10]
            if dice.random() < 0.5:
                spoilt = [[_spoilt(value) for value in plan.records()] for plan in some]
                ghosts = [[value.replace('"g-', '"ghost-') for value in records]
                          for records in spoilt]
                send(spoilt + ghosts, commit=False)
            send([plan.early + (plan.create,) + plan.soon + plan.closing for plan in some])
            if dice.random() < 0.06:
                collector.kill()
                collector.start()
        eventually(lambda: len({one.key for one in list(tail.records)}) >= len(groups),
                   lambda: collector.why("an outcome of every group"))
    assert collector.stop() == 0, collector.why("exit status")
    result = check(sender.sent, world.read(), Options(partitions=4))
    with capsys.disabled():
        print(f"\nMUSTER_SEED={seed}\n{result}")
    assert result.ok, f"MUSTER_SEED={seed}: {result}"
    assert result.groups == len(groups) and result.still_open == 0, str(result)
