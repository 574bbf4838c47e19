"""An instance is killed and does not come back: the others publish the outcomes of its partitions
as soon as the group misses it. Static members leave their partitions to nobody before the session is
over, nor do dynamic ones that are killed; what the dead one's transaction holds back is ended by
whoever takes over."""

import pytest
from records import now_ms
from storm import Storm, new_seed
from waits import eventually

_SESSION_SECONDS = 6
_GENEROUS_SECONDS = 15  # proves that it goes on, on any machine; the aim is 2
_GROUPS = 2_500


def _covered(storm, begin: int, since: int, partitions: int):
    """When the last partition had an outcome that was written after `since`; 0 before that."""
    first = {}
    for index in range(begin, storm.count()):
        record = storm.tail.records[index]
        if record.timestamp >= since:
            first.setdefault(record.partition, storm.tail.arrivals[index])
    return max(first.values()) if len(first) == partitions else 0


@pytest.mark.parametrize("partitions", [4])
@pytest.mark.parametrize("names", [("one", "two", "three"), ("", "", "")],
                         ids=["static", "dynamic"])
def test_the_others_publish_for_one_that_died(world, capsys, partitions, names):
    seed = new_seed()
    world.make()
    collectors = [world.collector(instance=name) for name in names]
    for collector in collectors:
        collector.start().ready()
    storm = Storm(world, _GROUPS, seed, open=200, rate=500, mixed=1)
    with storm.blow():
        storm.grows(200)
        victim, *survivors = collectors
        victim.kill()
        begin, killed = storm.count(), now_ms()
        covered = eventually(lambda: _covered(storm, begin, killed, partitions),
                             lambda: survivors[0].why("outcomes of all partitions"),
                             _SESSION_SECONDS + _GENEROUS_SECONDS)
        assert not storm.sent_all(), "the load was to outlast this"
    for collector in survivors:
        assert collector.stop() == 0, collector.why("exit status")
    result = storm.judge()
    with capsys.disabled():
        print(f"\nMUSTER_SEED={seed}\n{result}\n"
              f"kill to outcomes of all partitions: {covered - killed} ms")
    said = [line for collector in survivors for line in collector.lines() if "left open" in line]
    assert any("ended what" in line for line in said), survivors[0].why("ends what was left open")
