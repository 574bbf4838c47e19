"""Section `drain`: a backlog is worked off, beside the raw loop that looks at nothing."""

import collections
import os
import shlex
import statistics

from programs import Broker
from tools import BIN, die, facts, number, numbers, print_table, run, say, spread

RECORDS_PER_GROUP = 4

Drain = collections.namedtuple("Drain", "rate first_commit cpu_us memory_mib")


class Workload:
    def __init__(self, broker, groups, open_at_a_time, partitions):
        self.broker = broker
        self.groups = groups
        self.open = open_at_a_time
        self.partitions = partitions
        self.topic = f"backlog-{open_at_a_time}-{partitions}"
        self.limit = number("BENCH_LIMIT", "120")
        self.drains = {"raw loop": [], "muster": []}

    def load(self):
        line = run([f"{BIN}/bench_load", "--brokers", self.broker, "--topic", self.topic, "--groups",
                    str(self.groups), "--open", str(self.open), "--partitions",
                    str(self.partitions)], self.limit)
        say(f"{self.topic} is there:", line.strip())

    def commands(self, group, output):
        brokers, partitions = self.broker, str(self.partitions)
        return {
            "raw loop": [
                f"{BIN}/bench_raw_loop", "--brokers", brokers, "--topic", self.topic, "--output",
                output, "--group", group, "--partitions", partitions, "--records",
                str(self.groups * RECORDS_PER_GROUP)],
            "muster": [
                *shlex.split(os.environ.get("BENCH_PREFIX", "")), f"{BIN}/muster-collector",
                "--brokerlist", brokers, "--event-topic", self.topic, "--output-topic", output,
                "--consumer-group", group, "--partitions", partitions, "--instance", group],
        }

    def drain(self, who, turn):
        group = f"{who.replace(' ', '-')}-{self.open}-{self.partitions}-{turn}"
        output = f"out-{group}"
        line = run([f"{BIN}/bench_drain", "--brokers", self.broker, "--group", group, "--topic",
                    self.topic, "--partitions", str(self.partitions), "--limit", str(self.limit),
                    "--", *self.commands(group, output)[who]], self.limit + 60)
        f = facts(line)
        self.check(who, output)
        result = Drain(f["records"] / f["seconds"], f["first_commit"],
                       f["cpu_seconds"] * 1e6 / f["records"], f["memory_mib"])
        say(f"{self.topic}, {who}, run {turn or 'to warm up'}: {result.rate / 1e6:.3f} M records/s,"
            f" first commit after {result.first_commit:.3f} s")
        return result

    def check(self, who, output):
        """A rate counts only if the work was done: one record per group, for muster a right one."""
        out = run(["kcat", "-C", "-q", "-u", "-e", "-b", self.broker, "-t", output, "-X",
                   "isolation.level=read_committed", "-o", "beginning", "-f", "%k %s\n"],
                  self.limit)
        lines = out.splitlines()
        if len(lines) != self.groups:
            die(f"{who} has put out {len(lines)} records for {self.groups} groups")
        if who == "muster":
            good = {line.split(" ", 1)[0] for line in lines
                    if '"type":"EventGroupCollectorSuccess"' in line}
            if len(good) != self.groups:
                die(f"{who}: only {len(good)} of {self.groups} groups have succeeded")

    def measure(self, runs):
        """The first round does not count: a JVM that has just started needs to get warm."""
        self.load()
        for turn in range(runs + 1):
            for who, drains in self.drains.items():
                result = self.drain(who, turn)
                if turn > 0:
                    drains.append(result)

    def rows(self):
        ratios = [m.rate / r.rate for m, r in zip(self.drains["muster"], self.drains["raw loop"])]
        for who, drains in self.drains.items():
            yield [
                f"{self.open:,} open, {self.partitions} partition{'s' * (self.partitions > 1)}", who,
                spread([d.rate / 1e6 for d in drains], 3),
                spread([d.first_commit * 1e3 for d in drains], 0),
                spread([d.cpu_us for d in drains], 2),
                f"{statistics.median(d.memory_mib for d in drains):.0f}",
                "1" if who == "raw loop" else spread(ratios, 2)]


def measure():
    groups, runs = number("BENCH_GROUPS", "300000"), number("BENCH_RUNS", "3")
    if runs == 0:
        return
    workloads = []
    with Broker() as broker:
        for partitions in numbers("BENCH_PARTITIONS", "1"):
            for open_at_a_time in numbers("BENCH_OPEN", "1000 100000"):
                workload = Workload(broker.address, groups, open_at_a_time, partitions)
                workload.measure(runs)
                workloads.append(workload)
    print_table(
        f"Drain of {groups:,} groups x {RECORDS_PER_GROUP} records, median (lowest-highest) of"
        f" {runs}",
        ["workload", "who", "M records/s", "first commit ms", "CPU us/record", "RSS MiB", "ratio"],
        [row for workload in workloads for row in workload.rows()])
