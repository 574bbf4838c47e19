"""The operator's command `muster`, run as a process."""

import json
import os
import subprocess
from pathlib import Path

from cluster import binary
from waits import PATIENCE


def command_binary() -> Path:
    path = binary().parent / "muster"
    if not path.is_file():
        raise FileNotFoundError(f"no {path}: run `make build`, or name its folder in MUSTER_BIN")
    return path


class Muster:
    """The command with the options that say where a world's collector is."""

    def __init__(self, world):
        self._where = [] if world is None else [
            "--brokerlist", world.brokers, "--event-topic", world.topic, "--consumer-group",
            f"{world.topic}-group"]

    @classmethod
    def anywhere(cls) -> "Muster":
        """Of commands that need no Kafka."""
        return cls(None)

    def arguments(self, words: str, *more) -> list[str]:
        return [str(command_binary()), *words.split(), *self._where, *map(str, more)]

    def run(self, words: str, *more, status: int | None = 0,
            environment: dict | None = None) -> subprocess.CompletedProcess:
        """`status`: the exit status that it has to have; None: any."""
        done = subprocess.run(self.arguments(words, *more), capture_output=True, text=True,
                              timeout=2 * PATIENCE, stdin=subprocess.DEVNULL,
                              env=_environment() | (environment or {}))
        assert status in (None, done.returncode), (
            f"{words}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def json(self, words: str, *more, status: int | None = 0):
        return json.loads(self.run(words, *more, "-o", "json", status=status).stdout)

    def start(self, words: str, *more) -> subprocess.Popen:
        return subprocess.Popen(self.arguments(words, *more), stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                env=_environment())


def _environment() -> dict:
    return {name: value for name, value in os.environ.items() if not name.startswith("COLLECTOR_")}
