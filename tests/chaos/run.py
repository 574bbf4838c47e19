#!/usr/bin/env python3
"""A chaos run: a real broker, three instances of the collector, Redis where they know it, a load
with long-lived groups, and a plan of faults made from a seed. Then the checker decides.

`make chaos` is how to call it. The exit status is 0 when all is right; else 1, and the run's folder
is kept, with the logs of all, the plan, what befell whom when, and Kafka's data.
"""

import argparse
import math
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from cluster import REPO
from faults import Faults
from judge import Slices, read_and_judge
from plan import USUAL_KILLS_PER_MINUTE, is_kill, make_plan
from reader import Tail
from report import Report, progress
from stage import EARLY_TTL_SECONDS, PARTITIONS, TOPIC, Stage, knows_redis
from timed_load import TIMEOUT_SECONDS_MAX, LoadProcess, Order
from verdicts import Options
from waits import eventually
from watch import Watch

_PROGRESS_SECONDS = 10
# Without a new outcome for so long, what is missing is lost.
_PATIENCE_SECONDS = 90
# Its longest ttl, and what an outage may have held up.
_LOAD_ENDS_SECONDS_MAX = TIMEOUT_SECONDS_MAX + 120


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5, help="of faults (5)")
    parser.add_argument("--seed", type=int, help="of load and plan (random)")
    parser.add_argument("--kills-per-minute", type=float, default=USUAL_KILLS_PER_MINUTE,
                        help=f"kill -9 of instances ({USUAL_KILLS_PER_MINUTE:g})")
    parser.add_argument("--rate", type=float, default=150, help="groups per second (150)")
    parser.add_argument("--plant", choices=("stranger",),
                        help="an error that has to be found: a collector of another consumer group "
                             "answers as well")
    parser.add_argument("--plan", action="store_true", help="print the plan, and nothing else")
    parser.add_argument("--keep", action="store_true", help="the folder, whatever comes out")
    args = parser.parse_args()
    if args.seed is None:
        args.seed = random.SystemRandom().randrange(1 << 31)
    return args


class Run:
    """The steps are called in order; `end` always."""

    def __init__(self, args, folder: Path):
        self.args = args
        self.stage = Stage(folder, knows_redis(), args.plant == "stranger")
        self.watch = Watch(PARTITIONS)
        self.load = LoadProcess(Order(self.stage.broker.address, TOPIC, folder, args.seed,
                                      args.minutes * 60, args.rate))
        plan = _plan(args)
        (folder / "plan").write_text("\n".join(map(str, plan)) + "\n")
        print(f"planned: {len(plan)} faults, {sum(map(is_kill, plan))} of them kills", flush=True)
        self.faults = Faults(self.stage.targets, plan, folder / "faults.log")
        self.verdict = None
        self._folder = folder

    def storm(self) -> None:
        """Load and faults, then calm, until every group has come to its end."""
        self.stage.start()
        with Tail(self.stage.broker.address, TOPIC, keep=self.watch.look):
            self._began = time.monotonic()
            self.load.start()
            self.faults.start()
            self._go_on(self.args.minutes * 60, lambda: False)
            self.faults.calm()
            print("no more faults; what is open comes to its end", flush=True)
            self._go_on(_LOAD_ENDS_SECONDS_MAX, self.load.finished)
            assert self.load.finished(), "the load does not end"
            self.watch.close()
            self._go_on(math.inf, self._all_there)
        eventually(lambda: not self.stage.idle(), lambda: f"{self.stage.idle()} have partitions")

    def judge(self) -> None:
        self.stage.stop()
        print(f"reading and judging {self.load.groups:,} groups ...", flush=True)
        slices = Slices(self._folder / "slices", self.load.groups, self.load.acknowledged())
        self.verdict = read_and_judge(self.stage.broker.address, TOPIC, slices,
                                      Options(partitions=PARTITIONS, early_ttl=EARLY_TTL_SECONDS))

    def end(self) -> None:
        self.faults.calm()
        self.load.end()
        self.stage.end()

    def seconds(self) -> float:
        return time.monotonic() - self._began

    def _go_on(self, seconds: float, is_over) -> None:
        end = told = time.monotonic()
        while time.monotonic() < end + seconds and not is_over():
            self.stage.look()
            self.faults.finished()
            self.load.finished()
            if time.monotonic() >= told + _PROGRESS_SECONDS:
                told += _PROGRESS_SECONDS
                print(progress(self), flush=True)
            time.sleep(0.2)

    def _all_there(self) -> bool:
        """Or none came for long: a lost one is for the checker to name."""
        return (self.watch.answered >= self.load.groups
                or self.watch.silent_seconds() > _PATIENCE_SECONDS)


def _plan(args):
    return make_plan(args.seed, args.minutes, args.kills_per_minute, redis=knows_redis())


def _client_words_into(log: Path) -> None:
    """What Kafka's client says of a broker that is away would hide what we say."""
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    with open(log, "w") as out:
        os.dup2(out.fileno(), 2)


def main() -> int:
    args = _arguments()
    if args.plan:
        print(*_plan(args), sep="\n")
        return 0
    for stop in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(stop, lambda number, frame: sys.exit(128 + number))
    top = REPO / "build" / "chaos"
    top.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{args.seed}-", dir=top))
    print(f"chaos: seed {args.seed}, {args.minutes:g} minutes, in {folder}", flush=True)
    _client_words_into(folder / "clients.log")
    ok = False
    try:
        run = Run(args, folder)
        try:
            run.storm()
            run.judge()
            report = Report(run)
            print(report, flush=True)
            ok = report.ok
        finally:
            run.end()
    finally:
        if ok and not args.keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"chaos: kept for a look: {folder}", flush=True)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
