"""A real Redis on a port and in a folder of its own, which can be killed, paused, filled and
damaged. Talks to it in the Redis protocol itself, so that no client library stands in between."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PATIENCE = 30  # seconds


class RedisError(Exception):
    """What the server answered instead."""


class RedisServer:
    def __init__(self, folder: Path, *options: str):
        """`options` are redis-server's own. Nothing is started yet."""
        if shutil.which("redis-server") is None:
            raise RuntimeError("there is no redis-server on the PATH (scripts/setup run)")
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.options = options
        self.port = _free_port()
        self.process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> "RedisServer":
        """On the same port and with what the folder holds: a dump.rdb, if there is one."""
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--dir",
                 str(self.folder), "--save", "", "--appendonly", "no", "--enable-debug-command",
                 "yes", *self.options], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if self.command("PING") == b"PONG":
                    return self
            except (OSError, RedisError):
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Redis does not start: see {self.folder}/log")
            time.sleep(0.02)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: int) -> None:
        if self.process is None:
            return
        self.resume()
        self.process.send_signal(how)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def pause(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGCONT)

    def command(self, *words, db: int = 0, timeout: float = PATIENCE):
        """One command on a connection of its own: bytes, int, None or a list of these."""
        with socket.create_connection(("127.0.0.1", self.port), timeout) as connection:
            with connection.makefile("rb") as answers:
                if db:
                    connection.sendall(_encode(("SELECT", db)))
                    _decode(answers)
                connection.sendall(_encode(words))
                return _decode(answers)

    def flush(self) -> None:
        self.command("FLUSHALL")

    def config(self, name: str, value) -> None:
        self.command("CONFIG", "SET", name, value)

    def dump(self, copy: Path) -> Path:
        """Saves all there is, and copies the file: for restore()."""
        self.command("SAVE")
        shutil.copy(self.folder / "dump.rdb", copy)
        return copy

    def restore(self, copy: Path) -> None:
        """Killed, and started with an old dump."""
        self.kill()
        shutil.copy(copy, self.folder / "dump.rdb")
        self.start()

    def __enter__(self) -> "RedisServer":
        return self.start()

    def __exit__(self, *_) -> None:
        self.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _encode(words) -> bytes:
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"".join([b"*%d\r\n" % len(parts),
                     *(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)])


def _decode(answers):
    line = answers.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionError("Redis has closed the connection")
    kind, rest = line[:1], line[1:-2]
    if kind == b"+":
        return rest
    if kind == b"-":
        raise RedisError(rest.decode())
    if kind == b":":
        return int(rest)
    if kind == b"$":
        if rest == b"-1":
            return None
        return answers.read(int(rest) + 2)[:-2]
    if kind == b"*":
        return None if rest == b"-1" else [_decode(answers) for _ in range(int(rest))]
    raise ConnectionError(f"no Redis: {line!r}")
