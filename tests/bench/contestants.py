"""Who works off a backlog: the raw loop, the collector in several company, its peers. What each is
given is a job; what it is started with is its command."""

import collections
import contextlib
import os
import shlex

import peers
from programs import Redis, free_port
from tools import BIN, STATE, number

Job = collections.namedtuple(
    "Job", "brokers topic output group partitions records records_per_outcome outcome_bytes")


class RawLoop:
    name = "raw loop"
    may_be_wrong = False  # a wrong outcome of ours is the end of the benchmark

    def backlog(self, groups):
        """How much of it there has to be, so that the measurement says something."""
        return groups

    @contextlib.contextmanager
    def command(self, job):
        """The command, and what bench_drain is told besides."""
        yield [f"{BIN}/bench_raw_loop", "--brokers", job.brokers, "--topic", job.topic, "--output",
               job.output, "--group", job.group, "--partitions", str(job.partitions), "--records",
               str(job.records), "--records-per-output", str(job.records_per_outcome),
               "--output-bytes", str(job.outcome_bytes)], []

    def forwards_to(self, job):
        return None


class Muster(RawLoop):
    name = "muster"

    @contextlib.contextmanager
    def command(self, job):
        yield self.collector(job), []

    def collector(self, job, *options):
        return [*shlex.split(os.environ.get("BENCH_PREFIX", "")), f"{BIN}/muster-collector",
                "--brokerlist", job.brokers, "--event-topic", job.topic, "--output-topic",
                job.output, "--consumer-group", job.group, "--partitions", str(job.partitions),
                "--instance", job.group, *options]

    def forwards_to(self, job):
        return f"muster.{job.group}.{job.topic}.repartition"


class MusterWithRedis(Muster):
    name = "muster, Redis"

    @contextlib.contextmanager
    def command(self, job):
        with Redis(f"redis-{job.group}") as redis:
            yield self.collector(job, "--redis", redis.url), self.halfway(redis)

    def halfway(self, redis):
        return []


class MusterWithStoppedRedis(MusterWithRedis):
    """The worst way to die: it takes what it is sent, and answers nothing."""

    name = "muster, Redis stops half-way"

    def halfway(self, redis):
        return ["--stop-at-half", str(redis.process.pid)]


class MusterWithoutItsRedis(Muster):
    name = "muster, no Redis there"

    @contextlib.contextmanager
    def command(self, job):
        yield self.collector(job, "--redis", f"redis://127.0.0.1:{free_port()}"), []


class KafkaStreams(RawLoop):
    may_be_wrong = True

    def __init__(self, name, guarantee, store):
        self.name = name
        self.guarantee = guarantee
        self.store = store

    def backlog(self, groups):
        return min(groups, number("BENCH_PEER_GROUPS", "300000"))

    @contextlib.contextmanager
    def command(self, job):
        yield peers.java("kafka-streams", "StreamsCollector", job, guarantee=self.guarantee,
                         store=self.store, state=os.path.join(STATE, job.group)), []


class Camel(KafkaStreams):
    def __init__(self):
        super().__init__("Camel (memory, not durable)", "", "")

    @contextlib.contextmanager
    def command(self, job):
        yield peers.java("camel", "CamelCollector", job), []


# By the words of BENCH_WHO.
ALL = {
    "raw": RawLoop(),
    "muster": Muster(),
    "redis": MusterWithRedis(),
    "no-redis": MusterWithoutItsRedis(),
    "stopped-redis": MusterWithStoppedRedis(),
    "streams": KafkaStreams("Kafka Streams exactly_once_v2, RocksDB", "exactly_once_v2", "rocksdb"),
    "streams-memory": KafkaStreams("Kafka Streams at_least_once, memory", "at_least_once",
                                   "memory"),
    "camel": Camel(),
}
PEERS = ("streams", "streams-memory", "camel")
