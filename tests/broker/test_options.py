"""The command line as an operator meets it: what is wrong is said whole, what is missing is named,
and the program stops when asked, whatever the state of the world."""

import socket

import pytest
from cluster import free_port, run_once
from conftest import make_world
from events import create
from waits import eventually, stays

_FLAGS = ("--brokerlist", "--event-topic", "--output-topic", "--consumer-group", "--instance",
          "--partitions", "-X", "--early-ttl", "--closed-ttl", "--max-ttl", "--max-expected",
          "--sender", "--config", "--partitioner", "--log-level", "--log-format")

# arguments, environment, file -> what the complaint must name.
_WRONG = [
    pytest.param(["--no-such-option"], {}, "", ["--no-such-option"], id="unknown flag"),
    pytest.param(["--early-ttl", "soon"], {}, "", ["early-ttl"], id="no number"),
    pytest.param(["--early-ttl", "-1"], {}, "", ["early-ttl"], id="negative"),
    pytest.param(["--max-expected", "0x"], {}, "", ["max-expected"], id="half a number"),
    pytest.param(["--partitions", "0"], {}, "", ["partitions"], id="no partitions"),
    pytest.param(["--partitioner", "md5"], {}, "", ["partitioner"], id="unknown partitioner"),
    pytest.param(["--log-level", "loud"], {}, "", ["log-level"], id="unknown level"),
    pytest.param(["--event-topic", "a b"], {}, "", ["event-topic"], id="no topic name"),
    pytest.param(["-X", "no.such.property=1"], {}, "", ["no.such.property"], id="property"),
    pytest.param(["-X", "session.timeout.ms=x"], {}, "", ["session.timeout.ms"], id="its value"),
    pytest.param(["-X", "nothing"], {}, "", ["nothing"], id="property without a value"),
    pytest.param([], {"COLLECTOR_CLOSED_TTL": "later"}, "", ["COLLECTOR_CLOSED_TTL"],
                 id="environment"),
    pytest.param([], {"COLLECTOR_KAFKA_SESSION_TIMEOUT_MS": "x"}, "",
                 ["COLLECTOR_KAFKA_SESSION_TIMEOUT_MS"], id="property in the environment"),
    pytest.param([], {}, 'closed-ttl = "later"', ["closed-ttl"], id="file"),
    pytest.param([], {}, "no-such-key = 1", ["no-such-key"], id="unknown key in the file"),
    pytest.param([], {}, "= nonsense", ["collector.toml"], id="file that is no TOML"),
    pytest.param(["--config", "no-such-file.toml"], {}, None, ["no-such-file.toml"],
                 id="file that is not there"),
    pytest.param(["--no-such-option", "--early-ttl", "soon", "--partitioner", "md5", "-X", "a.b=1"],
                 {"COLLECTOR_CLOSED_TTL": "later"}, "max-ttl = []\nother = 1",
                 ["--no-such-option", "early-ttl", "partitioner", "a.b", "CLOSED_TTL", "max-ttl",
                  "other"], id="all of it at once"),
]


@pytest.mark.parametrize("arguments, environment, file, named", _WRONG)
def test_what_is_wrong_with_the_options_is_all_said(tmp_path, arguments, environment, file, named):
    if file:
        config = tmp_path / "collector.toml"
        config.write_text(file)
        arguments = [*arguments, "--config", str(config)]
    done = run_once(["--brokerlist", "127.0.0.1:1", *arguments], environment)
    assert done.returncode == 2, done.stderr
    assert not [name for name in named if name not in done.stderr], done.stderr


def test_help_names_every_option():
    done = run_once(["--help"])
    assert done.returncode == 0, done.stderr
    assert not [flag for flag in _FLAGS if flag not in done.stdout], done.stdout


_FILE, _ENVIRONMENT, _FLAG = "file", "environment", "flag"


@pytest.mark.parametrize("given, winner", [
    pytest.param((_FILE,), _FILE, id="the file is read"),
    pytest.param((_FILE, _ENVIRONMENT), _ENVIRONMENT, id="the environment beats the file"),
    pytest.param((_FILE, _ENVIRONMENT, _FLAG), _FLAG, id="the flag beats both"),
])
def test_the_nearest_option_wins(world, given, winner):
    """Visible from outside by the name that the outcomes carry as their sender."""
    world.make()
    config = world.folder / "collector.toml"
    config.write_text(f'sender = "{_FILE}"\n')
    environment = {"COLLECTOR_SENDER": _ENVIRONMENT} if _ENVIRONMENT in given else {}
    flags = ["--sender", _FLAG] if _FLAG in given else []
    world.collector("--config", config, *flags, environment=environment).start().ready()
    with world.tail() as tail:
        world.sender().put(create("g", "[]"), "g")
        [value] = tail.outcomes("g")
    assert f'"sender":"{winner}"'.encode() in value


def test_every_option_can_come_from_the_environment(world):
    world.make()
    collector = world.collector(environment={
        "COLLECTOR_BROKERLIST": world.brokers, "COLLECTOR_EVENT_TOPIC": world.topic,
        "COLLECTOR_CONSUMER_GROUP": f"{world.topic}-group", "COLLECTOR_INSTANCE": "one",
        "COLLECTOR_KAFKA_SESSION_TIMEOUT_MS": "7000"})
    collector.command = collector.command[:1]
    collector.start().ready()
    with world.tail() as tail:
        world.sender().put(create("g", "[]"), "g")
        tail.outcomes("g")


def test_an_unreachable_broker_is_named_once_and_tried_again(world):
    port = free_port()
    address = f"127.0.0.1:{port}"
    collector = world.collector(brokers=address).start()
    collector.says(address)
    stays(lambda: _complaints(collector, address) == 1 and collector.running(),
          lambda: collector.why("says once that it cannot reach the broker"), seconds=3)
    with socket.create_server(("127.0.0.1", port)) as server:
        server.settimeout(60)
        for _ in range(3):  # it still tries, and goes on when hung up on
            server.accept()[0].close()
    assert collector.stop() == 0, collector.why("exit status")


def _complaints(collector, address: str) -> int:
    return sum(address in line for line in collector.lines())


def test_a_broker_that_cannot_be_reached_does_not_hold_up_the_stop(world):
    collector = world.collector(brokers=f"127.0.0.1:{free_port()}").start()
    eventually(collector.lines, "a first word")
    assert collector.stop() == 0, collector.why("exit status")


def test_a_missing_input_topic_is_named_and_waited_for(world):
    """Nor is it made by looking for it, though this broker makes topics for anybody who asks."""
    collector = world.collector().start()
    collector.says(world.topic)
    stays(lambda: world.topics.partitions(world.topic) == 0 and collector.running()
          and not any(" ready" in line and "not ready" not in line for line in collector.lines()),
          lambda: collector.why("waits for its topic"), seconds=2)
    world.make()
    collector.ready()
    with world.tail() as tail:
        world.sender().put(create("g", "[]"), "g")
        tail.outcomes("g")


def test_a_missing_input_topic_does_not_hold_up_the_stop(world):
    collector = world.collector().start()
    collector.says(world.topic)
    assert collector.stop() == 0, collector.why("exit status")


def test_missing_topics_are_made_when_asked_for(world):
    output = f"{world.topic}-out"
    world.collector("--partitions", "3", "--output-topic", output).start().ready()
    assert world.topics.partitions(world.topic) == 3
    assert world.topics.partitions(output) == 3
    assert world.topics.partitions(world.dead_letters) == 3
    with world.tail(output) as tail:
        world.sender().put(create("g", "[]"), "g")
        tail.outcomes("g")


def test_a_topic_that_exists_stays_as_it_is(world):
    world.make()
    world.collector("--partitions", "3").start().ready()
    assert world.topics.partitions(world.topic) == 1


def test_collectors_that_start_at_once_and_make_their_topics_all_get_ready(brokers, tmp_path):
    """A topic that was just made is not seen by everybody yet. That must not cost a start more than
    a moment: well below the minute after which a client looks at all topics anew."""
    worlds = [make_world(brokers, tmp_path, 4).make() for _ in range(8)]
    try:
        started = [world.collector().start() for world in worlds]
        for collector in started:
            collector.says(" ready", seconds=30)
        for collector in started:
            assert collector.stop() == 0, collector.why("exit status")
    finally:
        for world in worlds:
            world.close()
