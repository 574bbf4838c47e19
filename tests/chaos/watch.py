"""Follows the outcomes while the run lasts: how many groups have one, and how long it was silent.
It judges nothing; memory is a byte per group."""

import re
import threading
import time

from checker import outcome_type

_GROUP = re.compile(rb"c-(\d{6,})")


class Watch:
    """`look` is the reader's thread's, all else is for others."""

    def __init__(self, partitions: int):
        self.outcomes = 0
        self.answered = 0  # groups with at least one
        self._partitions = partitions
        self._lock = threading.Lock()
        self._seen = bytearray()
        self._offsets: dict[int, int] = {}
        self._began = time.monotonic()
        self._last: dict = {}  # by partition, and None for all of them: when one came last
        self._silences: dict = {}
        self._closed = False

    def look(self, record) -> bool:
        """For Tail's `keep`: nothing is kept."""
        # A reader that has lost its place begins again; what it shows once more is not new.
        last = self._offsets.get(record.partition, -1)
        again = record.offset <= last
        self._offsets[record.partition] = max(record.offset, last)
        if again or outcome_type(record.value) is None:
            return False
        with self._lock:
            self.outcomes += 1
            self._note_arrival(record.partition)
            if found := _GROUP.fullmatch(record.key or b""):
                self._note_group(int(found[1]))
        return False

    def close(self) -> None:
        """From here on silence is right: there is nothing left to say."""
        with self._lock:
            for partition in (None, *range(self._partitions)):
                self._note_silence(partition, time.monotonic())
            self._closed = True

    def longest_silence(self) -> tuple[float, float]:
        """In seconds: of all partitions, of one."""
        with self._lock:
            of_one = [silence for partition, silence in self._silences.items()
                      if partition is not None]
            return self._silences.get(None, 0.0), max(of_one, default=0.0)

    def silent_seconds(self) -> float:
        """So far."""
        with self._lock:
            return time.monotonic() - self._last.get(None, self._began)

    def _note_group(self, number: int) -> None:
        if number >= len(self._seen):
            self._seen.extend(bytes(number + 1 - len(self._seen)))
        self.answered += not self._seen[number]
        self._seen[number] = 1

    def _note_arrival(self, partition: int) -> None:
        now = time.monotonic()
        for one in (None, partition):
            if not self._closed:
                self._note_silence(one, now)
            self._last[one] = now

    def _note_silence(self, partition, now: float) -> None:
        silence = now - self._last.get(partition, self._began)
        self._silences[partition] = max(silence, self._silences.get(partition, 0.0))
