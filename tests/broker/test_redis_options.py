"""The options of checkpoints on the command line: what is wrong is said without the password, and
the reference says what `--help` says."""

import re

import pytest
from cluster import REPO, run_once

_SECRET = "hunter2"
_BROKER = ["--brokerlist", "127.0.0.1:1"]


@pytest.mark.parametrize("url", [
    f"http://:{_SECRET}@localhost", f":{_SECRET}@localhost", f"redis://:{_SECRET}@",
    f"redis://{_SECRET}@localhost", f"redis://u:{_SECRET}@localhost:0",
    f"redis://u:{_SECRET}@localhost:65536", f"redis://u:{_SECRET}@local host",
    f"redis://u:{_SECRET}@localhost/x", f"redis://u:{_SECRET}/x@localhost",
    f"redis://u:{_SECRET}#@localhost", f"redis://u:%zz{_SECRET}@localhost",
    f"redis://u:{_SECRET}@a,b", f"redis://u:{_SECRET}@localhost/1?password={_SECRET}",
    f"redis+sentinel://u:{_SECRET}@localhost"])
@pytest.mark.parametrize("way", ["flag", "environment", "file of the environment", "TOML"])
def test_a_wrong_url_ends_it_with_2_and_the_password_is_not_said(tmp_path, url, way):
    file = tmp_path / "a file"
    file.write_text(f"redis = '{url}'\n" if way == "TOML" else url)
    arguments, environment = {
        "flag": (["--redis", url], {}),
        "environment": ([], {"COLLECTOR_REDIS": url}),
        "file of the environment": ([], {"COLLECTOR_REDIS_FILE": str(file)}),
        "TOML": (["--config", str(file)], {}),
    }[way]
    ended = run_once([*_BROKER, *arguments], environment)
    said = ended.stderr + ended.stdout
    assert ended.returncode == 2, said
    assert "redis" in said.lower() and _SECRET not in said, said


@pytest.mark.parametrize("interval", ["0", "-1", "0.001", "soon", "3601"])
def test_a_wrong_interval_ends_it_with_2(interval):
    ended = run_once([*_BROKER, "--checkpoint-interval", interval])
    assert ended.returncode == 2 and "checkpoint-interval" in ended.stderr, ended.stderr


def test_help_does_not_show_the_password():
    shown = run_once(["--help"], {"COLLECTOR_REDIS": f"redis://u:{_SECRET}@localhost"})
    assert shown.returncode == 0 and _SECRET not in shown.stdout + shown.stderr, shown


def test_the_reference_lists_the_options_and_their_defaults():
    text = (REPO / "doc" / "collector.md").read_text()
    rows = re.findall(r"^\| `(--[a-z-]+)`[^|]*\| *(.*?) *\|", text, re.MULTILINE)
    told = {name: default.strip("`") for name, default in rows}
    lines = run_once(["--help"]).stdout.replace("table [kafka]", "table").splitlines()
    options = {match[1]: match[2] for line in lines
               if (match := re.match(r" +(?:-h, )?(--[a-z-]+)(?:.*?\[([^\[\]]*)\]$)?", line))}
    assert options["--checkpoint-interval"] == "1" and "--redis" in options, options
    assert set(told) == set(options)
    defaults = {name: default for name, default in options.items() if default}
    assert {name: told[name] for name in defaults} == defaults
