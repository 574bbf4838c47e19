"""What a chaos run says of itself: a line now and then, and the table at its end."""

from collections import Counter

from checker import KINDS
from plan import USUAL_KILLS_PER_MINUTE, class_of


def progress(run) -> str:
    groups, watch = run.load.groups, run.watch
    under_way = "; ".join(f"{fault.target} {fault.kind}"
                          for fault in list(run.faults.under_way.values()))
    return (f"{run.seconds():5.0f} s  {run.faults.count()} faults, {run.faults.kills} kills, "
            f"{groups:,} groups, {groups - watch.answered:,} open, "
            f"{watch.outcomes - watch.answered} doubled, now: {under_way or 'calm'}")


class Report:
    """Of a run that has been judged."""

    def __init__(self, run):
        self._run = run
        self.ok = (run.verdict.ok and run.verdict.groups == run.load.groups > 0
                   and not run.stage.deaths())

    def __str__(self) -> str:
        return "\n".join((*self._faults(), *self._totals(), *self._complaints(), self._last_line()))

    def _faults(self) -> list[str]:
        counts: Counter = Counter()
        for (target, kind), count in self._run.faults.done.items():
            counts[class_of(target), kind] += count
        return [f"{'faults':<20} {self._run.faults.count()}",
                *(f"  {target:<18} {count:>5}  {kind}"
                  for (target, kind), count in sorted(counts.items()))]

    def _totals(self) -> list[str]:
        run, verdict = self._run, self._run.verdict
        by_checkpoint, by_kafka = run.stage.recoveries()
        of_all, of_one = run.watch.longest_silence()
        late = sorted(verdict.lateness_ms) or [0]
        ends = ", ".join(f"{code} {count:,}" for code, count in sorted(verdict.ends.items()))
        return [f"{'kills':<20} {run.faults.kills}, "
                f"{run.stage.kills_at_work()} of them of instances at work",
                f"{'groups':<20} {verdict.groups:,}",
                f"{'outcomes':<20} {ends}",
                f"{'found':<20} {self._found()}",
                f"{'longest silence':<20} {of_all:.1f} s; of one partition {of_one:.1f} s",
                f"{'timeouts late by':<20} median {late[len(late) // 2]} ms, max {late[-1]} ms",
                f"{'recoveries':<20} {by_checkpoint} with a checkpoint, "
                f"{by_kafka} from Kafka alone",
                f"{'stops over 30 s':<20} {run.stage.slow_stops()}",
                f"{'decided by timing':<20} {verdict.uncertain:,} groups"]

    def _found(self) -> str:
        counts = self._run.verdict.counts
        return ", ".join(f"{kind.replace('_', ' ')} {counts[kind]}" for kind in KINDS)

    def _complaints(self) -> list[str]:
        run, verdict = self._run, self._run.verdict
        lines = [*verdict.examples, *verdict.history]
        if verdict.groups != run.load.groups or verdict.still_open:
            lines.append(f"{run.load.groups:,} groups were made and {verdict.groups:,} judged, "
                         f"{verdict.still_open:,} of them still open")
        return [f"  {line}" for line in (*lines, *run.stage.deaths())]

    def _last_line(self) -> str:
        run = self._run
        again = f"make chaos MINUTES={run.args.minutes:g} SEED={run.args.seed}"
        if run.args.kills_per_minute != USUAL_KILLS_PER_MINUTE:
            again += f" KILLS_PER_MINUTE={run.args.kills_per_minute:g}"
        return (f"chaos {'passed' if self.ok else 'FAILED'}: {run.faults.count()} faults, "
                f"{run.faults.kills} kills, {run.verdict.groups:,} groups: {self._found()}; "
                f"again: {again}")
