"""docker-compose.yml as a project of the test's own: its name, its port, its image, and an override
file by COMPOSE_FILE. Whatever starts or stops it goes through `make compose/...`."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import time
import uuid
from pathlib import Path

from cluster import free_port
from reader import read_to_end
from waits import eventually

REPO = Path(__file__).resolve().parents[2]
TOPIC = "eventbus-collector"
SENDER = "the tests' override"
PULL_SECONDS = 120
BUILD_SECONDS = 1800


def run(*command: str, seconds: float = 120, **options) -> subprocess.CompletedProcess:
    return subprocess.run(command, text=True, stdin=subprocess.DEVNULL, timeout=seconds,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)


def docker(*arguments: str) -> str:
    done = run("docker", *arguments)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stdout}"
    return done.stdout.strip()


def why_not() -> str:
    """Why there can be no containers here, or nothing. Takes a few minutes at most."""
    done = run(str(REPO / "scripts" / "compose"), "check")
    if done.returncode != 0:
        return done.stdout.strip().removeprefix("compose: ")
    end = time.monotonic() + PULL_SECONDS
    for image in _images():
        if run("docker", "image", "inspect", image).returncode != 0:
            if reason := _pull(image, end - time.monotonic()):
                return reason
    # The build installs packages.
    try:
        done = run("docker", "run", "--rm", _base(), "apt-get", "-qq", "update", seconds=60)
    except subprocess.TimeoutExpired:
        return "apt-get update in a container takes longer than 60 s"
    return f"apt-get update in a container: {_last(done.stdout)}" if done.returncode else ""


def _pull(image: str, seconds: float) -> str:
    try:
        done = run("docker", "pull", "-q", image, seconds=max(seconds, 1))
    except subprocess.TimeoutExpired:
        return f"{image} was not pulled within {PULL_SECONDS} s"
    return f"no image {image}: {_last(done.stdout)}" if done.returncode else ""


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["no word"])[-1]


def _base() -> str:
    return re.search(r"^FROM (\S+)", (REPO / "Dockerfile").read_text(), re.M)[1]


def _images() -> list[str]:
    """What is pulled and not built."""
    compose = (REPO / "docker-compose.yml").read_text()
    return [_base(), *re.findall(r"^    image: (\S+:\S+)$", compose, re.M)]


class Stack:
    def __init__(self, folder: Path):
        # The image's name is that of this clone, so that the next run finds its layers.
        clone = hashlib.sha256(str(REPO).encode()).hexdigest()[:8]
        override = folder / "override.yml"
        override.write_text("services:\n  collector:\n"
                            f"    image: muster-collector:test-{clone}\n"
                            f"    environment:\n      COLLECTOR_SENDER: \"{SENDER}\"\n")
        self.port = str(free_port())
        self.project = f"muster-test-{uuid.uuid4().hex[:8]}"
        self._environment = {
            **os.environ,
            "COMPOSE_FILE": f"{REPO / 'docker-compose.yml'}:{override}",
            "COMPOSE_PROJECT_NAME": self.project,
            "MUSTER_KAFKA_PORT": self.port,
            "MUSTER_ADMIN_PORT": str(free_port()),
            "MUSTER_COMPOSE_SECONDS": "300",
        }

    def make(self, target: str, seconds: float = 120) -> str:
        done = run("make", target, seconds=seconds, cwd=REPO, env=self._environment)
        print(f"--- make {target}\n{done.stdout}")
        assert done.returncode == 0, f"make {target}: ... {done.stdout[-1500:]}"
        return done.stdout

    def up(self) -> str:
        return self.make("compose/up", BUILD_SECONDS)

    def container(self, service: str) -> str:
        """Its id. Running or not; empty where there is none."""
        return docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={self.project}",
                      "--filter", f"label=com.docker.compose.service={service}")

    def inspect(self, service: str) -> dict:
        return json.loads(docker("inspect", self.container(service)))[0]

    def state(self, service: str) -> dict:
        return self.inspect(service)["State"]

    def execute(self, service: str, *command: str, options=()) -> subprocess.CompletedProcess:
        return run("docker", "exec", *options, self.container(service), *command)

    def kill(self, service: str) -> None:
        """SIGKILL to the process, as a crash is. (docker kill would count as a stop by hand, after
        which Docker starts nothing again.)"""
        process = self.state(service)["Pid"]
        docker("run", "--rm", "--pid=host", "--entrypoint", "bash", _base(), "-c",
               f"kill -KILL {process}")
        eventually(lambda: self.state(service)["Pid"] != process, f"process {process} is gone")

    def await_healthy(self, service: str) -> None:
        eventually(lambda: self.state(service).get("Health", {}).get("Status") == "healthy",
                   lambda: f"{service} is healthy: {self.state(service)}")

    def send(self, *events: str) -> None:
        subprocess.run(["kcat", "-P", "-b", f"localhost:{self.port}", "-t", TOPIC], text=True,
                       input="".join(event + "\n" for event in events), check=True, timeout=30)

    def outcome(self, group: str) -> dict:
        """The group's one outcome, waited for."""
        def look():
            values = [json.loads(record.value) for record in
                      read_to_end(f"localhost:{self.port}", TOPIC)]
            return [value for value in values if value["id"] == group
                    and value["type"] in ("EventGroupCollectorSuccess",
                                          "EventGroupCollectorFailure")]
        found = eventually(look, f"an outcome of {group}")
        assert len(found) == 1, found
        return found[0]

    def logs(self) -> str:
        return "".join(f"--- {service}\n" + run("docker", "logs", "--tail", "40", one).stdout
                       for service in ("kafka", "redis", "collector")
                       if (one := self.container(service)))

    def remove(self) -> None:
        print(self.logs())
        self.make("compose/wipe")
        left = docker("volume", "ls", "-q", "--filter",
                      f"label=com.docker.compose.project={self.project}")
        assert not left, f"volumes are left: {left}"
