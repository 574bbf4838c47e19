"""A load without an end of its own, for tests that last until something has happened."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from load import Load
from load_plan import plans
from sender import MixedSender

_GROUPS_MAX = 1_000_000
_UNPACED = 1e9  # of records; groups are paced here


class SteadyLoad:
    """The groups of load_plan, so many a second, from a thread of this process, while the block
    lasts. Producers do not agree on partitions."""

    def __init__(self, brokers: str, topic: str, seed: int, *, open_groups: int, rate: float):
        self.groups = 0
        self._rate = rate
        self._sender = MixedSender(brokers, topic, seed, **{"queue.buffering.max.messages": 500})
        self._stop = threading.Event()
        self._plans = plans(seed, _GROUPS_MAX, timeout_ttls=("1", "1.5"))
        load = Load(self._sender, open_groups, _UNPACED, seed)
        self._executor = ThreadPoolExecutor(1, "load")
        self._done = self._executor.submit(load.run, self._groups())

    def _groups(self):
        begin = time.monotonic()
        while not self._stop.is_set():
            while self.groups > (time.monotonic() - begin) * self._rate:
                self._sender.poll(0.01)
            self.groups += 1
            yield next(self._plans)

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._executor.shutdown()

    def finish(self) -> list:
        """No new groups; the open ones are closed. All that was sent."""
        self._stop.set()
        self._done.result()
        return self._sender.sent
