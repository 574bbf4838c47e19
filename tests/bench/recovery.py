"""Section `recovery`: many groups are open, the collector is killed and started again, and has
nothing but Kafka to remember them from."""

import collections
import os
import re
import time

from failover import Arrivals
from programs import Broker, Collector, pace, pace_facts
from tools import BIN, STATE, die, facts, number, print_table, run, say

CREATE_BYTES = 180
PAYLOAD_BYTES = 32
SETTLE_SECONDS = 3
TRICKLE = 20  # groups a second, which wait for the restart like all others
LIMIT_SECONDS = 60


def loaded_and_killed(broker, collector, topic, limit):
    """bench_drain's facts: it watches the collector commit all there is, and kills it."""
    line = run([f"{BIN}/bench_drain", "--brokers", broker, "--group", f"group-{topic}", "--topic",
                topic, "--partitions", str(number("BENCH_RECOVERY_PARTITIONS", "1")), "--limit",
                str(limit), "--settle-ms", str(SETTLE_SECONDS * 1000), "--end", "kill", "--",
                *collector.command], limit + 60)
    return facts(line)


def load(broker, topic, groups, limit, *options):
    line = run([f"{BIN}/bench_load", "--brokers", broker, "--topic", topic, "--groups",
                str(groups), "--partitions", str(number("BENCH_RECOVERY_PARTITIONS", "1")),
                *options], limit)
    say(f"{topic} is there:", line.strip())


def load_open(broker, topic, groups, limit):
    load(broker, topic, groups, limit, "--dones", "0", "--open", str(groups), "--create-bytes",
         str(CREATE_BYTES), "--payload-bytes", str(PAYLOAD_BYTES))


def collector_of(broker, topic):
    """Nothing is carried: the tail is as long as can be."""
    return Collector(topic, broker, topic, number("BENCH_RECOVERY_PARTITIONS", "1"), "--instance",
                     topic, "--carry-after", "86400", "--closed-ttl", "10")


def empty_kib(broker, limit):
    """What a collector needs that has next to nothing."""
    topic = "recovery-none"
    load_open(broker, topic, 1, limit)
    return loaded_and_killed(broker, collector_of(broker, topic), topic, limit)["settled_kib"]


Restart = collections.namedtuple("Restart", "tail ready first cpu kib said")


def started_again(broker, collector, topic, tail):
    """When it is ready, when it has answered what waited for it, what it needs then."""
    partitions, limit = number("BENCH_RECOVERY_PARTITIONS", "1"), number("BENCH_LIMIT", "120")
    name = f"trickle-{tail}"
    path = os.path.join(STATE, f"{name}.arrivals")
    with pace(name, broker, topic, partitions, rate=TRICKLE, warmup=0, seconds=limit,
              log=path) as trickle:
        trickle.wait_for(lambda: os.path.exists(path), "its log")
        time.sleep(1)  # some of its groups are whole by then
        with collector:
            collector.ready(partitions)
            ready, cpu = time.time() - collector.started, collector.cpu_seconds()
            arrivals = Arrivals(path)
            collector.wait_for(arrivals.look, "a first outcome")
            first = arrivals.all[0][0] - collector.started
            arrivals.file.close()
            trickle.process.terminate()
            pace_facts(trickle, LIMIT_SECONDS)
            time.sleep(SETTLE_SECONDS)
            kib = collector.resident_kib()
            said = [f"partition {partition}: {line}"
                    for partition, line in sorted(collector.recovered().items())]
            collector.stop()
    for line in said:
        say("its words:", line)
    return Restart(tail, ready, first, cpu, kib, said)


def demand_all(restart, groups):
    ids = sum(int(re.search(r"recovered (\d+) ids", line)[1]) for line in restart.said)
    if ids < groups:
        die(f"only {ids} of {groups} open groups were recovered")


def run_both(broker, groups, tail_groups):
    """(facts of the loading, restarts): with the open groups alone, and with others behind them."""
    topic, limit = "recovery", number("BENCH_LIMIT", "120")
    collector = collector_of(broker, topic)
    load_open(broker, topic, groups, limit)
    full = loaded_and_killed(broker, collector, topic, limit)
    say(f"{groups:,} open groups read in {full['seconds']:.1f} s; killed")
    restarts = [started_again(broker, collector, topic, groups)]
    if tail_groups > 0:
        load(broker, topic, tail_groups, limit, "--first", str(groups + 1))
        loaded_and_killed(broker, collector, topic, limit)
        say(f"{tail_groups:,} groups more were opened and closed; killed")
        restarts.append(started_again(broker, collector, topic, groups + tail_groups * 4))
    for restart in restarts:
        demand_all(restart, groups)
    return full, restarts


def measure():
    groups, tail_groups = number("BENCH_OPEN_GROUPS", "1000000"), number("BENCH_TAIL", "1000000")
    if groups == 0:
        return
    with Broker() as broker:
        empty = empty_kib(broker.address, number("BENCH_LIMIT", "120"))
        full, restarts = run_both(broker.address, groups, tail_groups)

    def memory(of):
        return [f"{of / 1024:.0f} MiB", f"{(of - empty) * 1024 / groups:.0f} B per group",
                "<= 400 B per group"]

    rows = []
    for restart in restarts:
        tail = f", tail of {restart.tail:,} records"
        rows.append([f"start to ready{tail}", f"{restart.ready:.2f} s",
                     f"{restart.cpu:.1f} s of CPU", "<= 10 s"])
        rows.append([f"start to first new outcome{tail}", f"{restart.first:.2f} s", "", "<= 10 s"])
    rows.append(["RSS when all had been read", *memory(full["settled_kib"])])
    rows.append(["RSS after the recovery", *memory(restarts[0].kib)])
    print_table(f"Recovery of {groups:,} open groups from Kafka alone; an empty collector has"
                f" {empty / 1024:.0f} MiB", ["what", "measured", "", "target"], rows)
    print()
    for restart in restarts:
        print(*restart.said, sep="\n", flush=True)
