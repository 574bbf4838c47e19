"""The processes that a section starts: a broker of its own, collectors, the pace. Each dies with us
whatever happens, and each wait has an end."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import time

from tools import BIN, ROOT, STATE, die, number, run, say

LOOK_SECONDS = 0.005  # how exact a time is that we read off a log
READY = re.compile(r" (ready: consuming (\d+) partitions|waiting: )")


class Broker:
    """A real Kafka with empty data."""

    def __enter__(self):
        os.makedirs(STATE)
        environment = dict(os.environ, MUSTER_KAFKA_DIR=os.path.join(STATE, "kafka"))
        environment.setdefault("KAFKA_HEAP", "1g")
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", os.path.join(ROOT, "scripts", "kafka"), "run"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=environment,
            start_new_session=True)  # Ctrl-C is for us: we stop it last
        try:
            self.address = self.process.stdout.readline().strip()
            self.await_answer()
        except BaseException:
            self.stop()
            raise
        return self

    def await_answer(self):
        for _ in range(60):
            if self.process.poll() is not None or not self.address:
                break
            if subprocess.run(["kcat", "-L", "-b", self.address, "-m", "1"], timeout=30,
                              capture_output=True, check=False).returncode == 0:
                return
            time.sleep(0.5)
        die("NO BROKER: it does not start")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(STATE, ignore_errors=True)

    def __exit__(self, *_):
        self.stop()


def free_port():
    return run([os.path.join(ROOT, "scripts", "kafka"), "port"], 30).strip()


class Program:
    """One process at a time, which may be killed and started again. What it says goes to a file,
    all its lives one after the other. Use as a context: nothing is left of it behind that."""

    def __init__(self, name, command):
        self.name = name
        self.command = command
        self.log = os.path.join(STATE, f"{name}.log")
        self.life_begin = 0
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.running():
            self.process.kill()
        self.process.wait()

    def start(self):
        """Sets `started`, right before the exec."""
        with open(self.log, "ab") as log:
            self.life_begin = log.tell()
            self.started = time.time()
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *self.command], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True)
        return self

    def running(self):
        return self.process.poll() is None

    def said(self):
        """In its present life."""
        with open(self.log, "rb") as log:
            log.seek(self.life_begin)
            return log.read().decode("utf-8", "replace")

    def wait_for(self, look, what, seconds=None):
        """What look() answers, once it is true."""
        seconds = seconds or number("BENCH_LIMIT", "120")
        end = time.monotonic() + seconds
        while not (found := look()):
            if not self.running():
                die(f"{self.name} has ended; waited for: {what}\n{self.said()[-4000:]}")
            if time.monotonic() > end:
                die(f"{self.name}: out of time; waited for: {what}\n{self.said()[-4000:]}")
            time.sleep(LOOK_SECONDS)
        return found

    def kill(self):
        """kill -9. The time right before."""
        at = time.time()
        self.process.kill()
        self.process.wait()
        return at

    def stop(self, seconds=30):
        """SIGTERM. When it was sent; anything but exit code 0 is the end of the measurement."""
        at = time.time()
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            die(f"{self.name} does not stop\n{self.said()[-4000:]}")
        if status != 0:
            die(f"{self.name} has ended with {status}\n{self.said()[-4000:]}")
        return at

    def resident_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Redis(Program):
    """An empty server that keeps nothing on disk."""

    def __init__(self, name):
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        super().__init__(name, [
            "redis-server", "--bind", "127.0.0.1", "--port", self.port, "--save", "",
            "--appendonly", "no", "--dir", STATE])

    def start(self):
        if not shutil.which("redis-server"):
            die("NO REDIS: there is no redis-server on the PATH (scripts/setup run installs it)")
        super().start()
        self.wait_for(lambda: "Ready to accept connections" in self.said(), "ready", 30)
        return self

    def ask(self, *words):
        return run(["redis-cli", "-p", self.port, *words], 30).strip()


class Collector(Program):
    def __init__(self, name, brokers, topic, partitions, *options):
        super().__init__(name, [
            *shlex.split(os.environ.get("BENCH_PREFIX", "")), f"{BIN}/muster-collector",
            "--brokerlist", brokers, "--event-topic", topic, "--output-topic", f"{topic}-out",
            "--consumer-group", f"group-{topic}", "--partitions", str(partitions), *options])

    def ready(self, partitions):
        """Waits until it consumes so many partitions."""
        def look():
            found = READY.findall(self.said())
            return bool(found) and found[-1][1] == str(partitions)
        self.wait_for(look, f"ready: consuming {partitions} partitions")
        return self

    def recovered(self):
        """What it says of each partition that it has recovered in this life."""
        return dict(re.findall(r"partition (\d+): (recovered .*)", self.said()))


def pace(name, brokers, topic, partitions, **options):
    """bench_pace on a topic of a collector's, as a Program."""
    command = [f"{BIN}/bench_pace", "--brokers", brokers, "--topic", topic, "--output",
               f"{topic}-out", "--partitions", str(partitions), "--prefix", name]
    for option, value in options.items():
        command += [f"--{option}", str(value)]
    return Program(name, command)


def pace_facts(program, limit):
    """Waits for its end; the line of facts. It judges what came: a wrong outcome ends it all."""
    try:
        status = program.process.wait(limit)
    except subprocess.TimeoutExpired:
        die(f"{program.name}: out of time\n{program.said()[-4000:]}")
    if status != 0:
        die(f"{program.name}: outcomes are lost, doubled, wrong or early\n"
            f"{program.said()[-4000:]}")
    say(program.name, program.said().strip())
    return program.said()
