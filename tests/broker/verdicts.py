"""What each group may end in, from nothing but what was sent: PROTOCOL 1 written down a second
time, as simply as possible. Where timing decides (a Done near the deadline) a group has more than
one allowed end; everywhere else it has exactly one.

The records of one partition are applied in their order. Between partitions there is none: a group
that is spread over several may end in whatever some order of them gives, and in nothing else. What
this does not know (updates, cancels, policies, ttls of entities) it refuses loudly.
"""

from copy import copy
from dataclasses import dataclass, field
from itertools import product

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
    """`logs`: of each partition the group's records in their order."""

    id: str
    logs: dict = field(default_factory=dict)

    @property
    def created(self) -> bool:
        return any(event.type == CREATE for log in self.logs.values() for event in log)


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
    """The records sorted out by group."""
    groups: dict[str, Group] = {}
    for record in sorted(sent, key=lambda one: (one.topic, one.partition, one.offset)):
        event = parse(record)
        if event is None:
            continue
        group = groups.setdefault(event.group, Group(event.group))
        group.logs.setdefault((record.topic, record.partition), []).append(event)
    return groups


def ttl_of(create: Event) -> str:
    """The ttl as given, since the text of a timeout repeats it; the default where none counts."""
    raw = create.members.get("ttl", "null")
    return raw if raw != "null" and float(raw) > 0 else _TTL_DEFAULT


def _ms(seconds) -> int:
    return round(float(seconds) * 1000)


class _Run:
    """One way through a group's life: its deadline (from, to), and which Dones were applied so
    far."""

    def __init__(self, create: Event, deadline: tuple):
        self.create = create
        self.deadline = deadline
        self.expected = raw_json.value(create.members["expected"])
        if not all(isinstance(entity, str) for entity in self.expected):
            raise ValueError(f"the checker cannot judge ttls of entities: {create.group}")
        self.results: dict[str, str] = {}

    def copy(self) -> "_Run":
        run = copy(self)
        run.results = dict(self.results)
        return run

    def apply(self, done: Event, closing: Sent) -> End | None:
        """The end that this Done makes, or None while the group stays open."""
        entity = done.text("id")
        if self.late(done) or entity not in self.expected or entity in self.results:
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
        return self._end("timeout", self.deadline[0], self.create.group, text,
                         resolved_max=self.deadline[1])

    def late(self, done: Event) -> bool:
        return done.sent.timestamp > self.deadline[1]

    def _end(self, code, resolved, entity="", error="", resolved_max=None) -> End:
        """A failed entity is there with null; those not heard of are named in `missing` only."""
        results = dict(self.results)
        if code == "error":
            results[entity] = "null"
        created = self.create.sent.timestamp
        # A Done of another partition may be older than the Create that it is applied behind.
        resolved = max(created, resolved)
        return End(
            code, entity, error, created, resolved, resolved_max or resolved,
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
    """Every allowed end; those that are no timeout first."""
    return _Orders(group, options).ends()


@dataclass
class _State:
    """Where an order has come to: how much of each log was applied, and what that made. Before the
    Create there is no run, and Dones wait."""

    at: tuple
    run: _Run | None = None
    early: tuple = ()


class _Orders:
    """Walks through every order in which the records of a group may have been applied. A group in
    one partition has one."""

    def __init__(self, group: Group, options: Options):
        self._logs = list(group.logs.values())
        self._early_ttl = _ms(options.early_ttl)
        self._ends: list[End] = []
        self._timeouts: list[End] = []

    def ends(self) -> list[End]:
        stack = [_State((0,) * len(self._logs))]
        seen = set()
        while stack:
            state = stack.pop()
            key = self._key(state)
            if key in seen:
                continue
            seen.add(key)
            if state.run and self._may_time_out(state):
                _add(self._timeouts, state.run.timeout())
            for log, at in enumerate(state.at):
                if at < len(self._logs[log]):
                    stack += self._applied(state, log)
        for end in self._timeouts:
            _add(self._ends, end)
        return self._ends

    def _key(self, state: _State) -> tuple:
        run = state.run
        return (state.at, tuple(id(done) for done in state.early),
                run and (id(run.create), run.deadline, tuple(sorted(run.results.items()))))

    def _may_time_out(self, state: _State) -> bool:
        """All that is left was late, or perhaps not in the log at the deadline."""
        run = state.run
        return all(run.late(event) or event.sent.acked > run.deadline[0]
                   for log, at in zip(self._logs, state.at)
                   for event in log[at:] if event.type == DONE)

    def _applied(self, state: _State, log: int) -> list[_State]:
        """The states that the next record of this log leads to; ends are noted."""
        event = self._logs[log][state.at[log]]
        at = tuple(one + (index == log) for index, one in enumerate(state.at))
        if event.type == CREATE:
            # Creates after the first change nothing: the same again, or a dead letter.
            return [_State(at, state.run)] if state.run else self._created(at, event, state.early)
        if state.run is None:
            return [_State(at, None, (*state.early, event))]
        run = state.run.copy()
        if end := run.apply(event, event.sent):
            _add(self._ends, end)
            return []
        return [_State(at, run)]

    def _created(self, at: tuple, create: Event, early: tuple) -> list[_State]:
        """What waited is applied, in order of arrival. Near the end of their own ttl some may have
        been dropped, oldest first: each number of them is a life of its own."""
        old = [done for done in sorted(early, key=lambda done: done.sent.timestamp)
               if create.sent.acked > done.sent.timestamp + self._early_ttl]
        states = []
        for dropped, deadline in product(range(len(old) + 1), self._deadlines(create)):
            run = _Run(create, deadline)
            end = run.complete(create.sent)  # `expected` may be empty
            for done in early:
                if done not in old[:dropped]:
                    end = end or run.apply(done, create.sent)
            if end:
                _add(self._ends, end)
            else:
                states.append(_State(at, run))
        return states

    def _deadlines(self, create: Event) -> list[tuple]:
        """The deadline is one time of those that are possible: parts of them, (from, to), such that
        within a part it is the same Dones that are late."""
        earliest, latest = deadlines(create)
        cuts = {event.sent.timestamp for log in self._logs for event in log
                if event.type == DONE and earliest < event.sent.timestamp <= latest}
        begins = [earliest, *sorted(cuts)]
        return list(zip(begins, [cut - 1 for cut in begins[1:]] + [latest]))


def _add(ends: list, end: End) -> None:
    if end not in ends:
        ends.append(end)
