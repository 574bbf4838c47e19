"""Groups in every state that a checkpoint holds, before and after whatever befalls the collector:

    scene = Scene(sender, "first")
    scene.begin()     # some groups end here and are remembered from now on, most stay open
    scene.go_on()     # if at all: more of the same, for a checkpoint that is behind
    scene.end()       # every group ends, and what had ended before is told all of it again
    scene.again()     # all groups have ended: all of it once more, and nothing may come of that
"""

import re

from checker import check
from events import create, done
from partitioner import home
from records import Sent
from verdicts import Options
from waits import PATIENCE, eventually

# What a re-formatting collector would change.
_ODD = r'{ "s":"\u00e9\/" ,"n":123456789012345678901234567890,"k":1,"k":2,"x":1.0E+2}'
_ALL = ("a", "b", "c")
_EXPECTED = '["a","b","c"]'
_ENTITY_TTL = "entity-ttl"
_ROLES = ("closed", "failed", "open", "early", "both", "timeout", _ENTITY_TTL, "more", "brief",
          "down")


class Scene:
    """`ttl`, in seconds, should be over only behind the restart: if not, the scene shows less."""

    def __init__(self, sender, name: str, partition: int = 0, partitions: int = 1, ttl: str = "2"):
        self.partition = partition
        self._sender = sender
        self._name = name
        self._ttl = ttl
        self._partitions = partitions
        self._ids = {role: self._id(role) for role in _ROLES}
        self._creates: dict[str, str] = {}
        self._fences = 0

    @property
    def groups(self) -> list[str]:
        """Those that have a Create by now."""
        return [self._ids[role] for role in self._creates]

    def begin(self) -> None:
        self._create("closed", ttl="20")
        self._done("closed", *_ALL)
        self._create("failed")
        self._done("failed", "b", error='"broke \\" down"')
        self._create("open", ttl="3600", payload=_ODD)
        self._done("open", "a", result="[1 , 2]")
        self._done("early", "c", "a")
        self._done("both", "c")
        self._create("both", ttl="3600")
        self._create("timeout", ttl=self._ttl)
        self._done("timeout", "b")
        self._create(_ENTITY_TTL, f'[{{"id":"a","ttl":{self._ttl}}},"b"]', ttl="3600")

    def go_on(self) -> None:
        self._done("open", "c", result='"\\u00e9"')
        self._create("more", ttl="3600")
        self._done("more", "a")
        self._create("brief")
        self._done("brief", *_ALL)

    def end(self) -> None:
        for role in ("closed", "failed", "brief"):
            if role in self._creates:
                self._tell_again(role)
        self._create("early", ttl="3600")
        self._done("early", "b")
        self._create("down")
        self._done("down", *_ALL)
        for role in ("open", "both", "more"):
            if role in self._creates:
                self._done(role, *_ALL, result='"last"')

    def again(self) -> None:
        for role in list(self._creates):
            self._tell_again(role)

    def passes(self, tail) -> None:
        """A group of no other use comes and goes: all that was sent before has been read, and there
        was one more batch at least."""
        self._fences += 1
        fence = self._id(f"fence-{self._fences}")
        self._sender.put(create(fence, "[]"), fence)
        tail.outcomes(fence)

    def answered(self, tail) -> None:
        """All groups that have a Create have an outcome, and all that was sent was read."""
        self.passes(tail)
        tail.outcomes(*self.groups)

    def last_offset(self) -> int:
        """Of the records that were sent to this partition."""
        self._sender.flush()
        return max(sent.offset for sent in self._sender.sent if sent.partition == self.partition)

    def nudge(self) -> None:
        """A record of nobody: a batch more."""
        self._sender.put('{"type":"Foreign"}', partition=self.partition)

    def _id(self, role: str) -> str:
        """One that lives in this scene's partition."""
        names = (f"{self._name}.{role}.{number}" for number in range(100_000))
        return next(name for name in names
                    if home(name.encode(), self._partitions) == self.partition)

    def _create(self, role: str, expected: str = _EXPECTED, **fields: str) -> None:
        self._creates[role] = create(self._ids[role], expected, **fields)
        self._sender.send(self._creates[role], self._ids[role])

    def _done(self, role: str, *entities: str, **fields: str) -> None:
        for entity in entities:
            self._sender.send(done(self._ids[role], entity, **fields), self._ids[role])

    def _tell_again(self, role: str) -> None:
        """Whoever has forgotten the group makes a second outcome of this."""
        entities = _ALL[:2] if role == _ENTITY_TTL else _ALL
        self._done(role, *entities, result='"too late"')
        self._sender.send(self._creates[role], self._ids[role])
        other = create(self._ids[role], "[]", payload='"other"')
        self._sender.send(other, self._ids[role])


def judge(world, sent: list[Sent], **options) -> None:
    """Exactly one correct outcome of every group that was sent, and no dead letter."""
    outcomes = world.read()
    mark = f".{_ENTITY_TTL}.".encode()
    result = check([one for one in sent if mark not in one.value and b'"Foreign"' not in one.value],
                   [one for one in outcomes if mark not in (one.key or b"")],
                   Options(partitions=world.partitions, **options))
    assert result.ok and result.still_open == 0, str(result)
    # Ttls of entities are nothing that the checker knows.
    created = {one.key for one in sent if mark in one.value and b'Create"' in one.value}
    found = [one for one in outcomes if one.key in created and b'"resolved"' in one.value]
    assert sorted(one.key for one in found) == sorted(created), [one.value for one in found]
    for one in found:
        assert re.search(rb'"entity":"a","error":"timed out after \d+ seconds"', one.value
                         ), one.value
    letters = world.read(world.dead_letters)
    assert not letters, letters[:3]


def covered(checkpoint, scene: Scene):
    """Waits until Redis has a whole checkpoint of all that was sent. Its head."""
    offset = scene.last_offset()
    return eventually(lambda: checkpoint.covers(offset),
                      lambda: f"a checkpoint behind offset {offset}: {checkpoint.head()}")


def renewed(checkpoint, scene: Scene, before):
    """Waits for a whole checkpoint that is by another writer than that head. New batches may be
    needed for that: one comes with each look."""
    def look():
        scene.nudge()
        head = checkpoint.whole()
        return head if head and (before is None or head["writer"] != before["writer"]) else None
    return eventually(look, lambda: f"a new checkpoint instead of {before}: {checkpoint.head()}",
                      PATIENCE)
