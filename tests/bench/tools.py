"""What all sections need: options from the environment, words for people, tables."""

import math
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
BIN = os.environ.get("MUSTER_BIN", os.path.join(ROOT, "build", "bin"))
STATE = os.path.join(ROOT, "build", "bench", str(os.getpid()))


def say(*words):
    print("bench:", *words, file=sys.stderr, flush=True)


def die(*words):
    say(*words)
    sys.exit(1)


def numbers(name, default):
    words = os.environ.get(name, default).split()
    try:
        if words and all(int(word) >= 0 for word in words):
            return [int(word) for word in words]
    except ValueError:
        pass
    die(f"{name} takes whole numbers")


def number(name, default):
    return numbers(name, default)[0]


# What the last table of all shows: (what, measured, target, whether it is reached).
verdicts = []


# What could not be measured here, and why.
left_out = []


def leave_out(why):
    say(why)
    left_out.append(why)


def judge(what, measured, target, reached):
    """`measured` and `target` as text."""
    verdicts.append((what, measured, target, reached))


def at_least(what, values, target, digits=2):
    """A verdict over the median of some ratios."""
    if values:
        judge(what, spread(values, digits), f">= {target}", statistics.median(values) >= target)


def at_most(what, values, target, unit="", digits=0):
    if values:
        judge(what, spread(values, digits) + unit, f"<= {target}{unit}",
              statistics.median(values) <= target)


def print_verdicts():
    if verdicts:
        print_table("What is to be reached, and what this run has measured",
                    ["what", "measured", "target", "reached"],
                    [[what, measured, target, "yes" if reached else "NO"]
                     for what, measured, target, reached in verdicts])
    for why in left_out:
        print(f"\n{why}", flush=True)


def run(command, limit, may_fail=False):
    """Its stdout; None if it has failed and may. It dies with us, and at the limit."""
    result = subprocess.run(["setpriv", "--pdeathsig", "TERM", *command], capture_output=True,
                            text=True, timeout=limit)
    if result.returncode != 0 and may_fail:
        say(f"{os.path.basename(command[0])} failed:\n{result.stdout}{result.stderr}")
        return None
    if result.returncode != 0:
        die(f"{os.path.basename(command[0])} failed:\n{result.stdout}{result.stderr}")
    return result.stdout


def facts(line):
    return {name: float(value) for name, value in re.findall(r"(\w+)=(-?[0-9.]+)", line)}


def spread(values, digits):
    """The median, and from where to where."""
    text = f"{statistics.median(values):.{digits}f}"
    if len(values) > 1:
        text += f" ({min(values):.{digits}f}-{max(values):.{digits}f})"
    return text


def milliseconds(value):
    return "-" if value is None or math.isnan(value) else f"{value:.1f}"


def machine():
    with open("/proc/meminfo", encoding="ascii") as file:
        memory_gib = int(re.search(r"MemTotal:\s+(\d+)", file.read())[1]) / 2**20
    compiler = run(["g++", "-dumpfullversion"], 30).strip()
    version = run([f"{BIN}/muster-collector", "--version"], 30).strip()
    with open(os.path.join(ROOT, "scripts", "kafka"), encoding="utf-8") as file:
        kafka = os.environ.get("KAFKA_VERSION") or re.search(r"KAFKA_VERSION:-([\d.]+)",
                                                             file.read())[1]
    return (f"{os.cpu_count()} cores, {memory_gib:.0f} GiB, {platform.machine()}; g++ {compiler},"
            f" {version}, Kafka {kafka}, {redis()}, all on this machine; commit {commit()}")


def redis():
    if not shutil.which("redis-server"):
        return "no Redis"
    return "Redis " + re.search(r"v=(\S+)", run(["redis-server", "--version"], 30))[1]


def commit():
    found = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"],
                           capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def print_table(title, head, rows):
    rows = [head, *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    rows.insert(1, ["-" * width for width in widths])
    print(f"\n{title}\n")
    for row in rows:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")
    sys.stdout.flush()
