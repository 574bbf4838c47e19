"""The containers, once for all tests of a run. Where there can be none the tests that need them are
skipped, one line says COMPOSE NOT TESTED and why, and the exit status is 77, not 0."""

import pytest
from stack import Stack, why_not

SKIPPED = 77  # what ctest takes for "skipped" (tests/CMakeLists.txt)
_reasons: list[str] = []


@pytest.fixture(scope="session")
def possible():
    if reason := why_not():
        _reasons.append(reason)
        pytest.skip("no containers")


@pytest.fixture(scope="session")
def stack(possible, tmp_path_factory):
    """Up and healthy. `said` is what `make compose/up` printed."""
    one = Stack(tmp_path_factory.mktemp("compose"))
    try:
        one.said = one.up()
        yield one
    finally:
        one.remove()


def pytest_terminal_summary(terminalreporter):
    for reason in _reasons:
        terminalreporter.write_line(f"COMPOSE NOT TESTED: {reason}", red=True)


def pytest_sessionfinish(session, exitstatus):
    if _reasons and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = SKIPPED
