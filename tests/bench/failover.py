"""Section `failover`: an instance is killed, or stopped, under steady load; how long its partitions
stand still. Two instances, four partitions, so two partitions each."""

import contextlib
import os
import time

from programs import Broker, Collector, pace, pace_facts
from tools import STATE, at_most, die, number, print_table, say, spread

PARTITIONS = 4
STEADY_SECONDS = 1.0
# Without a session's end nobody is missed for as long as that.
MISSED_SECONDS = 3.0
LIMIT_SECONDS = 60


class Arrivals:
    """Follows the log of the pace: (arrival, partition, when the outcome was written, when its
    group was created), all in seconds."""

    def __init__(self, path):
        self.file = open(path, encoding="ascii")
        self.all = []
        self.rest = ""

    def look(self):
        *lines, self.rest = (self.rest + self.file.read()).split("\n")
        for line in lines:
            arrival, partition, written_ms, created = map(int, line.split())
            self.all.append((arrival / 1e6, partition, written_ms / 1e3, created / 1e6))
        return self.all

    def first(self, wanted):
        """When each partition had its first outcome that is wanted: arrival by partition."""
        found = {}
        for outcome in self.look():
            if wanted(outcome):
                found.setdefault(outcome[1], outcome[0])
        return found

    def longest_gap(self, begin, end):
        """Of any partition."""
        last, gap = {}, 0.0
        for arrival, partition, _, _ in self.look():
            if begin <= arrival <= end:
                gap = max(gap, arrival - last.get(partition, begin))
                last[partition] = arrival
        return gap


class Pair:
    """Two instances under load. `kept` lives through it all."""

    def __init__(self, stack, broker, kind, seconds):
        topic = f"failover-{kind}"
        self.kind = kind
        path = os.path.join(STATE, f"{topic}.arrivals")
        self.kept, self.victim = (
            Collector(f"{topic}-{name}", broker, topic, PARTITIONS,
                      *(["--instance", name] if kind == "static" else []))
            for name in ("kept", "victim"))
        stack.enter_context(self.kept).ready(PARTITIONS)
        self.load = pace(f"{topic}-load", broker, topic, PARTITIONS,
                         rate=number("BENCH_RATE", "500"), warmup=0, seconds=seconds,
                         log=path)
        stack.enter_context(self.load)
        self.load.wait_for(lambda: os.path.exists(path), "its log")
        self.arrivals = Arrivals(path)
        stack.callback(self.arrivals.file.close)
        stack.enter_context(self.victim)
        self.both_ready()

    def both_ready(self):
        """Both have their share, and all partitions answer."""
        for collector in (self.kept, self.victim):
            collector.ready(PARTITIONS // 2)
        since = time.time()
        self.all_answer(lambda outcome: outcome[3] >= since)
        time.sleep(STEADY_SECONDS)

    def all_answer(self, wanted):
        return self.load.wait_for(
            lambda: (first := self.arrivals.first(wanted)) and len(first) == PARTITIONS and first,
            "outcomes of all partitions", LIMIT_SECONDS)

    def killed_and_restarted(self):
        """From the restart to the first new outcome of the partitions that were its own."""
        self.victim.kill()
        started = self.victim.start().started
        self.victim.ready(PARTITIONS // 2)
        ready = time.time() - started
        own = {int(partition) for partition in self.victim.recovered()}
        if not own:
            die(f"{self.victim.name} has recovered nothing\n{self.victim.said()}")
        first = self.all_answer(lambda outcome: outcome[2] >= started)
        waits = [first[partition] - started for partition in own]
        say(f"{self.kind}: killed and restarted: ready after {ready * 1e3:.0f} ms, partitions"
            f" {sorted(own)} after {', '.join(f'{wait * 1e3:.0f}' for wait in sorted(waits))} ms")
        self.both_ready()
        return min(waits), max(waits)

    def killed(self):
        """From the kill to the first outcome of a younger group of the dead one's partitions."""
        at = self.victim.kill()
        first = self.all_answer(lambda outcome: outcome[3] >= at)
        waits = sorted(arrival - at for arrival in first.values())
        dead = [wait for wait in waits if wait > MISSED_SECONDS]
        if len(dead) != PARTITIONS // 2:
            say(f"{self.kind}: not clear whose partitions were whose: {waits}")
        say(f"{self.kind}: killed: new outcomes of the four partitions after"
            f" {', '.join(f'{wait:.2f}' for wait in waits)} s")
        self.victim.start()
        self.both_ready()
        return min(dead or waits), max(waits)

    def stopped(self):
        """The longest that any partition was silent around a clean stop."""
        at = self.victim.stop()
        ended = time.time() - at
        self.kept.ready(PARTITIONS)
        since = time.time()
        self.all_answer(lambda outcome: outcome[3] >= since)
        time.sleep(STEADY_SECONDS)
        gap = self.arrivals.longest_gap(at - 0.1, time.time())
        say(f"{self.kind}: stopped, which took it {ended * 1e3:.0f} ms: longest silence of a"
            f" partition {gap * 1e3:.0f} ms")
        self.victim.start()
        self.both_ready()
        return gap, gap

    def end(self):
        """Ends the load, which then judges whether each group has had exactly one outcome."""
        self.load.process.terminate()
        pace_facts(self.load, LIMIT_SECONDS)
        for collector in (self.victim, self.kept):
            collector.stop()


KINDS = [
    ("static", "kill -9, restarted at once: exec to outcome", Pair.killed_and_restarted, "<= 1.5"),
    ("static", "kill -9, not restarted: kill to outcome", Pair.killed, "<= 8 (session 6 + 2)"),
    ("dynamic", "kill -9, not restarted: kill to outcome", Pair.killed, "<= 8 (session 6 + 2)"),
    ("dynamic", "SIGTERM: longest silence of a partition", Pair.stopped, "<= 1"),
]


def measure():
    runs = number("BENCH_RUNS", "3")
    if runs == 0:
        return
    rows = []
    with Broker() as broker:
        for kind in ("static", "dynamic"):
            with contextlib.ExitStack() as stack:
                pair = Pair(stack, broker.address, kind, 300 + 60 * runs)
                for of_kind, what, happens, target in KINDS:
                    if of_kind != kind:
                        continue
                    waits = [happens(pair) for _ in range(runs)]
                    rows.append([kind, what, spread([first for first, _ in waits], 2),
                                 spread([last for _, last in waits], 2), target])
                    at_most(f"{what.partition(':')[0]}, {kind} members",
                            [first for first, _ in waits], float(target.split()[1]), " s", 2)
                pair.end()
    print_table(
        f"Failover at {number('BENCH_RATE', '500')} groups/s, {PARTITIONS} partitions, 2 instances;"
        f" s: median (lowest-highest) of {runs}",
        ["members", "what", "first of its partitions", "all of them", "target"], rows)
