"""Has all of a chaos run judged by the checker, in slices, so that an hour of it fits into memory:
the topic is read once, from its beginning, and each record goes into its group's slice, a file."""

import re
import zlib
from array import array
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

from checker import KINDS, Result, check, outcome_type
from reader import Tail
from records import Record, Sent, now_ms, read_sent, write_sent
from sender import Sender
from timed_load import HEADER
from verdicts import Options
from waits import eventually

_GROUP = re.compile(rb'"(c-\d{6,})"')
_GROUPS_PER_SLICE = 5_000
_EXAMPLES = 5
_READ_SECONDS_MAX = 1800
END = '{"type":"ChaosEnd"}'


@dataclass
class Verdict:
    groups: int = 0
    ends: Counter = field(default_factory=Counter)
    uncertain: int = 0
    still_open: int = 0
    lateness_ms: array = field(default_factory=lambda: array("q"))
    counts: Counter = field(default_factory=Counter)  # what the checker has found
    history: list = field(default_factory=list)  # why the history itself is not to be trusted
    examples: list = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.counts and not self.history and not self.still_open

    def add(self, result: Result) -> None:
        self.groups += result.groups
        self.ends += result.ends
        self.uncertain += result.uncertain
        self.still_open += result.still_open
        self.lateness_ms.extend(result.lateness_ms)
        self.counts += result.counts
        for kind in KINDS:
            room = _EXAMPLES - sum(one.startswith(kind) for one in self.examples)
            self.examples += [f"{kind}: {one}" for one in result.examples.get(kind, ())][:room]


class Slices:
    """`acknowledged`: by the number of each record that was sent, when its producer heard of it."""

    def __init__(self, folder: Path, groups: int, acknowledged: array):
        self._acknowledged = acknowledged
        self._seen = bytearray(len(acknowledged))
        self._strangers: list[str] = []
        self._count = 1 + groups // _GROUPS_PER_SLICE
        folder.mkdir()
        self._sent, self._outcomes = (
            [folder / f"{name}-{number:04d}.jsonl" for number in range(self._count)]
            for name in ("sent", "outcomes"))
        self._files = {path: open(path, "w", encoding="ascii", buffering=1 << 16)
                       for path in (*self._sent, *self._outcomes)}

    def add(self, record: Record) -> None:
        """A record of the topic, as it was read."""
        value = record.value or b""
        if outcome_type(record.value) is not None:
            self._write(self._outcomes, record, 0)
        elif (number := record.header(HEADER)) is not None:
            self._seen[int(number)] = min(2, self._seen[int(number)] + 1)
            self._write(self._sent, record, self._acknowledged[int(number)])
        elif value != END.encode():
            self._strangers.append(repr(value[:200]))

    def _write(self, paths: list[Path], record: Record, acked: int) -> None:
        found = _GROUP.search(record.value)
        part = zlib.crc32(found[1]) % self._count if found else 0
        write_sent(self._files[paths[part]],
                   Sent(record.topic, record.partition, record.offset, record.timestamp, acked,
                        record.key, record.value))

    def judge(self, options: Options) -> Verdict:
        for file in self._files.values():
            file.close()
        verdict = Verdict(history=self._doubts())
        with ProcessPoolExecutor(mp_context=get_context("spawn")) as workers:
            for result in workers.map(_judge, self._sent, self._outcomes, repeat(options),
                                      repeat(now_ms())):
                verdict.add(result)
        return verdict

    def _doubts(self) -> list[str]:
        lost, doubled = self._seen.count(0), self._seen.count(2)
        doubts = []
        if lost:
            doubts.append(f"{lost} acknowledged events are not in the topic")
        if doubled:
            doubts.append(f"{doubled} events are in the topic twice")
        if self._strangers:
            doubts.append(f"{len(self._strangers)} records of strangers: {self._strangers[:3]}")
        return doubts


def _judge(sent: Path, outcomes: Path, options: Options, until: int) -> Result:
    """One slice, in a process of its own."""
    records = [Record(one.topic, one.partition, one.offset, one.timestamp, one.key, one.value)
               for one in read_sent(outcomes)]
    return check(read_sent(sent), records, options, until)


def read_and_judge(brokers: str, topic: str, slices: Slices, options: Options) -> Verdict:
    """When nobody writes any more. The last record of each partition is ours; a transaction that is
    still open would keep it from us, and this from its end."""
    ends = set()

    def take(record) -> bool:
        slices.add(record)
        if record.value == END.encode():
            ends.add(record.partition)
        return False

    sender = Sender(brokers, topic)
    for partition in range(options.partitions):
        sender.put(END, partition=partition)
    with Tail(brokers, topic, keep=take) as tail:
        eventually(lambda: len(ends) == options.partitions,
                   lambda: f"all is read; only of {sorted(ends)} so far, {tail.error}",
                   _READ_SECONDS_MAX)
    return slices.judge(options)
