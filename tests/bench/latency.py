"""Section `latency`: how long a group's last Done takes to its Success at a steady rate, and how
late a timeout is. The raw loop does as the collector does: it commits as soon as the last
transaction is through."""

import collections
import contextlib

import contestants
import peers
from programs import Broker, Collector, Program, pace, pace_facts
from tools import (BIN, at_most, die, facts, milliseconds, number, numbers, print_table, run, say)

Case = collections.namedtuple("Case", "who keyed partitions instances p50 p99 late_p99 rate")
# The targets of the two rates: p50 and p99 of what is keyed; None: none.
TARGETS = {500: (15, 50), 5000: (None, 100)}
# What a collector needs after it is ready, and what may come after the last record.
SLACK_SECONDS = 60
JVM_WARMUP_SECONDS = 10


def cases():
    """The first rate is measured in all ways, the others in the two keyed ones."""
    for number_of_rate, rate in enumerate(rates()):
        p50, p99 = TARGETS.get(rate, (None, None))
        for partitions in (1, 4):
            yield Case("raw loop", True, partitions, 1, None, None, None, rate)
            yield Case("muster", True, partitions, 1, p50, p99, 50, rate)
            if number_of_rate == 0 and partitions == 1 and number("BENCH_PEERS", "1"):
                for word in contestants.PEERS if peers.built() else ():
                    yield Case(word, True, partitions, 1, None, None, None, rate)
        if number_of_rate == 0:
            twice = [p50 and 2 * p50, p99 and 2 * p99]
            yield Case("muster", False, 4, 1, *twice, 500, rate)
            yield Case("muster", False, 4, 2, *twice, 500, rate)


def rates():
    return numbers("BENCH_RATES", "500 5000")


def workload(case):
    text = f"{case.rate:,} groups/s, {'keyed' if case.keyed else 'unkeyed'},"
    text += f" {case.partitions} partition" + "s" * (case.partitions > 1)
    return text + f", {case.instances} instances" * (case.instances > 1)


def raw_loop(broker, topic, case):
    return Program(topic, [
        f"{BIN}/bench_raw_loop", "--brokers", broker, "--topic", topic, "--output", f"{topic}-out",
        "--group", f"group-{topic}", "--partitions", str(case.partitions), "--records", "0",
        "--interval-ms", "0"])


def make_topic(broker, topic, partitions):
    run([f"{BIN}/bench_load", "--brokers", broker, "--topic", topic, "--partitions",
         str(partitions), "--groups", "1", "--open", "1"], 60)


def start(stack, broker, topic, case):
    """Those under measurement, all of them ready."""
    if case.who in contestants.PEERS:
        peer = contestants.ALL[case.who]
        job = contestants.Job(broker, topic, f"{topic}-out", f"group-{topic}", case.partitions,
                              records=0, records_per_outcome=0, outcome_bytes=0)
        make_topic(broker, topic, case.partitions)
        command, _ = stack.enter_context(peer.command(job))
        program = stack.enter_context(Program(topic, command))
        program.wait_for(lambda: "ready: consuming" in program.said(), "ready")
        return [program]
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
    seconds = number("BENCH_SECONDS", "15")
    load = pace(name, broker, topic, case.partitions, rate=case.rate, timeouts=timeouts,
                keyed=int(case.keyed), raw=int(case.who == "raw loop"), warmup=warmup,
                seconds=seconds, patience=SLACK_SECONDS // 2)
    with load:
        found = facts(pace_facts(load, warmup + seconds + SLACK_SECONDS))
    if not found["answer_count"] or (timeouts and not found["late_count"]):
        die(f"{name}: nothing was measured")
    return found


def warm(broker):
    """What does not count: a JVM that has just started is slow at first."""
    case = Case("raw loop", True, 4, 1, None, None, None, 2_000)
    with raw_loop(broker, "latency-warm", case) as program:
        program.wait_for(lambda: "ready: consuming" in program.said(), "ready")
        load = pace("latency-warm-load", broker, "latency-warm", case.partitions, raw=1, warmup=0,
                    rate=case.rate, seconds=2 * number("BENCH_WARMUP", "5"))
        with load:
            pace_facts(load, SLACK_SECONDS)
        program.stop()


def one(broker, number_of_case, case):
    warmup, timeouts = number("BENCH_WARMUP", "5"), number("BENCH_TIMEOUTS", "250")
    if case.who in contestants.PEERS:
        warmup = max(warmup, JVM_WARMUP_SECONDS)
    topic = f"latency-{number_of_case}"
    say(f"{topic}: {case.who}, {workload(case)}")
    with contextlib.ExitStack() as stack:
        programs = start(stack, broker, topic, case)
        cpu = sum(program.cpu_seconds() for program in programs)
        answers = measured(f"{topic}-answers", broker, topic, case, 0, warmup)
        cpu = sum(program.cpu_seconds() for program in programs) - cpu
        lates = None
        if case.who == "muster" and timeouts > 0 and case.rate == rates()[0]:
            # The ttls are 0.5 to 1.5 s: after 2 s timeouts come at their rate.
            lates = measured(f"{topic}-timeouts", broker, topic, case, timeouts, min(2, warmup))
        for program in programs:
            program.stop()
    busy = cpu / (warmup + number("BENCH_SECONDS", "15"))
    return answers, lates, busy


def target(*limits):
    words = [f"<= {limit}" if limit else "-" for limit in limits]
    return "" if not any(limits) else " / ".join(words)


def judge(case, answers, lates):
    if case.who != "muster":
        return
    for name, limit in (("p50", case.p50), ("p99", case.p99)):
        if limit:
            at_most(f"{name} of last Done to Success, {workload(case)}",
                    [answers[f"answer_{name}"]], limit, " ms", 1)
    if lates:
        at_most(f"p99 of lateness, {workload(case)}", [lates["late_p99"]], case.late_p99, " ms", 1)


def row(case, answers, lates, busy, raw):
    ratio = "1"
    if case.who != "raw loop":
        ratio = f"{answers['answer_p50'] / raw['answer_p50']:.1f}"
        ratio += f" / {answers['answer_p99'] / raw['answer_p99']:.1f}"
    late = ["-", ""]
    if lates:
        late = [" / ".join(milliseconds(lates[f"late_{name}"]) for name in ("p50", "p99", "max")),
                f"p99 {target(case.late_p99)}"]
    who = contestants.ALL[case.who].name if case.who in contestants.PEERS else case.who
    return [workload(case), who,
            " / ".join(milliseconds(answers[f"answer_{name}"]) for name in ("p50", "p99", "max")),
            target(case.p50, case.p99), ratio, *late, f"{busy * 100:.0f}",
            milliseconds(max(f["behind_max"] for f in (answers, lates) if f))]


def measure():
    # What is unkeyed is compared with the raw loop on as many partitions: that one has no home.
    rows, raw = [], {}
    with Broker() as broker:
        warm(broker.address)
        for number_of_case, case in enumerate(cases()):
            answers, lates, busy = one(broker.address, number_of_case, case)
            if case.who == "raw loop":
                raw[case.rate, case.partitions] = answers
            rows.append(row(case, answers, lates, busy, raw[case.rate, case.partitions]))
            judge(case, answers, lates)
    print_table(
        f"Latency, {number('BENCH_SECONDS', '15')} s: last Done to Success; and lateness of"
        f" timeouts, with {number('BENCH_TIMEOUTS', '250')} of them per second beside that. ms: p50"
        " / p99 / max",
        ["workload", "who", "Success", "target p50 / p99", "to raw loop p50 / p99", "lateness",
         "target", "CPU %", "client behind"], rows)
