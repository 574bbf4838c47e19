"""What each group may end in, from nothing but what was sent: PROTOCOL 1 written down a second
time, as simply as possible. Where timing decides (a Done near the deadline) a group has more than
one allowed end; everywhere else it has exactly one.

Judged are groups whose records lie in one partition, in their offset order. What this does not
know (updates, cancels, policies, ttls of entities) it refuses loudly.
"""

from dataclasses import dataclass, field

import raw_json
from records import Sent

CREATE = "EventGroupCollectorCreate"
DONE = "EventGroupCollectorEntityDone"
SUCCESS = "EventGroupCollectorSuccess"
FAILURE = "EventGroupCollectorFailure"
_REFUSED = {"EventGroupCollectorUpdate", "EventGroupCollectorCancel"}
_TTL_DEFAULT = "30"


@dataclass(frozen=True)
class Options:
    """What the collector was started with, as far as outcomes depend on it."""

    partitions: int = 1
    early_ttl: float = 30.0
    sender: str | None = None
    partitioner: str = "murmur2"


@dataclass(frozen=True)
class End:
    """One allowed end of a group. `results` are raw bytes as text, in order of `expected`."""

    code: str  # success, error, timeout
    entity: str
    error: str
    created: int
    resolved_min: int
    resolved_max: int
    results: tuple
    payload: str
    missing: tuple
    errors: tuple


@dataclass
class Event:
    """A Create or a Done with its raw members."""

    sent: Sent
    type: str
    group: str
    members: dict

    def text(self, name: str) -> str | None:
        return raw_json.value(self.members[name]) if name in self.members else None


@dataclass
class Group:
    id: str
    early: list = field(default_factory=list)
    create: Event | None = None
    dones: list = field(default_factory=list)


def parse(sent: Sent) -> Event | None:
    """None for a record that is nobody's (another type, an outcome)."""
    members = dict(raw_json.members(sent.value.decode("utf-8")))
    kind = raw_json.value(members["type"])
    if kind in _REFUSED or (kind == CREATE and "policy" in members):
        raise ValueError(f"the checker cannot judge this record: {sent.value[:200]!r}")
    if kind not in (CREATE, DONE):
        return None
    group = raw_json.value(members["id" if kind == CREATE else "group"])
    return Event(sent, kind, group, members)


def groups_of(sent: list[Sent]) -> dict[str, Group]:
    """The records sorted out by group, each group's in log order. Creates after the first change
    nothing: either the same again, or a dead letter."""
    groups: dict[str, Group] = {}
    places: dict[str, tuple] = {}
    for record in sorted(sent, key=lambda one: (one.topic, one.partition, one.offset)):
        event = parse(record)
        if event is None:
            continue
        place = (record.topic, record.partition)
        if places.setdefault(event.group, place) != place:
            raise ValueError(f"group {event.group} lies in two partitions: its order is unknown")
        _add(groups.setdefault(event.group, Group(event.group)), event)
    return groups


def _add(group: Group, event: Event) -> None:
    if event.type == DONE:
        (group.dones if group.create else group.early).append(event)
    elif group.create is None:
        group.create = event


def ttl_of(create: Event) -> str:
    """The ttl as given, since the text of a timeout repeats it; the default where none counts."""
    raw = create.members.get("ttl", "null")
    return raw if raw != "null" and float(raw) > 0 else _TTL_DEFAULT


def _ms(seconds) -> int:
    return round(float(seconds) * 1000)


class _Run:
    """One way through a group's life: which Dones were applied so far."""

    def __init__(self, create: Event):
        self.create = create
        self.expected = raw_json.value(create.members["expected"])
        if not all(isinstance(entity, str) for entity in self.expected):
            raise ValueError(f"the checker cannot judge ttls of entities: {create.group}")
        self.results: dict[str, str] = {}

    def apply(self, done: Event, closing: Sent) -> End | None:
        """The end that this Done makes, or None while the group stays open."""
        entity = done.text("id")
        if entity not in self.expected or entity in self.results:
            return None
        error = done.text("error")
        if error:
            return self._end("error", closing.timestamp, entity, error)
        self.results[entity] = done.members.get("result", "null")
        return self.complete(closing)

    def complete(self, closing: Sent) -> End | None:
        if len(self.results) < len(self.expected):
            return None
        return self._end("success", closing.timestamp)

    def timeout(self) -> End:
        text = f"Operation timed out after {ttl_of(self.create)} seconds"
        ends = deadlines(self.create)
        return self._end("timeout", ends[0], self.create.group, text, resolved_max=ends[1])

    def _end(self, code, resolved, entity="", error="", resolved_max=None) -> End:
        """A failed entity is there with null; those not heard of are named in `missing` only."""
        results = dict(self.results)
        if code == "error":
            results[entity] = "null"
        return End(
            code, entity, error, self.create.sent.timestamp, resolved, resolved_max or resolved,
            tuple((one, results[one]) for one in self.expected if one in results),
            self.create.members.get("payload", "null"),
            tuple(one for one in self.expected if one not in results),
            ((entity, error),) if code == "error" else ())


def deadlines(create: Event) -> tuple[int, int]:
    """The deadline is max(record time, the shard's clock) + ttl. The clock cannot be past the
    Create's append, and that was before its acknowledgement: (earliest, latest)."""
    ttl = _ms(ttl_of(create))
    return create.sent.timestamp + ttl, max(create.sent.timestamp, create.sent.acked) + ttl


def ends_of(group: Group, options: Options) -> list[End]:
    """Every allowed end, the likely one first. Early Dones near the end of their own ttl may have
    been dropped, oldest first: each number of dropped ones is a life of its own."""
    create = group.create.sent
    ttl = _ms(options.early_ttl)
    unsure = sum(1 for done in group.early if create.acked > done.sent.timestamp + ttl)
    ends: list[End] = []
    for dropped in range(unsure + 1):
        ends += [end for end in _life(group, group.early[dropped:]) if end not in ends]
    return ends


def _life(group: Group, early: list) -> list[End]:
    run = _Run(group.create)
    end = run.complete(group.create.sent)  # `expected` may be empty
    for done in early:
        end = end or run.apply(done, group.create.sent)
    if end:
        return [end]
    earliest, latest = deadlines(group.create)
    ends = []
    for done in group.dones:
        if done.sent.timestamp > latest:
            continue  # too late, whatever the collector did meanwhile
        if done.sent.acked > earliest:
            ends.append(run.timeout())  # it may have come too late
        end = run.apply(done, done.sent)
        if end:
            return [end, *ends]
    return [run.timeout(), *ends]
