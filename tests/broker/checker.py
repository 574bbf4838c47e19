"""The independent checker: given what was sent and what came out, proves that every group had
exactly one outcome, the correct one, byte for byte, and none before its time.

It shares no code with the collector and asks it nothing. `check` is a pure function; the result
is a value with counts and the first examples of each kind: `assert result.ok, result`.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import raw_json
from partitioner import home
from records import Record, Sent, now_ms, rfc3339
from verdicts import FAILURE, SUCCESS, End, Options, ends_of, groups_of

# What can be found. `false_timeout`: every Done was in the log in time, yet the group timed out.
KINDS = ("lost", "doubled", "wrong", "early", "unknown", "false_timeout")
_EXAMPLES = 5


@dataclass
class Result:
    groups: int = 0
    ends: Counter = field(default_factory=Counter)  # outcomes by code
    still_open: int = 0  # groups whose deadline had not come when reading ended
    uncertain: int = 0  # groups with more than one allowed end
    lateness_ms: list = field(default_factory=list)  # of timeouts: written after the deadline by
    counts: Counter = field(default_factory=Counter)
    examples: dict = field(default_factory=lambda: defaultdict(list))

    @property
    def ok(self) -> bool:
        return not self.counts

    def found(self, kind: str, what: str) -> None:
        assert kind in KINDS, kind
        self.counts[kind] += 1
        if len(self.examples[kind]) < _EXAMPLES:
            self.examples[kind].append(what)

    def __str__(self) -> str:
        lines = [f"{self.groups} groups: {dict(self.ends)}, {self.still_open} still open, "
                 f"{self.uncertain} decided by timing; "
                 + ("all correct" if self.ok else f"FOUND {dict(self.counts)}")]
        for kind, examples in self.examples.items():
            lines += [f"  {kind}: {example}" for example in examples]
        return "\n".join(lines)


def outcome_type(value: bytes | None) -> str | None:
    """The type of an outcome; None for anything else that is on the bus."""
    if not value:
        return None
    for kind in (SUCCESS, FAILURE):
        if kind.encode() in value[:200]:
            try:
                members = dict(raw_json.members(value.decode("utf-8")))
            except ValueError:
                return kind  # a broken outcome is one all the same: it will be found wrong
            return kind if members.get("type") == f'"{kind}"' else None
    return None


def check(sent: list[Sent], outcomes: list[Record], options: Options,
          until: int | None = None) -> Result:
    """`outcomes`: all records of the output topic(s), others on the bus are left out. `until`: the
    wall clock when reading ended; a group whose deadline is later may still be open."""
    result = Result()
    until = now_ms() if until is None else until
    groups = {name: group for name, group in groups_of(sent).items() if group.created}
    found = _by_group(outcomes, groups, result)
    for name, group in groups.items():
        result.groups += 1
        ends = ends_of(group, options)
        result.uncertain += len(ends) > 1
        _judge(name, ends, found.get(name, []), options, until, result)
    return result


def _by_group(outcomes, groups, result) -> dict[str, list]:
    found = defaultdict(list)
    for record in outcomes:
        if outcome_type(record.value) is None:
            continue
        try:
            members = raw_json.members(record.value.decode("utf-8"))
            name = raw_json.value(dict(members).get("id", "null"))
        except ValueError as error:
            result.found("wrong", f"not JSON ({error}): {_show(record)}")
            continue
        if name in groups:
            found[name].append((record, members))
        else:
            result.found("unknown", _show(record))
    return found


def _judge(name, ends, found, options, until, result) -> None:
    if not found:
        if all(end.code == "timeout" and end.resolved_max >= until for end in ends):
            result.still_open += 1
        else:
            result.found("lost", f"group {name}, expected {ends[0].code}")
        return
    for record, _ in found[1:]:
        result.found("doubled", f"group {name}: {_show(found[0][0])} and {_show(record)}")
    record, members = found[0]
    _judge_outcome(name, ends, record, members, options, result)


def _judge_outcome(name, ends, record, members, options, result) -> None:
    code = _code(dict(members))
    result.ends[code] += 1
    end = next((one for one in ends if not _differs(one, record, options)), None)
    if end is None:
        if code == "timeout" and all(one.code != "timeout" for one in ends):
            result.found("false_timeout", f"group {name}: {_show(record)}")
        end = next((one for one in ends if one.code == code), ends[0])
        result.found("wrong", f"group {name}: {_differs(end, record, options)}: {_show(record)}")
    _judge_time(name, end, code, dict(members), record, result)
    _judge_place(name, record, options, result)


def _code(given: dict) -> str:
    if given["type"] == f'"{SUCCESS}"':
        return "success"
    return str(raw_json.value(given.get("code", "null")))


def _differs(end: End, record: Record, options: Options) -> str | None:
    """Why this outcome is not this end; None where it is. What the producers wrote is compared as
    it stands; strings that the collector writes may be escaped in any valid way: those decoded."""
    wanted = _wanted(end, options)
    try:
        members = raw_json.members(record.value.decode("utf-8"), spaces=False)
        names = [name for name, _ in members]
        if names != list(wanted):
            return f"fields {names} instead of {list(wanted)}"
        given = {name: _read(name, raw) for name, raw in members}
    except ValueError as error:
        return f"not compact JSON of the right shape ({error})"
    for name, value in given.items():
        if name == "resolved":
            first, last = rfc3339(end.resolved_min), rfc3339(end.resolved_max)
            if not first <= str(value) <= last:
                return f"resolved {value} is not in {first} .. {last}"
        elif name != "id" and value != wanted[name]:
            return f"{name} {str(value)[:200]} instead of {str(wanted[name])[:200]}"
    return None


def _wanted(end: End, options: Options) -> dict:
    """The fields of an outcome in PROTOCOL's order."""
    wanted = {"type": SUCCESS if end.code == "success" else FAILURE, "id": None}
    if options.sender is not None:
        wanted["sender"] = options.sender
    if end.code != "success":
        wanted |= {"entity": end.entity, "error": end.error}
    wanted |= {"created": rfc3339(end.created), "resolved": None,
               "results": list(end.results), "payload": end.payload}
    if end.code != "success":
        wanted |= {"code": end.code, "missing": list(end.missing), "errors": list(end.errors)}
    return wanted


def _read(name: str, raw: str):
    if name == "payload":
        return raw
    if name == "results":
        return raw_json.members(raw, spaces=False)
    if name == "errors":
        return [(key, raw_json.value(text)) for key, text in raw_json.members(raw, spaces=False)]
    if name == "missing":
        return raw_json.strings(raw)
    return raw_json.value(raw)


def _judge_time(name, end, code, given, record, result) -> None:
    """Nothing may be written before the event that closes the group, a timeout not before its
    deadline; what it says in `resolved` is judged too, but the record's own time is trusted."""
    if end.code != code:
        return  # found wrong already; of what it should have been the time says nothing
    if record.timestamp < end.resolved_min:
        result.found("early", f"group {name}: written {end.resolved_min - record.timestamp} ms "
                              f"before its time: {_show(record)}")
        return
    if code == "timeout":
        result.lateness_ms.append(record.timestamp - end.resolved_min)
        if str(given.get("resolved")).strip('"') < rfc3339(end.resolved_min):
            result.found("early", f"group {name}: resolved before its deadline "
                                  f"{rfc3339(end.resolved_min)}: {_show(record)}")


def _judge_place(name, record, options, result) -> None:
    if record.key != name.encode():
        result.found("wrong", f"group {name}: key {record.key!r}: {_show(record)}")
    partition = home(name.encode(), options.partitions, options.partitioner)
    if record.partition != partition:
        result.found("wrong", f"group {name}: not on its partition {partition}: {_show(record)}")


def _show(record: Record) -> str:
    text = (record.value or b"").decode("utf-8", "replace")
    line = text[:400].replace("\n", "\\n")
    return f"{record.topic}/{record.partition}@{record.offset} {line}"
