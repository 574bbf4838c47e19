"""The example programs: what each needs, how it is built, and how it is run."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cluster import REPO

EXAMPLES = REPO / "examples"

# What build tools say where a registry is out of reach, which is no fault of the example.
_OUT_OF_REACH = re.compile(r"Could not transfer artifact|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNRE|"
                           r"dial tcp|i/o timeout|TLS handshake|no such host|[Cc]onnection refused")


@dataclass(frozen=True)
class NotTested:
    """Why an example could not be built here."""

    line: str


@dataclass(frozen=True)
class Program:
    name: str
    folder: Path
    command: tuple[str, ...]

    def start(self, world, *arguments: str, **environment: str) -> subprocess.Popen:
        """On the world's broker and topic. Its output is small, so pipes will do."""
        return subprocess.Popen(
            [*self.command, *arguments], cwd=self.folder, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=os.environ | {"BROKERS": world.brokers, "TOPIC": world.topic} | environment)


class _Missing(Exception):
    pass


def _tool(name: str) -> None:
    if not shutil.which(name):
        raise _Missing(f"no {name} on the PATH")


def _at_least(wanted: str, command: list[str]) -> None:
    """The first number with a dot in what `command` prints is its version."""
    _tool(command[0])
    text = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    found = re.search(r"\d+\.[\d.]*\d", text)
    if not found or _numbers(found[0]) < _numbers(wanted):
        raise _Missing(f"{command[0]} {found[0] if found else text!r} is older than {wanted}")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _pinned(pattern: str, *path: str) -> str:
    return re.search(pattern, (EXAMPLES / Path(*path)).read_text(), re.MULTILINE)[1]


def _build(folder: Path, seconds: int, *command: str) -> None:
    """Downloads may hang and registries be out of reach: missing. All else is a broken example."""
    try:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=seconds, env=os.environ | {"GOTOOLCHAIN": "local"})
    except subprocess.TimeoutExpired:
        raise _Missing(f"{' '.join(command)} takes more than {seconds} s") from None
    said = done.stdout + done.stderr
    if done.returncode != 0:
        if found := _OUT_OF_REACH.search(said):
            raise _Missing(f"{' '.join(command)}: {found[0]}")
        raise AssertionError(f"{' '.join(command)} failed:\n{said}")


def _java(folder: Path) -> tuple[str, ...]:
    _tool("mvn")
    _at_least(_pinned(r"<maven.compiler.release>(\d+)", "java", "pom.xml"), ["javac", "-version"])
    _build(folder, 240, "mvn", "-B", "-q", "compile")
    return ("java", "-cp", "target/classes:target/lib/*", "example.AwaitGroup")


def _node(folder: Path) -> tuple[str, ...]:
    _tool("npm")
    _at_least(_pinned(r'"node": ">=(\d+)"', "node", "package.json"), ["node", "--version"])
    _build(folder, 90, "npm", "ci", "--fetch-retries=1", "--fetch-timeout=30000")
    return ("node", "await-group.js")


def _go(folder: Path) -> tuple[str, ...]:
    _at_least(_pinned(r"^go ([\d.]+)", "go", "go.mod"), ["go", "version"])
    _build(folder, 120, "go", "mod", "download")
    _build(folder, 240, "go", "build", "-mod=readonly", "-o", "await-group", ".")
    return ("./await-group",)


def _python(_folder: Path) -> tuple[str, ...]:
    """In the Python of these tests, which has the same client."""
    pinned = _pinned(r"^confluent-kafka==(\S+)", "python", "requirements.txt")
    assert pinned == importlib.metadata.version("confluent-kafka"), "not the tests' version"
    return (sys.executable, "await_group.py")


def _kcat(_folder: Path) -> tuple[str, ...]:
    _tool("kcat")
    return ("./await-group.sh",)


def _program(name: str, build):
    def make(top: Path) -> Program | NotTested:
        folder = top / name
        shutil.copytree(EXAMPLES / name, folder,
                        ignore=shutil.ignore_patterns("node_modules", "target", "venv"))
        try:
            return Program(name, folder, build(folder))
        except _Missing as missing:
            return NotTested(f"EXAMPLE NOT TESTED: {name}: {missing}")
    return make


PROGRAMS = {name: _program(name, build)
            for name, build in (("kcat", _kcat), ("java", _java), ("python", _python),
                                ("node", _node), ("go", _go))}
