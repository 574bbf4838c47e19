#!/usr/bin/env python3
"""The load as a process of its own, so that it goes on while the collector is being killed.

    load.py --brokers HOST:PORT --topic T --out FILE [--groups N] [--open M] [--rate R] [--seed S]
            [--mixed 1] [--timeout-ttls SECONDS...]

Opens M groups as fast as it can, then goes on at R records per second: each group that closes
lets another one open. FILE gets a line per acknowledged record (records.read_sent). Exits 0 when
all N groups were sent whole and acknowledged. Mixed: not all producers agree on the partition of a
group (sender.MixedSender).
"""

import argparse
import heapq
import random
import time

from load_plan import TIMEOUT_TTLS, GroupPlan, plans
from records import write_sent
from sender import MixedSender, Sender

# After a deadline by so much a Done is late for certain, also where the shard's clock was ahead.
_LATE_MARGIN = 1.0


class Load:
    """Sends plans through a Sender: keeps the window of open groups and the rate."""

    def __init__(self, sender, open_max: int, rate: float, seed: int):
        self._sender = sender
        self._open_max = open_max
        self._rate = rate
        self._dice = random.Random(seed)
        self._window: list[GroupPlan] = []
        self._late: list[tuple] = []
        self._full_since: float | None = None
        self._paced = 0

    def run(self, groups) -> None:
        for plan in groups:
            self._open(plan)
            if len(self._window) >= self._open_max:
                self._full_since = self._full_since or time.monotonic()
                self._close_one()
        while self._window:
            self._close_one()
        while self._late:
            self._send_late()
            self._sender.poll(0.05)
        self._sender.flush()

    def _open(self, plan: GroupPlan) -> None:
        for value in (*plan.early, plan.create, *plan.soon):
            self._send(plan.id, value)
        if plan.late:
            due = time.monotonic() + plan.ttl + _LATE_MARGIN
            heapq.heappush(self._late, (due, plan.id, plan))
        if plan.lasting:
            self._window.append(plan)

    def _close_one(self) -> None:
        """Any of the open ones: groups must not close in the order in which they were made."""
        at = self._dice.randrange(len(self._window))
        self._window[at], self._window[-1] = self._window[-1], self._window[at]
        plan = self._window.pop()
        for value in plan.closing:
            self._send(plan.id, value)

    def _send_late(self) -> None:
        while self._late and self._late[0][0] <= time.monotonic():
            _, group, plan = heapq.heappop(self._late)
            for value in plan.late:
                self._sender.send(value, group)

    def _send(self, key: str, value: str) -> None:
        self._send_late()
        while self._full_since and self._paced > (time.monotonic() - self._full_since) * self._rate:
            self._sender.poll(0.002)
        self._paced += self._full_since is not None
        self._sender.send(value, key)
        self._sender.poll()


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--groups", type=int, default=1000)
    parser.add_argument("--open", type=int, default=100)
    parser.add_argument("--rate", type=float, default=1000.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mixed", type=int, default=0, choices=(0, 1))
    parser.add_argument("--timeout-ttls", nargs="+", default=TIMEOUT_TTLS,
                        help="of groups that are to time out")
    parser.add_argument("--prefix", default="g", help="of the ids of groups")
    return parser.parse_args()


def main() -> None:
    args = _arguments()
    with open(args.out, "w", encoding="ascii", buffering=1 << 16) as out:
        # Few in flight: what is acknowledged soon is known to be in the log in time.
        config = {"on_sent": lambda sent: write_sent(out, sent),
                  "queue.buffering.max.messages": 500}
        sender = (MixedSender(args.brokers, args.topic, args.seed, **config) if args.mixed
                  else Sender(args.brokers, args.topic, **config))
        Load(sender, args.open, args.rate, args.seed).run(
            plans(args.seed, args.groups, args.prefix, args.timeout_ttls))


if __name__ == "__main__":
    main()
