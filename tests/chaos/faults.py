"""Carries a plan out: a thread for each target, which goes through its faults one after the other.
Each fault ends what it has begun, also when the run is cut short."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import plan
from plan import Fault, is_kill
from tcp_proxy import ANSWERS, REQUESTS

_DELAY_SECONDS = 0.2  # of each piece, each way
_RECOVERY_SECONDS_MAX = 15


# What begins a fault of each kind, and what ends it; the plan says how long lies between.
DEEDS = {
    plan.KILL: (lambda one: one.kill(), lambda one: one.start()),
    plan.STOP: (lambda one: one.stop(), lambda one: one.start()),
    plan.STILL: (lambda one: one.stand_still(), lambda one: one.go_on()),
    plan.JOIN_STOP: (lambda one: one.start(), lambda one: one.stop()),
    plan.JOIN_KILL: (lambda one: one.start(), lambda one: one.kill()),
    plan.CUT: (lambda way: way.cut(), lambda way: way.heal()),
    plan.RESET: (lambda way: way.cut(seconds=0), lambda way: way.heal()),
    plan.PAUSE: (lambda way: way.pause(), lambda way: way.heal()),
    plan.DELAY: (lambda way: way.delay(_DELAY_SECONDS), lambda way: way.heal()),
    plan.BLACKHOLE: (lambda way: way.blackhole(), lambda way: way.heal()),
    plan.DEAF: (lambda way: way.blackhole(ANSWERS), lambda way: way.heal()),
    plan.MUTE: (lambda way: way.blackhole(REQUESTS), lambda way: way.heal()),
    plan.KILL_EMPTY: (lambda redis: redis.kill_and_forget(), lambda redis: redis.start()),
    plan.KILL_KEPT: (lambda redis: redis.kill_and_keep(), lambda redis: redis.start()),
    plan.OLD: (lambda redis: redis.remember(), lambda redis: redis.set_back()),
    plan.FLUSH: (lambda redis: redis.flush(), lambda redis: None),
    plan.FULL: (lambda redis: redis.fill("noeviction"), lambda redis: redis.make_room()),
    plan.EVICTS: (lambda redis: redis.fill("allkeys-random"), lambda redis: redis.make_room()),
}


class Faults:
    """`log`: a line when a fault begins and one when it ends, to be laid beside those of others."""

    def __init__(self, targets: dict, faults: list[Fault], log: Path):
        self.done: Counter = Counter()  # by (target, kind)
        self.kills = 0
        self.under_way: dict[str, Fault] = {}
        self._targets = targets
        self._log = open(log, "w", buffering=1)
        self._lock = threading.Lock()
        self._calm = threading.Event()
        self._streams = {}
        for fault in faults:
            self._streams.setdefault(fault.target, []).append(fault)
        self._executor = ThreadPoolExecutor(len(self._streams) or 1, "faults")

    def count(self) -> int:
        with self._lock:
            return sum(self.done.values())

    def start(self) -> None:
        self._began = time.monotonic()
        self._threads = [self._executor.submit(self._carry_out, stream)
                         for stream in self._streams.values()]

    def finished(self) -> bool:
        """Raises what has gone wrong in carrying them out."""
        for thread in self._threads:
            if thread.done():
                thread.result()
        return all(thread.done() for thread in self._threads)

    def calm(self) -> None:
        """No new ones; those under way come to their end at once."""
        self._calm.set()
        self._executor.shutdown()

    def _carry_out(self, stream: list[Fault]) -> None:
        for fault in stream:
            begin, end = DEEDS[fault.kind]
            target = self._targets[fault.target]
            if fault.spares_recovery:
                self._await_recovery(target)
            # Not at the time it was planned for: a fault that took longer than it should, say to
            # start a broker on a busy machine, would be followed by the next ones at once.
            if self._calm.wait(fault.pause):
                return
            self._note(fault, begins=True)
            begin(target)
            self._calm.wait(fault.seconds)
            end(target)
            self._note(fault, begins=False)

    def _await_recovery(self, member) -> None:
        """Not for ever: others' faults may keep it from that."""
        end = time.monotonic() + _RECOVERY_SECONDS_MAX
        while not member.at_work() and time.monotonic() < end and not self._calm.wait(0.05):
            pass

    def _note(self, fault: Fault, begins: bool) -> None:
        with self._lock:
            self._log.write(f"{_clock()} {'begin' if begins else '  end'} {fault}\n")
            if begins:
                self.under_way[fault.target] = fault
                self.done[fault.target, fault.kind] += 1
                self.kills += is_kill(fault)
            else:
                del self.under_way[fault.target]


def _clock() -> str:
    now = time.time()
    return time.strftime("%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}"
