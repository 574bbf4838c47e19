"""Each request of a transaction, and its answer, is delayed, cut and swallowed by a proxy between
the collector and its broker, under load with open groups. The library has no KIP-890, so a producer
whose transaction has an unknown fate is replaced, and what the dead one had on its way may come
late but changes nothing. All cases go to one collector, one after the other; the checker judges the
whole at the end. A fault that never hit anything fails its case.

MUSTER_SEED=N repeats the load.
"""

import re
from contextlib import contextmanager

import pytest
from checker import check, outcome_type
from conftest import make_world
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from kafka_proxy import (CUT_ANSWER, DELAY_ANSWER, DELAY_REQUEST, FAULTS, SWALLOW_ANSWER,
                         SWALLOW_REQUEST, WATCH, ProxiedBroker, Rule, of_new_producer)
from records import now_ms, rfc3339
from steady_load import SteadyLoad
from storm import is_outcome, new_seed
from verdicts import Options
from waits import PATIENCE, eventually

_PARTITIONS = 2
_TRANSACTIONAL = ("AddPartitionsToTxn", "Produce", "AddOffsetsToTxn", "TxnOffsetCommit", "EndTxn")
_IN_PASSING = ("Fetch", "Heartbeat")
_AT_START = ("FindCoordinator", "JoinGroup", "SyncGroup", "OffsetFetch")
_WAITED_FOR_LONG = ("JoinGroup",)  # for max.poll.interval.ms
# Short enough to wait for.
_TIMEOUTS = {"socket.timeout.ms": 1_000, "message.timeout.ms": 1_500,
             "transaction.timeout.ms": 3_000, "session.timeout.ms": 6_000,
             "max.poll.interval.ms": 6_000}
_DELAY_SECONDS = 0.2
_FENCED = {47, 90}  # INVALID_PRODUCER_EPOCH, PRODUCER_FENCED
# What the collector says when it gives a transaction up.
_GIVEN_UP = re.compile(r" a transaction failed: |producing (failed: |timed out)")


class Scene:
    """A collector behind the proxy, a load that goes by it, and the outcomes as they come."""

    def __init__(self, broker, folder):
        self.proxy = broker.proxy
        self.world = make_world(broker.address, folder, _PARTITIONS).make()
        properties = [text for name, value in _TIMEOUTS.items()
                      for text in ("-X", f"{name}={value}")]
        self.collector = self.world.collector(*properties, brokers=self.proxy.address)
        self._openings = self.proxy.hurt("InitProducerId", WATCH, times=None)
        self._seed = new_seed()

    @contextmanager
    def under_load(self):
        """The load goes on beside the block; then all outcomes are waited for."""
        self.collector.start().ready()
        load = SteadyLoad(self.world.brokers, self.world.topic, self._seed, open_groups=50, rate=30)
        with load, self.world.tail(keep=is_outcome) as self.tail:
            yield
            assert self.collector.running(), self.collector.why("it is running")
            self._sent = load.finish()
            self._eventually(lambda: len({one.key for one in list(self.tail.records)})
                             >= load.groups, "all outcomes")

    def hurt(self, api: str, fault: str, times: int | None = 1) -> Rule:
        seconds = _DELAY_SECONDS if fault in (DELAY_REQUEST, DELAY_ANSWER) else None
        return self.proxy.hurt(api, fault, times=times, seconds=seconds)

    def hold(self, api: str, times: int | None = 1) -> Rule:
        """Until its release()."""
        return self.proxy.hurt(api, DELAY_REQUEST, times=times)

    def hits(self, rule: Rule) -> None:
        """Waits until it has hit, and until the client has left a connection that is silent."""
        rule.was_hit(self.world.none_died)
        if rule.fault in (SWALLOW_REQUEST, SWALLOW_ANSWER):
            rule.was_left(self.world.none_died)

    def goes_on(self) -> None:
        """Waits for an outcome that was written after now."""
        since = now_ms()
        self._eventually(lambda: any(one.timestamp >= since for one in self.tail.records[-20:]),
                         "new outcomes")

    def _eventually(self, condition, what: str) -> None:
        def look():
            self.world.none_died()
            return condition()
        eventually(look, lambda: self.collector.why(what))

    def gave_up(self, since: int) -> None:
        """Waits until it has said so, and has opened another producer, after that time."""
        self._eventually(lambda: any(line >= rfc3339(since) and _GIVEN_UP.search(line)
                                     for line in self.collector.lines()),
                         "it gives the transaction up")
        self._eventually(lambda: any(time > since for time in self.opened()),
                         "it replaces the producer")

    def opened(self) -> list[int]:
        """When it has opened a producer, in ms."""
        return [time for time, request in zip(self._openings.times, self._openings.requests)
                if of_new_producer(request)]

    def lets_go(self, late: Rule) -> None:
        """What it holds comes to the broker, which answers."""
        late.release()
        late.was_answered(self.world.none_died)

    def fence(self) -> None:
        """Somebody else opens a producer under the collector's transactional id. That one waits
        meanwhile: they would fence each other again and again."""
        group = f"{self.world.topic}-group"
        stranger = Producer({"bootstrap.servers": self.world.brokers,
                             "transactional.id": f"muster.{group}.{self.world.topic}.one"})
        self.proxy.pause()
        stranger.init_transactions(PATIENCE)
        self.proxy.heal()

    def judge(self) -> None:
        assert self.collector.stop() == 0, self.collector.why("exit status")
        outcomes = self.world.read()
        result = check(self._sent, outcomes, Options(partitions=_PARTITIONS))
        aborted = _outcomes_written(self.world) - sum(map(is_outcome, outcomes))
        print(f"MUSTER_SEED={self._seed}\n{result}\n{aborted} outcomes were aborted, "
              f"{len(self.opened())} producers were opened")
        assert result.ok and result.still_open == 0, f"MUSTER_SEED={self._seed}: {result}"
        assert aborted > 0, "no transaction with an outcome in it was aborted"


def _outcomes_written(world) -> int:
    """Those of aborted transactions among them."""
    consumer = Consumer({"bootstrap.servers": world.brokers, "group.id": "unused",
                         "isolation.level": "read_uncommitted", "enable.partition.eof": True})
    consumer.assign([TopicPartition(world.topic, partition, OFFSET_BEGINNING)
                     for partition in range(_PARTITIONS)])
    count = ends = 0
    while ends < _PARTITIONS:
        for message in consumer.consume(2_000, 0.1):
            ends += message.error() is not None
            count += message.error() is None and outcome_type(message.value()) is not None
    consumer.close()
    return count


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    # The broker looks for transactions that are over their time so rarely that it ends none of
    # them: whoever gives one up leaves it open.
    broker = ProxiedBroker(tmp_path_factory.mktemp("behind"),
                           "transaction.abort.timed.out.transaction.cleanup.interval.ms=600000")
    yield broker
    broker.remove()


@pytest.fixture(scope="module")
def whole(behind, tmp_path_factory):
    scene = Scene(behind, tmp_path_factory.mktemp("scene"))
    try:
        with scene.under_load():
            yield scene
        scene.judge()
    finally:
        scene.world.close()


@pytest.fixture
def scene(whole):
    assert whole.collector.running(), whole.collector.why("it is running")
    yield whole
    whole.proxy.calm()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("api", _TRANSACTIONAL + _IN_PASSING)
def test_a_request_is_hurt_once(scene, api, fault):
    scene.hits(scene.hurt(api, fault))
    scene.goes_on()


@pytest.mark.parametrize("fault", FAULTS)
def test_the_opening_of_a_producer_is_hurt(scene, fault):
    since = now_ms()
    rule = scene.hurt("InitProducerId", fault)
    scene.fence()
    scene.hits(rule)
    scene.gave_up(since)
    scene.goes_on()


@pytest.mark.parametrize("api", _TRANSACTIONAL)
def test_what_a_dead_producer_has_sent_comes_late_and_changes_nothing(scene, api):
    """All attempts to send it are held until the producer has been replaced, and come when all of
    the successor's transaction is written but its end. A recovery looks at what that one has left,
    before the next could mend it."""
    late = scene.hold(api, times=None)
    scene.hits(late)
    if api == "EndTxn":
        # It would be tried again for 15 s. So the next attempt passes, and hears it is over.
        scene.fence()
        late.end()
    scene.gave_up(since=late.times[0])
    late.end()
    successor = scene.hold("EndTxn")
    scene.hits(successor)
    scene.lets_go(late)
    if api in ("EndTxn", "AddOffsetsToTxn"):
        assert late.errors_of_first() <= _FENCED, late.answered
    following = scene.hold("AddPartitionsToTxn")
    successor.release()
    scene.hits(following)
    scene.collector.kill()
    scene.collector.start()
    scene.goes_on()


def test_an_opening_that_comes_late_fences_whoever_has_opened_meanwhile(scene):
    since = now_ms()
    late = scene.hold("InitProducerId")
    scene.fence()
    scene.hits(late)
    scene.gave_up(since)
    successor = scene.hold("EndTxn")
    scene.hits(successor)
    since = now_ms()
    scene.lets_go(late)
    successor.release()
    scene.gave_up(since)
    scene.goes_on()


@pytest.mark.parametrize("api", ["Produce", "EndTxn"])
def test_answers_are_lost_until_it_gives_up(scene, api):
    """The records are written, the transaction is committed: nobody tells."""
    rule = scene.hurt(api, CUT_ANSWER, times=None)
    scene.hits(rule)
    scene.gave_up(since=rule.times[0])
    rule.end()
    scene.goes_on()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_start_is_hurt(scene, fault):
    swallows = fault in (SWALLOW_REQUEST, SWALLOW_ANSWER)
    scene.collector.kill()
    rules = [scene.hurt(api, fault) for api in _AT_START
             if not (swallows and api in _WAITED_FOR_LONG)]
    scene.collector.start()
    for rule in rules:
        scene.hits(rule)
    scene.goes_on()


@pytest.mark.parametrize("fault, count", [("cut", "reset"), ("blackhole", "swallowed"),
                                          ("pause", "held")])
def test_the_whole_network_is_gone_for_longer_than_a_transaction_lasts(scene, fault, count):
    """After a pause all that was on its way comes late."""
    before = scene.proxy.counts[count]
    getattr(scene.proxy, fault)(seconds=_TIMEOUTS["transaction.timeout.ms"] / 1_000)
    scene.goes_on()
    assert scene.proxy.counts[count] > before
