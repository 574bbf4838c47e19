"""Section `scale`: what is far from ordinary. Very many open groups, a storm of deadlines, groups
of 10,000 entities, payloads of 100 KB."""

import collections
import time

import drain
from programs import Broker, Collector, pace, pace_facts
from recovery import CREATE_BYTES, PAYLOAD_BYTES, limit_of, load_open
from tools import BIN, at_most, die, facts, judge, number, numbers, print_table, run, say

FEW = 1_000  # open groups that every other number is compared with
SETTLE_SECONDS = 3
RATE = 500  # groups a second beside the storm
STORM_SECONDS = 5  # what is measured of it
WARMUP_SECONDS = 5

Passing = collections.namedtuple("Passing", "open rate cpu_us settled_kib peak_mib")


def passing(broker, open_groups, groups):
    """Others pass by so many open ones: what one of their records costs, what memory there is.
    Measured is their second half: by then the client has read ahead as far as it does, whatever
    came before."""
    topic = f"scale-{open_groups}"
    limit = limit_of(open_groups + 4 * groups)
    load_open(broker, topic, open_groups, limit)
    line = run([f"{BIN}/bench_load", "--brokers", broker, "--topic", topic, "--groups", str(groups),
                "--open", "1000", "--first", str(open_groups + 1)], limit)
    say(f"{topic}: behind them are", line.strip())
    collector = Collector(topic, broker, topic, 1, "--instance", topic)
    f = facts(run([f"{BIN}/bench_drain", "--brokers", broker, "--group", f"group-{topic}",
                   "--topic", topic, "--limit", str(limit), "--mark",
                   str(open_groups + 2 * groups), "--settle-ms", str(SETTLE_SECONDS * 1000), "--",
                   *collector.command], limit + 60))
    records = f["behind_mark_records"]
    if records == 0:
        die(f"{topic}: it was over before anything could be measured: more BENCH_GROUPS")
    result = Passing(open_groups, records / f["behind_mark_seconds"],
                     f["behind_mark_cpu_seconds"] * 1e6 / records, f["settled_kib"],
                     f["memory_mib"])
    say(f"{topic}: {result.rate / 1e6:.3f} M records/s, {result.cpu_us:.2f} us of CPU a record,"
        f" {result.settled_kib / 1024:.0f} MiB")
    return result


def many_open(broker):
    groups, wanted = number("BENCH_GROUPS", "300000"), numbers("BENCH_SCALE", "1000000 10000000")
    wanted = [count for count in wanted if count > 0]
    if not wanted:
        return
    few = passing(broker, FEW, groups)
    rows = [[f"{FEW:,}", f"{few.rate / 1e6:.3f}", "1", f"{few.cpu_us:.2f}", "1", "-",
             f"{few.peak_mib:.0f}"]]
    for count in wanted:
        many = passing(broker, count, groups)
        bytes_each = (many.settled_kib - few.settled_kib) * 1024 / (count - FEW)
        rows.append([f"{count:,}", f"{many.rate / 1e6:.3f}", f"{many.rate / few.rate:.2f}",
                     f"{many.cpu_us:.2f}", f"{many.cpu_us / few.cpu_us:.2f}", f"{bytes_each:.0f}",
                     f"{many.peak_mib:.0f}"])
        at_most(f"memory per open group, {count:,} open", [bytes_each], 400, " B")
        at_most(f"CPU per record, {count:,} open to {FEW:,} open", [many.cpu_us / few.cpu_us], 1.3,
                digits=2)
        if count >= 10_000_000:
            at_most(f"peak memory, {count:,} open", [many.peak_mib], 4096, " MiB")
    print_table(
        f"{groups:,} groups pass by so many open ones (Creates of {CREATE_BYTES} B, three ids,"
        f" payload of {PAYLOAD_BYTES} B)",
        ["open groups", "M records/s", "ratio", "CPU us/record", "ratio", "B per open group",
         "peak RSS MiB"], rows)


def storm(broker):
    """So many groups time out within one second while others go on."""
    groups, topic = number("BENCH_STORM", "1000000"), "storm"
    if groups == 0:
        return
    with Collector(topic, broker, topic, 1, "--instance", topic) as collector:
        collector.ready(1)
        due = int(time.time()) + 15 + groups // 50_000
        line = run([f"{BIN}/bench_load", "--brokers", broker, "--topic", topic, "--groups",
                    str(groups), "--open", str(groups), "--dones", "0", "--create-bytes",
                    str(CREATE_BYTES), "--payload-bytes", str(PAYLOAD_BYTES), "--due-at",
                    str(due * 1000)], limit_of(groups))
        say("the storm is there:", line.strip())
        time.sleep(max(0, due - WARMUP_SECONDS - time.time()))
        with pace("storm-others", broker, topic, 1, rate=RATE, warmup=WARMUP_SECONDS,
                  seconds=STORM_SECONDS, patience=60, storm=groups,
                  **{"storm-at": due * 1000}) as others:
            f = facts(pace_facts(others, 180))
        collector.stop()
    # Its first deadline is at the beginning of the second, so that second is in it.
    took = f["storm_last_ms"] / 1e3
    print_table(f"A storm: {groups:,} deadlines within one second, {RATE} groups/s beside it",
                ["first deadline to last Failure s", "others p50 ms", "others p99 ms",
                 "others max ms", "deadlines later than meant, max ms"],
                [[f"{took:.2f}", *(f"{f[f'answer_{name}']:.0f}" for name in ("p50", "p99", "max")),
                  f"{f['storm_shift_max']:.0f}"]])
    at_most(f"storm of {groups:,} deadlines: first one to last Failure", [took], 5, " s", 2)
    judge(f"storm of {groups:,} deadlines: p99 of others", f"{f['answer_p99']:.0f} ms", "< 250 ms",
          f["answer_p99"] < 250)


def shapes():
    """Groups of 10,000 entities; payloads of 100 KB."""
    if wide := number("BENCH_WIDE", "50"):
        yield drain.Shape("wide", "10,000 ids a group, 10 open", wide, records=10_001,
                          load=("--entities", "10000", "--dones", "10000", "--open", "10",
                                "--create-bytes", "160000"), outcome_bytes=280_000)
    if large := number("BENCH_LARGE", "2000"):
        yield drain.Shape("large", "payloads of 100 KB, 1,000 open", large,
                          load=("--payload-bytes", "100000", "--create-bytes", "100300", "--open",
                                "1000"), outcome_bytes=100_250)


def measure():
    runs = number("BENCH_RUNS", "3")
    for part in (many_open, storm):
        with Broker() as broker:
            part(broker.address)
    if runs == 0:
        return
    rows = []
    with Broker() as broker:
        for shape in shapes():
            workload = drain.Workload(broker.address, shape, ("raw", "muster"))
            workload.measure(runs)
            rows += workload.rows()
    if rows:
        print_table("Drains of odd groups; no target", drain.HEAD, rows)
