"""Section `latency`: how long a group's last Done takes to its Success at a steady rate, and how
late a timeout is. The raw loop does as the collector does: it commits as soon as the last
transaction is through."""

import collections
import contextlib

from programs import Broker, Collector, Program, pace, pace_facts
from tools import BIN, die, facts, milliseconds, number, print_table, say

Case = collections.namedtuple("Case", "who keyed partitions instances target late_target",
                              defaults=("", ""))
CASES = [
    Case("raw loop", True, 1, 1),
    Case("muster", True, 1, 1, "<= 15 / 50", "p99 <= 50"),
    Case("raw loop", True, 4, 1),
    Case("muster", True, 4, 1, "<= 15 / 50", "p99 <= 50"),
    Case("muster", False, 4, 1, "<= 30 / 100", "p99 <= 500"),
    Case("muster", False, 4, 2, "<= 30 / 100", "p99 <= 500"),
]
# What a collector needs after it is ready, and what may come after the last record.
SLACK_SECONDS = 60


def workload(case):
    text = f"{'keyed' if case.keyed else 'unkeyed'}, {case.partitions} partition"
    text += "s" * (case.partitions > 1)
    return text + f", {case.instances} instances" * (case.instances > 1)


def raw_loop(broker, topic, case):
    return Program(topic, [
        f"{BIN}/bench_raw_loop", "--brokers", broker, "--topic", topic, "--output", f"{topic}-out",
        "--group", f"group-{topic}", "--partitions", str(case.partitions), "--records", "0",
        "--interval-ms", "0"])


def start(stack, broker, topic, case):
    """Those under measurement, all of them ready."""
    if case.who == "raw loop":
        program = stack.enter_context(raw_loop(broker, topic, case))
        program.wait_for(lambda: "ready: consuming" in program.said(), "ready")
        return [program]
    collectors = []
    for instance in range(case.instances):
        name = f"{topic}-{instance}"
        collectors.append(stack.enter_context(
            Collector(name, broker, topic, case.partitions, "--instance", name)))
        for collector in collectors:
            collector.ready(case.partitions // len(collectors))
    return collectors


def measured(name, broker, topic, case, timeouts, warmup):
    seconds, rate = number("BENCH_SECONDS", "20"), number("BENCH_RATE", "500")
    load = pace(name, broker, topic, case.partitions, rate=rate, timeouts=timeouts,
                keyed=int(case.keyed), raw=int(case.who == "raw loop"), warmup=warmup,
                seconds=seconds, patience=SLACK_SECONDS // 2)
    with load:
        found = facts(pace_facts(load, warmup + seconds + SLACK_SECONDS))
    if not found["answer_count"] or (timeouts and not found["late_count"]):
        die(f"{name}: nothing was measured")
    return found


def warm(broker):
    """What does not count: a JVM that has just started is slow at first."""
    case = Case("raw loop", True, 4, 1)
    with raw_loop(broker, "latency-warm", case) as program:
        program.wait_for(lambda: "ready: consuming" in program.said(), "ready")
        load = pace("latency-warm-load", broker, "latency-warm", case.partitions, raw=1, warmup=0,
                    rate=4 * number("BENCH_RATE", "500"), seconds=2 * number("BENCH_WARMUP", "5"))
        with load:
            pace_facts(load, SLACK_SECONDS)
        program.stop()


def one(broker, number_of_case, case):
    warmup, timeouts = number("BENCH_WARMUP", "5"), number("BENCH_TIMEOUTS", "250")
    topic = f"latency-{number_of_case}"
    say(f"{topic}: {case.who}, {workload(case)}")
    with contextlib.ExitStack() as stack:
        programs = start(stack, broker, topic, case)
        cpu = sum(program.cpu_seconds() for program in programs)
        answers = measured(f"{topic}-answers", broker, topic, case, 0, warmup)
        cpu = sum(program.cpu_seconds() for program in programs) - cpu
        lates = None
        if case.who == "muster" and timeouts > 0:
            # The ttls are 0.5 to 1.5 s: after 2 s timeouts come at their rate.
            lates = measured(f"{topic}-timeouts", broker, topic, case, timeouts, min(2, warmup))
        for program in programs:
            program.stop()
    busy = cpu / (warmup + number("BENCH_SECONDS", "20"))
    return answers, lates, busy


def row(case, answers, lates, busy, raw):
    ratio = "1"
    if case.who == "muster":
        ratio = f"{answers['answer_p50'] / raw['answer_p50']:.1f}"
        ratio += f" / {answers['answer_p99'] / raw['answer_p99']:.1f}"
    late = ["-", ""]
    if lates:
        late = [" / ".join(milliseconds(lates[f"late_{name}"]) for name in ("p50", "p99", "max")),
                case.late_target]
    return [workload(case), case.who,
            " / ".join(milliseconds(answers[f"answer_{name}"]) for name in ("p50", "p99", "max")),
            case.target, ratio, *late, f"{busy * 100:.0f}",
            milliseconds(max(f["behind_max"] for f in (answers, lates) if f))]


def measure():
    # What is unkeyed is compared with the raw loop on as many partitions: that one has no home.
    rows, raw = [], {}
    with Broker() as broker:
        warm(broker.address)
        for number_of_case, case in enumerate(CASES):
            answers, lates, busy = one(broker.address, number_of_case, case)
            if case.who == "raw loop":
                raw[case.partitions] = answers
            rows.append(row(case, answers, lates, busy, raw[case.partitions]))
    print_table(
        f"Latency at {number('BENCH_RATE', '500')} groups/s, {number('BENCH_SECONDS', '20')} s:"
        " last Done to Success; and lateness of timeouts, with"
        f" {number('BENCH_TIMEOUTS', '250')} of them per second beside that. ms: p50 / p99 / max",
        ["workload", "who", "Success", "target p50 / p99", "to raw loop p50 / p99", "lateness",
         "target", "CPU %", "client behind"], rows)
