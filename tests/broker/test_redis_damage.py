"""What Redis holds is damaged while the collector is dead, each partition's in a way of its own.
Every group still has exactly one correct outcome, the log says what was wrong, and Redis has whole
checkpoints again.

One collector for all cases: what is asserted of each is seen once.
"""

import re
from dataclasses import dataclass, replace

import pytest
from conftest import make_world
from redis_server import RedisServer
from scene import Scene, covered, judge, renewed
from waits import eventually

_TTL = "6"
_AHEAD = "head ahead of Kafka"
_AHEAD_BATCHES = 5
# What the log says of a partition; nothing at all where there is no checkpoint.
_USED = "from a checkpoint and"
_ABSENT = ""
_EPOCH = "it is of another epoch"
_HEAD = "its head cannot be read"
_UNFINISHED = "it is unfinished, or of other input logs"
_ENTRY = "an entry is damaged"
_MISSING = "some of it is missing"
_CLOSED = "its closed ids|some of it is missing"  # the latter when no value of them is left
_TYPE = "WRONGTYPE"


@dataclass
class Shelf:
    """A partition's checkpoint as it is damaged, an earlier state of it, and that of others."""

    now: object
    earlier: list
    neighbour: list
    stranger: list


def _change_head(shelf, **words) -> None:
    shelf.now.set_head(shelf.now.head().but(**words).text())


def _other_version(shelf) -> None:
    shelf.now.set_head(replace(shelf.now.head(), version="muster2").text())


def _cut_head(shelf) -> None:
    text = shelf.now.head().text()
    shelf.now.set_head(text[:len(text) // 2])


def _change_value(shelf, key: str, change) -> None:
    field, value = sorted(shelf.now.fields(key).items())[0]
    shelf.now.set_field(key, field, change(value))


def _flipped(value: bytes) -> bytes:
    return value[:-1] + bytes([value[-1] ^ 1])


def _next_version(value: bytes) -> bytes:
    return bytes([value[0] + 1]) + value[1:]


def _swap_entries(shelf) -> None:
    (one, first), (two, second) = sorted(shelf.now.fields(shelf.now.entries_key).items())[:2]
    shelf.now.set_field(shelf.now.entries_key, one, second)
    shelf.now.set_field(shelf.now.entries_key, two, first)


def _one_entry_of_before(shelf) -> None:
    """Unharmed in itself: only all of them together are wrong."""
    entries = shelf.now.fields(shelf.now.entries_key)
    keep = shelf.now.copy()
    shelf.now.put(shelf.earlier)
    before = shelf.now.fields(shelf.now.entries_key)
    shelf.now.put(keep)
    [changed] = [name for name, value in before.items()
                 if name in entries and entries[name] != value]
    shelf.now.set_field(shelf.now.entries_key, changed, before[changed])


def _lose_field(shelf, key: str) -> None:
    field = sorted(shelf.now.fields(key))[0]
    assert shelf.now.redis.command("HDEL", key, field) == 1


def _other_type(shelf, key: str) -> None:
    shelf.now.delete(key)
    shelf.now.redis.command("RPUSH", key, "a list")


# name -> (what is done, what the log says)
CASES = {
    "untouched": (lambda shelf: None, _USED),
    "behind": (lambda shelf: shelf.now.put(shelf.earlier), _USED),
    "gone": (lambda shelf: shelf.now.delete(*shelf.now.keys), _ABSENT),
    "head gone": (lambda shelf: shelf.now.delete(shelf.now.head_key), _ABSENT),
    "of another partition": (lambda shelf: shelf.now.put(shelf.neighbour), _EPOCH),
    "of another topic": (lambda shelf: shelf.now.put(shelf.stranger), _EPOCH),
    "head of another version": (_other_version, _HEAD),
    "head cut in half": (_cut_head, _HEAD),
    "head of nonsense": (lambda shelf: shelf.now.set_head(b"\x00\xff nonsense"), _HEAD),
    _AHEAD: (
        lambda shelf: _change_head(shelf, n=shelf.now.head().n + _AHEAD_BATCHES),
        "it is ahead of the committed offsets"),
    "unfinished": (lambda shelf: _change_head(shelf, finished=0), _UNFINISHED),
    "of other logs": (lambda shelf: _change_head(shelf, next="1"), _UNFINISHED),
    "entry damaged": (
        lambda shelf: _change_value(shelf, shelf.now.entries_key, _flipped), _ENTRY),
    "entry of another version": (
        lambda shelf: _change_value(shelf, shelf.now.entries_key, _next_version), _ENTRY),
    "entry empty": (
        lambda shelf: _change_value(shelf, shelf.now.entries_key, lambda value: b""), _ENTRY),
    "entries exchanged": (_swap_entries, _ENTRY),
    "entry of an earlier checkpoint": (_one_entry_of_before, _MISSING),
    "entry gone": (lambda shelf: _lose_field(shelf, shelf.now.entries_key), _MISSING),
    "entries gone": (lambda shelf: shelf.now.delete(shelf.now.entries_key), _MISSING),
    "closed ids gone": (lambda shelf: shelf.now.delete(shelf.now.closed_key), _CLOSED),
    "some closed ids gone": (lambda shelf: _lose_field(shelf, shelf.now.closed_key), _CLOSED),
    "closed ids damaged": (
        lambda shelf: _change_value(shelf, shelf.now.closed_key, _flipped), _CLOSED),
    "closed ids of another version": (
        lambda shelf: _change_value(shelf, shelf.now.closed_key, _next_version), _CLOSED),
    "head of another type": (lambda shelf: _other_type(shelf, shelf.now.head_key), _TYPE),
    "entries of another type": (lambda shelf: _other_type(shelf, shelf.now.entries_key), _TYPE),
    "closed ids of another type": (lambda shelf: _other_type(shelf, shelf.now.closed_key), _TYPE),
}
NAMES = list(CASES)


def _begin(world, redis, name: str):
    """A collector on the world's topic, with a scene in each partition that has begun."""
    world.make()
    collector = world.with_redis(redis.url).start().ready()
    sender = world.sender()
    scenes = [Scene(sender, name, partition, world.partitions, _TTL)
              for partition in range(world.partitions)]
    for scene in scenes:
        scene.begin()
    checkpoints = [world.checkpoint(redis, scene.partition) for scene in scenes]
    for checkpoint, scene in zip(checkpoints, scenes):
        covered(checkpoint, scene)
    return collector, sender, scenes, checkpoints


@pytest.fixture(scope="module")
def story(brokers, tmp_path_factory):
    """All that happens; what came of it is for the tests."""
    folder = tmp_path_factory.mktemp("damage")
    one, other = make_world(brokers, folder, len(CASES)), make_world(brokers, folder, 1)
    with RedisServer(folder / "redis") as redis:
        try:
            yield Story(one, other, redis)
        finally:
            one.close()
            other.close()


class Story:
    """Two lives of the collector, before and behind the damage, and a third that finds what the
    second has written. `said` is the log of the second, `said_again` that of the third."""

    def __init__(self, world, other, redis):
        self.world = world
        collector, self.sender, self.scenes, self.checkpoints = _begin(world, redis, "damage")
        stranger, *_, strange = _begin(other, redis, "stranger")
        assert stranger.stop() == 0, stranger.why("exit status")
        self._go_on_and_damage(collector, redis, strange[0].copy())
        with world.tail() as tail:
            collector.start().ready()
            for _ in range(_AHEAD_BATCHES):  # it is left alone until it is behind
                self.scenes[NAMES.index(_AHEAD)].passes(tail)
            self._all(Scene.end)
            self._all(lambda scene: scene.answered(tail))
            self.said = collector.lines()
            for checkpoint, scene, head in zip(self.checkpoints, self.scenes, self.heads):
                renewed(checkpoint, scene, head)
                covered(checkpoint, scene)
            collector.kill()
            collector.start().ready()
            self.said_again = collector.lines()
            self._all(Scene.again)
            self._all(lambda scene: scene.answered(tail))
        assert collector.stop() == 0, collector.why("exit status")

    def _all(self, act) -> None:
        for scene in self.scenes:
            act(scene)

    def _go_on_and_damage(self, collector, redis, strange: list) -> None:
        earlier = [checkpoint.copy() for checkpoint in self.checkpoints]
        self.head_behind = self.checkpoints[NAMES.index("behind")].head()
        self._all(Scene.go_on)
        for checkpoint, scene in zip(self.checkpoints, self.scenes):
            covered(checkpoint, scene)
        collector.kill()
        # What it has sent last is done before Redis has closed the connection.
        eventually(lambda: b"name=muster" not in redis.command("CLIENT", "LIST"), "Redis knows")
        self.heads = [checkpoint.whole() for checkpoint in self.checkpoints]
        assert all(self.heads), "a kill has left half a checkpoint"
        copies = [checkpoint.copy() for checkpoint in self.checkpoints]
        for index, (damage, _) in enumerate(CASES.values()):
            damage(Shelf(self.checkpoints[index], earlier[index], copies[index - 1], strange))

    def of(self, lines: list[str], name: str) -> list[str]:
        return [line for line in lines if re.search(rf"partition {NAMES.index(name)}\b", line)]


@pytest.mark.parametrize("name", NAMES)
def test_the_log_says_what_was_wrong_with_a_checkpoint(story, name):
    lines = story.of(story.said, name)
    [recovered] = [line for line in lines if "recovered" in line]
    why = [line for line in lines if "no checkpoint" in line]
    wanted = CASES[name][1]
    assert (_USED in recovered) == (wanted == _USED), lines
    if wanted in (_USED, _ABSENT):
        assert not why, why
    else:
        [line] = why
        assert re.search(wanted, line) and "recovering from Kafka alone" in line, line


def test_behind_a_checkpoint_all_later_batches_are_replayed(story):
    [line] = [line for line in story.of(story.said, "behind") if "recovered" in line]
    head = story.heads[NAMES.index("behind")]
    assert head.n > story.head_behind.n
    assert int(re.search(r"and (\d+) batches", line)[1]) >= head.n - story.head_behind.n, line


def test_every_group_has_one_correct_outcome_and_ended_ones_are_remembered(story):
    judge(story.world, story.sender.sent)


@pytest.mark.parametrize("name", NAMES)
def test_the_checkpoint_that_is_written_afterwards_is_used(story, name):
    lines = story.of(story.said_again, name)
    assert any(_USED in line for line in lines), lines
    assert not any("no checkpoint" in line for line in lines), lines
