"""The load of a chaos run, a process of its own: groups come at a steady rate and live from a
fraction of a second to minutes, so that at any time some hundreds are open over several faults.
What they send is load_plan's; only when is decided here. Three producers do not agree on
partitions, and each record has a number in a header, by which the judge knows it again."""

import heapq
import multiprocessing
import os
import random
import sys
import time
import zlib
from array import array
from dataclasses import dataclass
from pathlib import Path

from load_plan import GroupPlan, plans
from sender import Sender

HEADER = "chaos"
PREFIX = "c"
TIMEOUT_TTLS = ("1", "2.5", "5", "10", "20", "45")
TIMEOUT_SECONDS_MAX = 45
_GROUPS_MAX = 100_000_000
# (share, seconds from, to) from the Create to the last Done.
_LIFETIMES = ((0.75, 0.05, 1), (0.15, 1, 15), (0.10, 30, 240))
# Groups that are open when the load ends are closed within so many seconds.
_CLOSING_SECONDS = 5.0
# So long after its deadline a Done is late for certain.
_LATE_SECONDS = 1.0
# After an outage only so much is caught up of what was to be opened meanwhile.
_BEHIND_SECONDS_MAX = 1.0


@dataclass(frozen=True)
class Order:
    brokers: str
    topic: str
    folder: Path
    seed: int
    seconds: float
    rate: float  # groups per second

    @property
    def acknowledged(self) -> Path:
        """When each record was acknowledged, by its number: wall clock in ms, 8 bytes each."""
        return self.folder / "acknowledged"

    @property
    def log(self) -> Path:
        return self.folder / "load.log"


class Producers:
    """Java's partitioner, librdkafka's, and none. Of eight groups four are known to the first only,
    which puts all their records in one partition, so their one right outcome is known to the byte;
    one to the second, one to the third; the records of two come by any."""

    def __init__(self, brokers: str, topic: str, seed: int):
        self.acknowledged = array("q")
        self._dice = random.Random(seed)
        # Few in flight: what is acknowledged soon is known to be in the log in time.
        config = {"on_sent": self._sent, "queue.buffering.max.messages": 500}
        java, c = (Sender(brokers, topic, partitioner=name, **config)
                   for name in ("murmur2_random", "consistent_random"))
        self._unkeyed = Sender(brokers, topic, **config)
        self._all = (java, c, self._unkeyed)
        self._ways = (java, java, java, java, c, self._unkeyed, None, None)

    def send(self, value: str, group: str) -> None:
        sender = self._ways[zlib.crc32(b"way of " + group.encode()) % len(self._ways)]
        sender = sender or self._dice.choice(self._all)
        number = str(len(self.acknowledged)).encode()
        self.acknowledged.append(0)
        sender.send(value, None if sender is self._unkeyed else group, [(HEADER, number)])

    def _sent(self, sent) -> None:
        self.acknowledged[int(sent.headers[0][1])] = sent.acked

    def poll(self, seconds: float = 0.0) -> None:
        for sender in self._all:
            sender.poll(seconds / len(self._all))

    def flush(self) -> None:
        for sender in self._all:
            sender.flush()
        assert all(self.acknowledged), "records that nobody has acknowledged"


class TimedLoad:
    def __init__(self, producers, order: Order, on_group=lambda: None):
        self._producers = producers
        self._order = order
        self._on_group = on_group
        self._dice = random.Random(order.seed)
        self._due: list[tuple] = []  # (time, number, group, value)
        self._pushed = 0

    def run(self) -> None:
        groups = plans(self._order.seed, _GROUPS_MAX, PREFIX, TIMEOUT_TTLS)
        next_group = time.monotonic()
        self._end = next_group + self._order.seconds
        while True:
            now = time.monotonic()
            idle = True
            if next_group <= now < self._end:
                self._open(next(groups), now)
                next_group = max(next_group + 1 / self._order.rate, now - _BEHIND_SECONDS_MAX)
                idle = False
            if self._due and self._due[0][0] <= now:
                _, _, group, value = heapq.heappop(self._due)
                self._producers.send(value, group)
                idle = False
            if now >= self._end and not self._due:
                break
            self._producers.poll(0.003 if idle else 0)
        self._producers.flush()

    def _open(self, plan: GroupPlan, now: float) -> None:
        for value in (*plan.early, plan.create, *plan.soon):
            self._producers.send(value, plan.id)
        lifetime = self._lifetime(now)
        moments = sorted(self._dice.random() for _ in plan.closing[1:])
        for value, moment in zip(plan.closing, (*moments, 1.0)):
            self._push(now + lifetime * moment, plan.id, value)
        for value in plan.late:
            self._push(now + plan.ttl + _LATE_SECONDS, plan.id, value)
        self._on_group()

    def _lifetime(self, now: float) -> float:
        _, low, high = self._dice.choices(_LIFETIMES, [share for share, _, _ in _LIFETIMES])[0]
        return min(self._dice.uniform(low, high), self._end + _CLOSING_SECONDS - now)

    def _push(self, due: float, group: str, value: str) -> None:
        self._pushed += 1
        heapq.heappush(self._due, (due, self._pushed, group, value))


def _work(order: Order, groups) -> None:
    with open(order.log, "w") as log:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(log.fileno(), stream.fileno())
        producers = Producers(order.brokers, order.topic, order.seed)

        def opened():
            groups.value += 1

        TimedLoad(producers, order, opened).run()
        with open(order.acknowledged, "wb") as out:
            producers.acknowledged.tofile(out)


class LoadProcess:
    """Ends with us. `groups`: how many have been opened so far."""

    def __init__(self, order: Order):
        self._order = order
        spawn = multiprocessing.get_context("spawn")
        self._groups = spawn.Value("q", 0)
        self._process = spawn.Process(target=_work, args=(order, self._groups), daemon=True)

    def start(self) -> None:
        self._process.start()

    @property
    def groups(self) -> int:
        return self._groups.value

    def finished(self) -> bool:
        status = self._process.exitcode
        if status not in (None, 0):
            raise RuntimeError(f"the load failed ({status}): {self._order.log.read_text()[-3000:]}")
        return status == 0

    def acknowledged(self) -> array:
        times = array("q")
        times.frombytes(self._order.acknowledged.read_bytes())
        return times

    def end(self) -> None:
        if self._process.is_alive():
            self._process.kill()
        if self._process.pid:
            self._process.join()
