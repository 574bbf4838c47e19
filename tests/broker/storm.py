"""What the tests under load share: seed, the load beside them, waiting for outcomes, verdict.

MUSTER_SEED=N repeats a run's plan: the load, the moments of the faults.
"""

import os
import random
import time
from contextlib import contextmanager

from checker import Result, check, outcome_type
from cluster import finished, load_process
from records import read_sent
from verdicts import Options
from waits import PATIENCE, eventually


def new_seed() -> int:
    return int(os.environ.get("MUSTER_SEED") or random.SystemRandom().randrange(1 << 31))


def is_outcome(record) -> bool:
    return outcome_type(record.value) is not None


class Storm:
    """A load on a world's topic, and the outcomes as they come."""

    def __init__(self, world, groups: int, seed: int, **load):
        self.world = world
        self.groups = groups
        self.seed = seed
        self._load = {"groups": groups, "seed": seed, **load}
        self._out = world.folder / "sent.jsonl"
        self._process = None
        self.tail = None

    @contextmanager
    def blow(self, *topics: str):
        """The load goes on beside the block and is waited for at its end; then the outcomes."""
        with self.world.tail(*topics, keep=is_outcome) as self.tail:
            with load_process(self.world.brokers, self.world.topic, self._out,
                              **self._load) as self._process:
                yield self
                eventually(self.sent_all, "the load is sent", seconds=600)
            self._wait_for_all()

    def sent_all(self) -> bool:
        return finished(self._process, self._out)

    def count(self) -> int:
        return len(self.tail.records)

    def first_since(self, begin: int, started: int) -> int | None:
        """When the first outcome came that was written after `started`, by index from `begin`."""
        for index in range(begin, self.count()):
            if self.tail.records[index].timestamp >= started:
                return self.tail.arrivals[index]
        return None

    def grows(self, count: int = 1, what="more outcomes") -> None:
        """Waits for so many more outcomes; there may be fewer when all is sent and answered."""
        goal = self.count() + count
        eventually(lambda: self.count() >= goal or self.all_there(), what)

    def live_on(self, count: int) -> None:
        """Until so many more outcomes are there, or none came for a second (all may be sent)."""
        goal, last, quiet_since = self.count() + count, self.count(), time.monotonic()
        while (now := self.count()) < goal and time.monotonic() < quiet_since + 1:
            self.world.none_died()
            if now > last:
                last, quiet_since = now, time.monotonic()
            time.sleep(0.005)

    def all_there(self) -> bool:
        """All is sent and answered: nothing more is to come."""
        return self.sent_all() and self._answered()

    def _answered(self) -> bool:
        return len({record.key for record in list(self.tail.records)}) >= self.groups

    def _wait_for_all(self) -> None:
        """Goes on as long as outcomes come; a lost one is for the checker to name, so silence ends
        this without an error."""
        last, since = -1, time.monotonic()
        while not self._answered() and time.monotonic() < since + PATIENCE:
            self.world.none_died()
            if self.count() > last:
                last, since = self.count(), time.monotonic()
            time.sleep(0.2)

    def judge(self, sent=lambda sent: sent, outcomes: str = "", **options) -> Result:
        """Has all of it judged, from what the load knows and what lies in the topic now."""
        records = self.world.read(*([outcomes] if outcomes else []))
        result = check(sent(read_sent(self._out)), records,
                       Options(partitions=self.world.partitions, **options))
        assert result.ok, f"MUSTER_SEED={self.seed}: {result}"
        assert result.groups == self.groups and result.still_open == 0, str(result)
        return result


def spread_of(values) -> str:
    values = sorted(values)
    return (f"median {values[len(values) // 2]} ms, max {values[-1]} ms, of {len(values)}"
            if values else "none")
