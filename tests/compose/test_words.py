"""What needs no container: what scripts/compose says where something is missing, and that the
packages of the Dockerfile are those that scripts/setup knows."""

import re
import shutil

import pytest
from stack import REPO, run


@pytest.fixture
def path(tmp_path):
    """A PATH with what the script itself uses, and stand-ins for Docker's programs."""
    for tool in ("bash", "env", "dirname", "timeout", "sed", "grep"):
        (tmp_path / tool).symlink_to(shutil.which(tool))

    def stand_in(name: str, script: str) -> None:
        program = tmp_path / name
        program.write_text(f"#!/usr/bin/env bash\n{script}\n")
        program.chmod(0o755)

    def compose(command: str):
        return run(str(REPO / "scripts" / "compose"), command, env={"PATH": str(tmp_path)})

    compose.stand_in = stand_in
    return compose


@pytest.mark.parametrize("command", ["up", "down", "logs", "wipe", "check"])
def test_there_is_no_docker(path, command):
    done = path(command)
    assert done.returncode == 1
    assert "compose: there is no docker on the PATH" in done.stdout


def test_the_daemon_does_not_answer(path):
    path.stand_in("docker", 'echo "Cannot connect to the Docker daemon" >&2; exit 1')
    done = path("up")
    assert done.returncode == 1
    assert "Docker's daemon does not answer: Cannot connect to the Docker daemon" in done.stdout


def test_there_is_no_compose(path):
    path.stand_in("docker", '[ "$1" = version ]')
    done = path("up")
    assert done.returncode == 1
    assert "there is neither docker compose nor docker-compose" in done.stdout


def test_docker_compose_is_taken_before_the_old_program(path):
    path.stand_in("docker", 'echo "docker $*"')
    path.stand_in("docker-compose", 'echo "docker-compose $*"')
    assert path("down").stdout == "docker compose down\n"
    path.stand_in("docker", '[ "$1" = version ]')
    assert path("down").stdout == "docker-compose down\n"


def test_the_image_is_built_from_packages_that_the_setup_knows():
    install = re.search(r"apt-get install -y --no-install-recommends(.*?)&&",
                        (REPO / "Dockerfile").read_text(), re.S)[1]
    packages = set(install.replace("\\", "").split())
    setup = (REPO / "scripts" / "setup").read_text()
    known = set(re.search(r"^build=\((.*?)\)", setup, re.S | re.M)[1].split()) | {"libboost-dev"}
    assert len(packages) > 5
    assert packages <= known
