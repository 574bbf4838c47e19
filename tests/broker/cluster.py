"""The processes that the tests start: one broker, and collectors. Each belongs to the test that
made it; nothing here touches a process that it did not start."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka.admin import AdminClient, NewTopic
from waits import PATIENCE, eventually

REPO = Path(__file__).resolve().parents[2]
_SANITIZERS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "MemorySanitizer",
               "UndefinedBehaviorSanitizer", "runtime error:", "CHECK failed")


def binary() -> Path:
    """The program under test; a loud failure where it was not built."""
    path = Path(os.environ.get("MUSTER_BIN", REPO / "build" / "bin")).resolve() / "muster-collector"
    if not path.is_file():
        raise FileNotFoundError(f"no {path}: run `make build`, or name its folder in MUSTER_BIN")
    return path


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Broker:
    """A real Kafka by scripts/kafka, under a state folder of its own."""

    def __init__(self, state: Path, *properties: str):
        self._state = state
        self._script = REPO / "scripts" / "kafka"
        self.address = self._run("up", "0", *properties).split()[-1]
        self._port = self.address.rpartition(":")[2]

    def kill(self) -> None:
        """SIGKILL; `up` starts it again on the same data."""
        self._run("kill", self._port)

    def up(self, *properties: str) -> None:
        self._run("up", self._port, *properties)

    def remove(self) -> None:
        self._run("down", self._port)
        self._run("wipe", self._port)

    def _run(self, *command: str) -> str:
        if not self._script.is_file():
            raise FileNotFoundError(f"no {self._script}: these tests need a real broker")
        # Into files: a broker that keeps a pipe open would hold us up for ever.
        out, err = self._state / "script.out", self._state / "script.err"
        with open(out, "w") as stdout, open(err, "w") as stderr:
            done = subprocess.run([str(self._script), *command], stdout=stdout, stderr=stderr,
                                  stdin=subprocess.DEVNULL, timeout=600, start_new_session=True,
                                  env={**os.environ, "MUSTER_KAFKA_DIR": str(self._state)})
        if done.returncode != 0:
            raise RuntimeError(f"kafka {' '.join(command)} failed: {out.read_text()}"
                               f"{err.read_text()}")
        return out.read_text()


class Topics:
    """Creates topics and looks at them. Never by a name in a metadata request: that could make the
    broker create it."""

    def __init__(self, brokers: str):
        self._admin = AdminClient({"bootstrap.servers": brokers})

    def create(self, name: str, partitions: int = 1, **config) -> str:
        topic = NewTopic(name, partitions, 1, config={key.replace("_", "."): str(value)
                                                      for key, value in config.items()})
        self._admin.create_topics([topic])[name].result(PATIENCE)
        eventually(lambda: self.partitions(name) == partitions, f"topic {name} exists")
        return name

    def partitions(self, name: str) -> int:
        """0 where there is no such topic."""
        topic = self._admin.list_topics(timeout=PATIENCE).topics.get(name)
        return len(topic.partitions) if topic else 0


class Collector:
    """One collector process at a time, which may be killed and started again with the same
    command. Its stderr goes to a file, all lives one after the other."""

    def __init__(self, folder: Path, arguments: list[str], environment: dict | None = None):
        self.command = [str(binary()), *map(str, arguments)]
        self._environment = _clean_environment() | (environment or {})
        self._log = folder / "collector.log"
        self._log.touch()
        self._folder = folder
        self._life_begin = 0
        self.process: subprocess.Popen | None = None

    def start(self) -> "Collector":
        assert self.process is None or self.process.poll() is not None, "it is running"
        self._life_begin = self._log.stat().st_size
        with open(self._log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, cwd=self._folder, env=self._environment)
        return self

    def ready(self) -> "Collector":
        """Waits for the line that says so; at once an error when the process ends instead."""
        self.says(" ready")
        return self

    def says(self, text: str, seconds: float = PATIENCE) -> str:
        """Waits for a line with this text in the present life, and returns it."""
        def look():
            lines = [line for line in self.lines() if text in line]
            if not lines:
                assert self.process.poll() is None, self.why(f"ended before it said {text!r}")
            return lines
        return eventually(look, lambda: self.why(f"it says {text!r}"), seconds)[0]

    def lines(self) -> list[str]:
        """What it has said in its present life."""
        with open(self._log, "rb") as log:
            log.seek(self._life_begin)
            return log.read().decode("utf-8", "replace").splitlines()

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def died(self) -> bool:
        """Ended with neither a clean exit nor our kill."""
        status = None if self.process is None else self.process.poll()
        return status not in (None, 0, -signal.SIGKILL)

    def kill(self) -> None:
        """kill -9: no last word, no clean-up."""
        assert self.running(), self.why("died before it was killed")
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        assert self.running(), self.why("died before it was stopped")
        self.process.terminate()
        return self.wait()

    def wait(self) -> int:
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(self.why(f"it does not end in {PATIENCE:.0f} s")) from None

    def why(self, what: str) -> str:
        status = None if self.process is None else self.process.poll()
        return f"{what} (exit status {status}); its last lines:\n" + self.tail()

    def tail(self, lines: int = 40) -> str:
        text = self._log.read_text("utf-8", "replace").splitlines()
        return "\n".join(text[-lines:])

    def end(self) -> None:
        """Ends the process whatever its state."""
        if self.running():
            self.process.kill()
            self.process.wait()

    def judge_log(self) -> None:
        """Shows what it said last, and looks for what no life of it may have said."""
        print(f"--- {self.command[0]}, last lines ---\n{self.tail()}")
        text = self._log.read_text("utf-8", "replace")
        found = [line for line in text.splitlines() if any(one in line for one in _SANITIZERS)]
        assert not found, f"sanitizer or CHECK: {found[:5]}"


def _clean_environment() -> dict:
    """Ours without what would be options of the collector."""
    return {name: value for name, value in os.environ.items()
            if not name.startswith(("COLLECTOR_", "POD_"))}


def run_once(arguments: list[str], environment: dict | None = None) -> subprocess.CompletedProcess:
    """A run that is to end by itself: stderr and stdout as text, and the exit status."""
    return subprocess.run([str(binary()), *arguments], capture_output=True, text=True,
                          timeout=PATIENCE, stdin=subprocess.DEVNULL,
                          env=_clean_environment() | (environment or {}))


@contextmanager
def load_process(brokers: str, topic: str, out: Path, **options):
    """load.py as a process of its own; killed when the block ends before it does."""
    command = [sys.executable, str(Path(__file__).parent / "load.py"), "--brokers", brokers,
               "--topic", topic, "--out", str(out)]
    for name, value in options.items():
        command += ["--" + name.replace("_", "-"), *map(str, value if isinstance(value, tuple)
                                                        else (value,))]
    with open(out.with_suffix(".log"), "w") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def finished(process: subprocess.Popen, out: Path) -> bool:
    """True once the load has sent all; an error where it failed."""
    status = process.poll()
    assert status in (None, 0), f"the load failed ({status}): {out.with_suffix('.log').read_text()}"
    return status == 0
