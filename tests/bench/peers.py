"""What a user would take instead: built by Maven from tests/bench/peers, once a run."""

import functools
import glob
import os
import shutil
import subprocess

from tools import ROOT, leave_out, number, say

SOURCES = os.path.join(ROOT, "tests", "bench", "peers")
OUTPUT = os.path.join(ROOT, "build", "bench", "peers")


@functools.cache
def built():
    """False, and loudly so, where they cannot be built."""
    missing = [program for program in ("mvn", "java", "javac") if not shutil.which(program)]
    if missing:
        leave_out(f"PEERS NOT MEASURED: there is no {', no '.join(missing)} on the PATH"
                  " (apt-get install maven default-jdk-headless)")
        return False
    say("building the peers")
    try:
        made = subprocess.run(
            ["setpriv", "--pdeathsig", "TERM", "mvn", "-B", "-q", "-f",
             os.path.join(SOURCES, "pom.xml"), f"-Dpeers.output={OUTPUT}", "package"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            timeout=number("BENCH_PEER_BUILD_LIMIT", "600"))
    except subprocess.TimeoutExpired:
        leave_out("PEERS NOT MEASURED: Maven has not built them in time")
        return False
    if made.returncode != 0:
        say(made.stdout[-4000:], made.stderr[-4000:])
        leave_out("PEERS NOT MEASURED: Maven cannot build them, see above")
        return False
    return True


def java(module, main, job, **options):
    """The command of a peer; a heap as a user would give it who wants it fast."""
    folder = os.path.join(OUTPUT, module)
    jars = glob.glob(os.path.join(folder, "*.jar"))
    options = {"brokers": job.brokers, "in": job.topic, "out": job.output, "group": job.group,
               "org.slf4j.simpleLogger.defaultLogLevel": "warn", **options}
    return ["java", "-Xmx2g", "-XX:+UseParallelGC",
            *(f"-D{name}={value}" for name, value in options.items()), "-cp",
            os.pathsep.join([*jars, os.path.join(folder, "lib", "*")]), f"muster.peers.{main}"]
