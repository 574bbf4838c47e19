"""Section `instructions`: how many of them the collector's own work on a record takes. The same
number on every machine that runs the same binary, however busy it is, so that a change shows."""

import re
import shutil
import subprocess

from tools import BIN, die, leave_out, print_table, say

FEW, MANY = 5_000, 15_000  # groups: two batches of records and more lie between them


def counted(work, steps, groups):
    made = subprocess.run(
        ["setpriv", "--pdeathsig", "KILL", "valgrind", "--tool=callgrind",
         "--callgrind-out-file=/dev/null", f"{BIN}/bench_instructions", "--work", work, "--steps",
         str(steps), "--count", str(groups)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False)
    found = re.search(r"Collected : (\d+)", made.stderr)
    if made.returncode != 0 or not found:
        die(f"callgrind has counted nothing:\n{made.stdout}{made.stderr[-4000:]}")
    return int(found[1])


def per_group(work, steps):
    """Of the first records of a group, so many."""
    found = (counted(work, steps, MANY) - counted(work, steps, FEW)) / (MANY - FEW)
    say(f"{work}, {steps} records: {found:,.0f} instructions a group")
    return found


def measure():
    if not shutil.which("valgrind"):
        leave_out("INSTRUCTIONS NOT COUNTED: there is no valgrind on the PATH"
                  " (apt-get install valgrind)")
        return
    decode = [per_group("decode", steps) for steps in (1, 4)]
    apply = [per_group("apply", steps) for steps in (1, 2, 4)]
    shard = per_group("shard", 4)
    middle = apply[1] - apply[0]
    rows = [("decode a Create", decode[0]),
            ("decode a Done", (decode[1] - decode[0]) / 3),
            ("decode and apply a Create", apply[0]),
            ("decode and apply a Done that leaves its group open", middle),
            ("decode and apply a Done that closes its group, with the outcome",
             apply[2] - apply[0] - 2 * middle),
            ("a record of any kind, in a shard: timers, batch, journal, forgetting", shard / 4)]
    print_table("Instructions per record", ["what", "instructions"],
                [[what, f"{found:,.0f}"] for what, found in rows])
