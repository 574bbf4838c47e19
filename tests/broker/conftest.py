"""One broker for all tests of a run; topics, groups and folders for each test alone.

MUSTER_TEST_BROKERS=HOST:PORT takes a broker that is already up instead of starting one.
"""

import os
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest
from checker import check
from checkpoints import Checkpoint
from cluster import Broker, Collector, Topics
from reader import Tail, read_to_end
from redis_server import RedisServer
from sender import Sender
from verdicts import Options


@pytest.fixture(scope="session")
def brokers(tmp_path_factory):
    """host:port. Where no broker can be had every test that needs one fails with the reason."""
    if given := os.environ.get("MUSTER_TEST_BROKERS"):
        yield given
        return
    # As a broker is by default: looking for a topic must not make one all the same.
    broker = Broker(tmp_path_factory.mktemp("kafka"), "auto.create.topics.enable=true")
    yield broker.address
    broker.remove()


@dataclass
class World:
    """A test's own corner of the broker: an input topic, and collectors on it."""

    brokers: str
    folder: Path
    topic: str
    topics: Topics
    partitions: int
    collectors: list
    tails: list

    @property
    def dead_letters(self) -> str:
        return f"{self.topic}-dlq"

    def make(self, **config) -> "World":
        self.topics.create(self.topic, self.partitions, **config)
        return self

    def collector(self, *more, environment=None, instance="one", brokers="") -> Collector:
        """Not started yet. The consumer group is named after the topic: nobody else's. No instance:
        a dynamic member."""
        folder = self.folder / f"collector-{uuid.uuid4().hex[:8]}"
        folder.mkdir()
        arguments = ["--brokerlist", brokers or self.brokers, "--event-topic", self.topic,
                     "--consumer-group", f"{self.topic}-group", *more]
        if instance:
            arguments += ["--instance", instance]
        self.collectors.append(Collector(folder, arguments, environment))
        return self.collectors[-1]

    def with_redis(self, url: str, *more, **others) -> Collector:
        """A collector with checkpoints there, many in a second."""
        return self.collector("--redis", url, "--checkpoint-interval", "0.05", *more, **others)

    def checkpoint(self, redis: RedisServer, partition: int = 0) -> Checkpoint:
        return Checkpoint(redis, f"{self.topic}-group", self.topic, partition)

    def sender(self, **config) -> Sender:
        return Sender(self.brokers, self.topic, **config)

    def tail(self, *topics, **more) -> Tail:
        """It ends with the world, if not before."""
        self.tails.append(
            Tail(self.brokers, *(topics or (self.topic,)), guard=self.none_died, **more))
        return self.tails[-1]

    def read(self, *topics):
        return read_to_end(self.brokers, *(topics or (self.topic,)))

    def check(self, sent, **options):
        """Reads all outcomes and has them judged."""
        return check(sent, self.read(), Options(partitions=self.partitions, **options))

    def none_died(self) -> None:
        for collector in self.collectors:
            assert not collector.died(), collector.why("died by itself")

    def close(self) -> None:
        for tail in self.tails:
            tail.close()
        for collector in self.collectors:
            collector.end()
        for collector in self.collectors:
            collector.judge_log()


def make_world(brokers: str, folder: Path, partitions: int) -> World:
    return World(brokers, folder, f"events-{uuid.uuid4().hex[:12]}", Topics(brokers), partitions,
                 [], [])


@pytest.fixture
def partitions() -> int:
    """A test that wants more parametrizes this."""
    return 1


@pytest.fixture
def world(brokers, tmp_path, partitions):
    one = make_world(brokers, tmp_path, partitions)
    yield one
    one.close()


@pytest.fixture(scope="module")
def module_world(brokers, tmp_path_factory):
    """One world for a table of cases that cost too much one by one."""
    one = make_world(brokers, tmp_path_factory.mktemp("module"), 1)
    yield one
    one.close()


@pytest.fixture
def redis(tmp_path):
    """A Redis of the test's own, up and empty."""
    with RedisServer(tmp_path / "redis") as server:
        yield server
