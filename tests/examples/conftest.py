"""The broker and the world of tests/broker; the examples, built once per run."""

import importlib.util
import shutil
import tempfile
from pathlib import Path

import pytest
from cluster import REPO
from programs import PROGRAMS, NotTested, Program

_spec = importlib.util.spec_from_file_location("broker_fixtures",
                                               REPO / "tests" / "broker" / "conftest.py")
_broker_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_broker_fixtures)
brokers, world, partitions = (_broker_fixtures.brokers, _broker_fixtures.world,
                              _broker_fixtures.partitions)


@pytest.fixture(scope="session")
def programs():
    """Builds an example when it is asked for: programs("go"). Copies, under build/: nothing is
    written into the examples, and two runs do not meet."""
    top = REPO / "build" / "examples"
    top.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=top))
    built: dict[str, Program | NotTested] = {}

    def program(name: str) -> Program:
        if name not in built:
            built[name] = PROGRAMS[name](folder)
        if isinstance(built[name], NotTested):
            pytest.skip(built[name].line)
        return built[name]

    yield program
    shutil.rmtree(folder, ignore_errors=True)


def pytest_terminal_summary(terminalreporter):
    """A missing tool must not pass for a passed test: one line each, among the last ones."""
    reasons = {report.longrepr[2] for report in terminalreporter.stats.get("skipped", [])}
    for reason in sorted(reasons):
        terminalreporter.write_line(reason.removeprefix("Skipped: "))
