"""Section `micro`: the parts without Kafka, by Google Benchmark."""

import json
import subprocess
import tempfile

from tools import BIN, at_most, number

TIMERS = 10_000_000


def measure():
    if not number("BENCH_MICRO", "1"):
        return
    print(flush=True)
    with tempfile.NamedTemporaryFile(suffix=".json") as found:
        subprocess.run(
            ["setpriv", "--pdeathsig", "KILL", f"{BIN}/bench_micro", "--benchmark_min_time=0.2",
             f"--benchmark_out={found.name}", "--benchmark_out_format=json"],
            check=True, timeout=600)
        benchmarks = json.load(found)["benchmarks"]
    for benchmark in benchmarks:
        if benchmark["name"].startswith(f"BM_TimerMedians/{TIMERS}"):
            for what in ("arm", "cancel"):
                at_most(f"p50 of a timer's {what}, {TIMERS:,} armed",
                        [benchmark[f"{what}_p50_ns"]], 150, " ns")
