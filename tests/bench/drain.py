"""Section `drain`: a backlog is worked off, beside the raw loop that looks at nothing. One drain of
each, then the next round."""

import collections
import dataclasses
import os
import statistics

import contestants
import peers
from contestants import Job
from programs import Broker
from tools import BIN, at_least, die, facts, number, numbers, print_table, run, say, spread

SUCCESS = '"type":"EventGroupCollectorSuccess"'

Drain = collections.namedtuple("Drain", "rate first_commit cpu_us memory_mib")


@dataclasses.dataclass
class Shape:
    """What waits: `groups` of `records` each. The raw loop puts out an outcome of `outcome_bytes`
    for so many."""

    name: str
    title: str
    groups: int
    records: int = 4
    partitions: int = 1
    keyed: bool = True
    load: tuple = ()
    outcome_bytes: int = 330


class Workload:
    def __init__(self, broker, shape, who):
        self.broker = broker
        self.shape = shape
        self.partitions = shape.partitions
        self.limit = number("BENCH_LIMIT", "120")
        self.who = {word: contestants.ALL[word] for word in who}
        self.drains = {word: [] for word in who}
        self.topics = {}  # by the number of groups that wait there

    def __str__(self):
        return self.shape.title

    def load(self, groups):
        topic = f"backlog-{self.shape.name}-{groups}"
        line = run([f"{BIN}/bench_load", "--brokers", self.broker, "--topic", topic, "--groups",
                    str(groups), "--partitions", str(self.partitions), "--keyed",
                    str(int(self.shape.keyed)), *self.shape.load], self.limit)
        self.topics[groups] = topic
        say(f"{topic} is there:", line.strip())

    def drain(self, word, turn, groups):
        """None: a peer that has not done its work, or not in time."""
        who = self.who[word]
        group = f"{word}-{self.shape.name}-{turn}"
        job = Job(self.broker, self.topics[groups], f"out-{group}", group, self.partitions,
                  groups * self.shape.records, self.shape.records, self.shape.outcome_bytes)
        command = [f"{BIN}/bench_drain", "--brokers", job.brokers, "--group", group, "--topic",
                   job.topic, "--partitions", str(self.partitions), "--limit", str(self.limit)]
        if not self.shape.keyed and who.forwards_to(job):
            command += ["--behind", who.forwards_to(job)]
        with who.command(job) as (program, told):
            line = run([*command, *told, "--", *program], self.limit + 60, who.may_be_wrong)
        wrong = "has not ended well" if line is None else self.wrong(word, job.output, groups)
        if wrong:
            if not who.may_be_wrong:
                die(f"{who.name}: {wrong}")
            say(f"{job.topic}, {who.name}, run {turn}: NOT COUNTED: {wrong}")
            return None
        f = facts(line)
        result = Drain(f["records"] / f["seconds"], f["first_commit"],
                       f["cpu_seconds"] * 1e6 / f["records"], f["memory_mib"])
        say(f"{job.topic}, {who.name}, run {turn or 'to warm up'}: {result.rate / 1e6:.3f}"
            f" M records/s, first commit after {result.first_commit:.3f} s")
        return result

    def wrong(self, word, output, groups):
        """A rate counts only if the work was done: one record per group, but for the raw loop a
        right one. What is wrong, in words."""
        out = run(["kcat", "-C", "-q", "-u", "-e", "-b", self.broker, "-t", output, "-X",
                   "isolation.level=read_committed", "-o", "beginning", "-f", "%k %s\n"],
                  self.limit)
        lines = out.splitlines()
        if len(lines) != groups:
            return f"{len(lines)} records were put out for {groups} groups"
        good = {line.split(" ", 1)[0] for line in lines if SUCCESS in line}
        if word != "raw" and len(good) != groups:
            return f"only {len(good)} of {groups} groups have succeeded"
        return ""

    def measure(self, runs):
        """The first round does not count: the broker's JVM needs to get warm. (A peer's is young in
        every round, as it is for a user who starts it.)"""
        backlogs = {word: who.backlog(self.shape.groups) for word, who in self.who.items()}
        for size in sorted(set(backlogs.values())):
            self.load(size)
        for turn in range(runs + 1):
            for word, drains in self.drains.items():
                if turn == 0 and word not in ("raw", "muster"):
                    continue
                drains.append(self.drain(word, turn, backlogs[word]))
        for word in ("raw", "muster"):
            if word in self.drains:
                self.drains[word].pop(0)

    def ratios(self, word, to):
        """Round by round; without those that did not count."""
        pairs = zip(self.drains.get(word, []), self.drains.get(to, []))
        return [one.rate / other.rate for one, other in pairs if one and other]

    def rows(self):
        for word, drains in self.drains.items():
            counted = [drain for drain in drains if drain]
            if not counted:
                yield [str(self), self.who[word].name, "NOT MEASURED", "", "", "", "", ""]
                continue
            ratios = [self.ratios(word, to) if "raw" != word != to else []
                      for to in ("raw", "muster")]
            yield [str(self), self.who[word].name,
                   spread([drain.rate / 1e6 for drain in counted],
                          3 if counted[0].rate > 10_000 else 5),
                   spread([drain.first_commit * 1e3 for drain in counted], 0),
                   spread([drain.cpu_us for drain in counted], 2),
                   f"{statistics.median(drain.memory_mib for drain in counted):.0f}",
                   *("" if not found else spread(found, 3 if word in contestants.PEERS else 2)
                     for found in ratios)]

    def judge(self):
        ours = "redis" if "redis" in self.drains else "muster"
        at_least(f"drain, {self}: {contestants.ALL[ours].name} / raw loop",
                 self.ratios(ours, "raw"), 0.65 if self.shape.keyed else 0.35)
        for word in ("redis", "no-redis", "stopped-redis"):
            at_least(f"drain, {self}: {contestants.ALL[word].name} / muster",
                     self.ratios(word, "muster"), 0.95)
        for word in contestants.PEERS:
            at_least(f"drain, {self}: {contestants.ALL[ours].name} / {contestants.ALL[word].name}",
                     self.ratios(ours, word), 10, 1)


def chosen(number_of_workload, keyed):
    """Those that are compared: most of them in the first workload only. The peers take keyed
    records."""
    words = os.environ.get("BENCH_WHO", " ".join(contestants.ALL)).split()
    if unknown := set(words) - set(contestants.ALL):
        die(f"BENCH_WHO: {', '.join(sorted(unknown))}? There are {', '.join(contestants.ALL)}")
    if number_of_workload > 0 and not number("BENCH_EVERYWHERE", "0"):
        words = [word for word in words if word in ("raw", "muster", "redis")]
    if any(word in contestants.PEERS for word in words) and not (keyed and peers.built()):
        words = [word for word in words if word not in contestants.PEERS]
    return [word for word in contestants.ALL if word in words]


def shape_of(groups, open_at_a_time, partitions, keyed):
    title = f"{open_at_a_time:,} open, {partitions} partition{'s' * (partitions > 1)}"
    return Shape(f"{open_at_a_time}-{partitions}" + "-unkeyed" * (not keyed),
                 title + ", unkeyed" * (not keyed), groups, partitions=partitions, keyed=keyed,
                 load=("--open", str(open_at_a_time)))


def shapes(groups):
    for partitions in numbers("BENCH_PARTITIONS", "1 4"):
        for open_at_a_time in numbers("BENCH_OPEN", "1000 100000"):
            yield shape_of(groups, open_at_a_time, partitions, True)
    if partitions := number("BENCH_UNKEYED", "4"):
        yield shape_of(groups, numbers("BENCH_OPEN", "1000 100000")[0], partitions, False)


HEAD = ["workload", "who", "M records/s", "first commit ms", "CPU us/record", "RSS MiB",
        "to raw loop", "to muster"]


def measure():
    groups, runs = number("BENCH_GROUPS", "300000"), number("BENCH_RUNS", "3")
    if runs == 0:
        return
    workloads = []
    for shape in shapes(groups):
        who = chosen(len(workloads), shape.keyed)
        with Broker() as broker:  # of its own, so that no more lies on the disk than that
            workload = Workload(broker.address, shape, who)
            workload.measure(runs)
        workloads.append(workload)
    print_table(
        f"Drain of {groups:,} groups x 4 records, median (lowest-highest) of {runs}", HEAD,
        [row for workload in workloads for row in workload.rows()])
    for workload in workloads:
        workload.judge()
