"""Reading topics `read_committed`: to the end at once, or following them while others write."""

import threading
import time

from checker import outcome_type
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition
from records import Record, now_ms
from waits import PATIENCE, eventually


def _consumer(brokers: str) -> Consumer:
    return Consumer({
        "bootstrap.servers": brokers,
        "group.id": "unused-no-offsets-are-committed",
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
        "fetch.wait.max.ms": 25,
        "fetch.error.backoff.ms": 10,
        "message.max.bytes": 64 << 20,
    })


def _assign(consumer: Consumer, topics) -> list[TopicPartition]:
    known = consumer.list_topics(timeout=PATIENCE).topics
    missing = [topic for topic in topics if topic not in known]
    assert not missing, f"no such topic: {missing}"
    parts = [TopicPartition(topic, partition, OFFSET_BEGINNING)
             for topic in topics for partition in known[topic].partitions]
    consumer.assign(parts)
    return parts


def _record(message) -> Record:
    return Record(message.topic(), message.partition(), message.offset(), message.timestamp()[1],
                  message.key(), message.value(), tuple(message.headers() or ()))


def read_to_end(brokers: str, *topics: str, seconds: float = PATIENCE) -> list[Record]:
    """All committed records, from the beginning to the high watermark, once nobody writes any more
    (under load there is no end). An open transaction holds the end back: it is waited for, and
    named when it stays."""
    consumer = _consumer(brokers)
    try:
        open_parts = {(part.topic, part.partition) for part in _assign(consumer, topics)}
        records: list[Record] = []
        end = time.monotonic() + seconds
        while open_parts:
            assert time.monotonic() < end, f"not read to the end (open transaction?): {open_parts}"
            for message in consumer.consume(2000, 0.1):
                _take(consumer, message, records, open_parts)
        return records
    finally:
        consumer.close()


def _take(consumer, message, records, open_parts) -> None:
    if message.error() is None:
        records.append(_record(message))
        return
    assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
    part = TopicPartition(message.topic(), message.partition())
    # EOF is the last *stable* offset; only at the high watermark is it the end.
    _, high = consumer.get_watermark_offsets(part, cached=True)
    if message.offset() >= high:
        open_parts.discard((part.topic, part.partition))


class Tail:
    """Follows topics in a thread of its own. `records` grows only; reading it needs no lock since
    appending to a list is atomic. `arrivals[i]` is the wall clock in ms when `records[i]` came.
    `guard` is called while waiting: it may raise when there is nothing left to wait for."""

    def __init__(self, brokers: str, *topics: str, keep=lambda record: True, guard=lambda: None):
        self.records: list[Record] = []
        self.arrivals: list[int] = []
        self.error: str | None = None
        self._keep = keep
        self._guard = guard
        self._stop = threading.Event()
        self._consumer = _consumer(brokers)
        _assign(self._consumer, topics)
        self._thread = threading.Thread(target=self._run, name="tail")
        self._thread.start()

    def outcomes(self, *groups: str) -> list[bytes]:
        """Waits until each of these groups has an outcome; their bytes, in that order."""
        __tracebackhide__ = True
        found: dict[bytes, bytes] = {}
        seen = 0

        def all_there() -> bool:
            nonlocal seen
            while seen < len(self.records):
                record = self.records[seen]
                seen += 1
                if outcome_type(record.value):
                    found[record.key] = record.value
            assert self.error is None, self.error
            self._guard()
            return all(group.encode() in found for group in groups)

        eventually(all_there, lambda: f"outcomes of {groups}; only {list(found)[:20]} are there, "
                                      f"{seen} records seen")
        return [found[group.encode()] for group in groups]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        if not self._stop.is_set():
            self._stop.set()
            self._thread.join()
            self._consumer.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            for message in self._consumer.consume(2000, 0.02):
                if message.error() is None:
                    self._add(_record(message))
                elif message.error().code() != KafkaError._PARTITION_EOF:
                    self.error = str(message.error())

    def _add(self, record: Record) -> None:
        if self._keep(record):
            self.arrivals.append(now_ms())
            self.records.append(record)
