"""The collector is down for longer than its groups' ttls, and the partitions that it finds are of
unequal length: the short ones are read long before the one that holds most of the Dones. Nothing
times out that had all of them in time."""

import random
import time

import pytest
from checker import check
from events import create, done
from records import now_ms
from verdicts import Options
from waits import PATIENCE, eventually

_GROUPS = 3_000
_TTL_SECONDS = 3
_LONG = 50  # times as many records of groups as in another partition
_FOREIGN = 150_000  # records of others besides, which have to be read as well
_ENTITIES = ("a", "b", "c")
_INCOMPLETE_SHARE = 0.1


def _write(sender, dice: random.Random) -> int:
    """Returns how many groups miss a Done. The long partition begins with what is others'."""
    for number in range(_FOREIGN):
        sender.send(f'{{"type":"Foreign","id":{number}}}', partition=0)
    incomplete, waiting = 0, []
    for number in range(_GROUPS):
        group = f"g{number}"
        misses = dice.random() < _INCOMPLETE_SHARE
        incomplete += misses
        expected = "[" + ",".join(f'"{entity}"' for entity in _ENTITIES) + "]"
        waiting.append(create(group, expected, ttl=str(_TTL_SECONDS)))
        waiting += [done(group, entity, result=str(number))
                    for entity in (_ENTITIES[:-1] if misses else _ENTITIES)]
        if len(waiting) > 100:
            _send(sender, waiting, dice)
    _send(sender, waiting, dice)
    sender.flush()
    return incomplete


def _send(sender, values: list[str], dice: random.Random) -> None:
    dice.shuffle(values)
    for value in values:
        sender.send(value, partition=dice.choices(range(4), (_LONG, 1, 1, 1))[0])
    values.clear()


@pytest.mark.parametrize("partitions", [4])
@pytest.mark.parametrize("instances", [("one",), ("one", "two")], ids=["alone", "by two"])
def test_what_was_done_in_time_counts_however_late_it_is_read(world, capsys, instances):
    dice = random.Random(11)
    world.make()
    collectors = [world.collector(instance=name) for name in instances]
    for collector in collectors:
        collector.start().ready()
    for collector in collectors:
        assert collector.stop() == 0, collector.why("exit status")
    sender = world.sender(**{"linger.ms": 20})
    incomplete = _write(sender, dice)
    over = max(sent.timestamp for sent in sender.sent) + _TTL_SECONDS * 1000
    while now_ms() <= over:
        time.sleep(0.05)
    with world.tail(keep=lambda record: b'"type":"EventGroupCollector' in record.value
                    and b'"resolved"' in record.value) as tail:
        for collector in collectors:
            collector.start()
        eventually(lambda: len({record.key for record in list(tail.records)}) >= _GROUPS,
                   lambda: collectors[0].why(f"{_GROUPS} outcomes, not {len(tail.records)}"),
                   2 * PATIENCE)
    for collector in collectors:
        assert collector.stop() == 0, collector.why("exit status")
    sent = [one for one in sender.sent if b'"Foreign"' not in one.value]
    result = check(sent, world.read(), Options(partitions=4))
    with capsys.disabled():
        print(f"\n{result}")
    assert result.ok and result.groups == _GROUPS and result.still_open == 0, str(result)
    assert result.ends == {"success": _GROUPS - incomplete, "timeout": incomplete}, str(result)
