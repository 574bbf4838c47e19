"""Section `recovery`: many groups are open, the collector is killed and started again. What it
remembers them from is Redis, or Kafka alone; beside it a program reads the same bytes and does
nothing with them."""

import collections
import itertools
import os
import re
import time

from failover import Arrivals
from programs import Broker, Collector, Redis, pace, pace_facts
from tools import BIN, STATE, at_most, die, facts, number, print_table, run, say

CREATE_BYTES = 180
PAYLOAD_BYTES = 32
SETTLE_SECONDS = 3
TRICKLE = 20  # groups a second, which wait for the restart like all others
TRICKLES = itertools.count()
LIMIT_SECONDS = 60
# Nothing is carried: the tail is as long as can be.
OPTIONS = ["--carry-after", "86400", "--closed-ttl", "10"]


def limit_of(groups):
    """Seconds: a machine that is busy reads 50,000 a second."""
    return number("BENCH_LIMIT", "120") + groups // 50_000


def partitions():
    return number("BENCH_RECOVERY_PARTITIONS", "1")


def loaded_and_killed(broker, collector, topic, limit, settle=SETTLE_SECONDS):
    """bench_drain's facts: it watches the collector commit all there is, and kills it."""
    line = run([f"{BIN}/bench_drain", "--brokers", broker, "--group", f"group-{topic}", "--topic",
                topic, "--partitions", str(partitions()), "--limit", str(limit), "--settle-ms",
                str(settle * 1000), "--end", "kill", "--", *collector.command], limit + 60)
    return facts(line)


def load(broker, topic, groups, limit, *options):
    line = run([f"{BIN}/bench_load", "--brokers", broker, "--topic", topic, "--groups",
                str(groups), "--partitions", str(partitions()), *options], limit)
    say(f"{topic} is there:", line.strip())


def load_open(broker, topic, groups, limit):
    load(broker, topic, groups, limit, "--dones", "0", "--open", str(groups), "--create-bytes",
         str(CREATE_BYTES), "--payload-bytes", str(PAYLOAD_BYTES))


def collector_of(broker, topic, *options):
    return Collector(topic, broker, topic, partitions(), "--instance", topic, *OPTIONS, *options)


def empty_kib(broker):
    """What a collector needs that has next to nothing."""
    topic, limit = "recovery-none", limit_of(1)
    load_open(broker, topic, 1, limit)
    return loaded_and_killed(broker, collector_of(broker, topic), topic, limit)["settled_kib"]


Restart = collections.namedtuple("Restart", "what raw ready first cpu kib said")


def started_again(broker, collector, topic, what, raw):
    """When it is ready, when it has answered what waited for it, what it needs then. `raw` are the
    seconds that reading the same bytes takes by itself."""
    limit = number("BENCH_LIMIT", "120")
    name = f"trickle-{next(TRICKLES)}"  # in the ids, so it has to be short
    path = os.path.join(STATE, f"{name}.arrivals")
    with pace(name, broker, topic, partitions(), rate=TRICKLE, warmup=0, seconds=limit,
              log=path) as trickle:
        trickle.wait_for(lambda: os.path.exists(path), "its log")
        time.sleep(1)  # some of its groups are whole by then
        with collector:
            collector.ready(partitions())
            ready, cpu = time.time() - collector.started, collector.cpu_seconds()
            arrivals = Arrivals(path)
            trickle.wait_for(arrivals.look, "a first outcome")
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
    return Restart(what, raw, ready, first, cpu, kib, said)


def demand_all(restart, groups):
    ids = sum(int(re.search(r"recovered (\d+) ids", line)[1]) for line in restart.said)
    if ids < groups:
        die(f"only {ids} of {groups} open groups were recovered")


def raw_read(*options):
    f = facts(run([f"{BIN}/bench_raw_read", *options], number("BENCH_LIMIT", "120")))
    say(f"read raw: {f['items']:,.0f} of them, {f['bytes'] / 2**20:.0f} MiB,"
        f" in {f['seconds']:.2f} s")
    return f["seconds"]


def raw_kafka(broker, topic):
    return raw_read("--brokers", broker, "--topic", topic, "--partitions", str(partitions()))


def from_kafka(broker, groups, tail_groups):
    """(facts of the loading, restarts): with the open groups alone, and with others behind them."""
    topic, limit = "recovery", limit_of(groups + 4 * tail_groups)
    collector = collector_of(broker, topic)
    load_open(broker, topic, groups, limit)
    full = loaded_and_killed(broker, collector, topic, limit)
    say(f"{groups:,} open groups read in {full['seconds']:.1f} s; killed")
    restarts = [started_again(broker, collector, topic, f"Kafka, tail of {groups:,} records",
                              raw_kafka(broker, topic))]
    if tail_groups > 0:
        load(broker, topic, tail_groups, limit, "--first", str(groups + 1))
        loaded_and_killed(broker, collector, topic, limit)
        say(f"{tail_groups:,} groups more were opened and closed; killed")
        restarts.append(started_again(broker, collector, topic,
                                      f"Kafka, tail of {groups + tail_groups * 4:,} records",
                                      raw_kafka(broker, topic)))
    return full, restarts


def from_redis(broker, groups):
    """The same with a Redis that has a checkpoint of all of them."""
    topic, limit = "recovery-redis", limit_of(groups)
    with Redis("redis-recovery") as redis:
        collector = collector_of(broker, topic, "--redis", redis.url)
        load_open(broker, topic, groups, limit)
        # An interval, and a second for each 100,000 of them to be written.
        loaded_and_killed(broker, collector, topic, limit, SETTLE_SECONDS + 2 + groups // 100_000)
        entries = sum(int(redis.ask("HLEN", key)) for key in redis.ask("KEYS", "*").split()
                      if key.endswith(":entries"))
        if entries < groups:
            die(f"only {entries} of {groups} open groups are in Redis")
        say(f"{groups:,} open groups read, and written to Redis; killed")
        raw = raw_read("--redis-port", redis.port)
        restart = started_again(broker, collector, topic, "Redis", raw)
    if not all("from a checkpoint" in line for line in restart.said):
        die("the checkpoint was not used:", *restart.said)
    return restart


def measure():
    groups, tail_groups = number("BENCH_OPEN_GROUPS", "1000000"), number("BENCH_TAIL", "0")
    if groups == 0:
        return
    with Broker() as broker:
        empty = empty_kib(broker.address)
        restarts = [from_redis(broker.address, groups)]
        full, from_kafka_alone = from_kafka(broker.address, groups, tail_groups)
    restarts += from_kafka_alone
    for restart in restarts:
        demand_all(restart, groups)
    print_table(
        f"Recovery of {groups:,} open groups; an empty collector has {empty / 1024:.0f} MiB",
        ["from", "exec to ready s", "groups/s", "to raw reading", "CPU s",
         "exec to first new outcome s", "RSS then: B per group"],
        [[restart.what, f"{restart.ready:.2f}", f"{groups / restart.ready:,.0f}",
          f"{restart.raw / restart.ready:.2f} (raw: {restart.raw:.2f} s)", f"{restart.cpu:.1f}",
          f"{restart.first:.2f}", per_group(restart.kib, empty, groups)] for restart in restarts])
    print(f"\nRSS when all had been read, before the kill: {full['settled_kib'] / 1024:.0f} MiB,"
          f" {per_group(full['settled_kib'], empty, groups)} B per group\n")
    for restart in restarts:
        print(*restart.said, sep="\n", flush=True)
        at_most(f"recovery of {groups:,} open groups from {restart.what}", [restart.ready],
                5 if restart.what == "Redis" else 10, " s", 2)
    at_most("memory per open group, after reading",
            [(full["settled_kib"] - empty) * 1024 / groups], 400, " B")


def per_group(kib, empty, groups):
    return f"{(kib - empty) * 1024 / groups:.0f}"
