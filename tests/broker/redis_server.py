"""A real Redis for the tests: a free port, a folder of its own, nothing on disk."""

import os
import random
import shutil
import signal
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path

from waits import PATIENCE, eventually


class RedisServer:
    """Up when made. Each call of `redis` is one command, its words as for redis-cli."""

    def __init__(self, folder: Path, *arguments: str):
        if not shutil.which("redis-server"):
            raise FileNotFoundError("no redis-server: scripts/setup installs it")
        self._folder = folder
        self._arguments = [str(argument) for argument in arguments]
        self._log = folder / "redis.log"
        self.process: subprocess.Popen | None = None
        while True:
            self.port = _free_port()
            if self._try_start():
                break

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"redis://{self.address}"

    def start(self) -> None:
        """After kill(): on the same port, and empty."""
        assert self._try_start(), f"no Redis on port {self.port} again: {self._log.read_text()}"

    def kill(self) -> None:
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        self.process = None

    def restart(self) -> None:
        self.kill()
        self.start()

    @contextmanager
    def paused(self):
        """It keeps its connections, takes new ones, and answers nothing."""
        process = self.process
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    def flush(self) -> None:
        self.redis("FLUSHALL")

    def config(self, name: str, value) -> None:
        self.redis("CONFIG", "SET", name, value)

    def keys(self) -> list[bytes]:
        return sorted(self.redis("KEYS", "*"))

    def redis(self, *words):
        """The answer: bytes, a number, None or a list of these; RuntimeError where it is one."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            connection.sendall(_encoded(words))
            with connection.makefile("rb") as answers:
                return _decoded(answers)

    def _try_start(self) -> bool:
        """False: somebody has taken the port."""
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen(
                ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir",
                 str(self._folder), "--save", "", "--appendonly", "no", *self._arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        eventually(lambda: self.process.poll() is not None
                   or b"Ready to accept connections" in self._log.read_bytes(), "Redis is up")
        if self.process.poll() is None:
            return True
        self.process = None
        said = self._log.read_text()
        assert "in use" in said, f"Redis ended by itself: {said}"
        return False


def _free_port() -> int:
    """Not one that the system gives to connections, so it stays free while Redis is down."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _encoded(words) -> bytes:
    out = b"*%d\r\n" % len(words)
    for word in words:
        data = word if isinstance(word, bytes) else str(word).encode()
        out += b"$%d\r\n%s\r\n" % (len(data), data)
    return out


def _decoded(answers):
    line = answers.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionError("Redis has closed the connection")
    mark, rest = line[:1], line[1:-2]
    if mark == b"-":
        raise RuntimeError(rest.decode(errors="replace"))
    if mark == b"+":
        return rest
    if mark == b":":
        return int(rest)
    count = int(rest)
    if count < 0:
        return None
    if mark == b"*":
        return [_decoded(answers) for _ in range(count)]
    return answers.read(count + 2)[:-2]
