"""Producers that remember what they sent and where the broker put it. They partition in
librdkafka's own code: a second opinion beside partitioner.py."""

import random
import zlib
from contextlib import contextmanager

from confluent_kafka import Producer

from records import Sent, now_ms


class Sender:
    """Belongs to one thread. `on_sent` hears of each record when the broker has it; without one
    they collect in `sent`, in order of acknowledgement (per partition: of offset)."""

    def __init__(self, brokers: str, topic: str, on_sent=None, **config):
        self.topic = topic
        self.sent: list[Sent] = []
        self.failed: list[str] = []
        self._on_sent = on_sent or self.sent.append
        self._producer = Producer({
            "bootstrap.servers": brokers,
            "partitioner": "murmur2_random",
            "enable.idempotence": True,
            "linger.ms": 1,
            "message.max.bytes": 64 << 20,
            **config,
        })
        if "transactional.id" in config:
            self._producer.init_transactions(120)

    @contextmanager
    def transaction(self, commit: bool = True):
        """With a `transactional.id`: what is sent in the block is one. Aborted: never sent."""
        before = len(self.sent)
        self._producer.begin_transaction()
        yield
        self.flush()
        if commit:
            self._producer.commit_transaction(120)
        else:
            self._producer.abort_transaction(120)
            del self.sent[before:]

    def send(self, value, key=None, headers=None, timestamp: int = 0, partition: int = -1) -> None:
        """Queues one record; a full queue is waited out."""
        value, key = _encoded(value), _encoded(key)
        more = {"headers": headers} if headers else {}
        while True:
            try:
                self._producer.produce(self.topic, value=value, key=key, partition=partition,
                                       timestamp=timestamp, on_delivery=self._delivered(key, value,
                                                                                        headers),
                                       **more)
                return
            except BufferError:
                self._producer.poll(0.1)

    def put(self, value, key=None, **more) -> Sent:
        """Sends one record and waits until the broker has it."""
        self.send(value, key, **more)
        self.flush()
        return self.sent[-1]

    def poll(self, seconds: float = 0.0) -> None:
        self._producer.poll(seconds)

    def flush(self) -> None:
        left = self._producer.flush(120)
        assert left == 0 and not self.failed, f"{left} records not acknowledged; {self.failed[:3]}"

    def _delivered(self, key, value, headers):
        def report(error, message):
            if error is not None:
                self.failed.append(str(error))
                return
            self._on_sent(Sent(message.topic(), message.partition(), message.offset(),
                               message.timestamp()[1], now_ms(), key, value,
                               tuple(headers or ())))
        return report


class MixedSender:
    """Three producers that do not agree on where a group lives: one keys by Java's murmur2, one by
    librdkafka's crc32, one gives no key. Some groups are known to one of them only; the records of
    the others come by any."""

    def __init__(self, brokers: str, topic: str, seed: int, on_sent=None, **config):
        self._dice = random.Random(seed)
        self._keyed = [Sender(brokers, topic, on_sent, partitioner=name, **config)
                       for name in ("murmur2_random", "consistent_random")]
        self._unkeyed = Sender(brokers, topic, on_sent, **config)
        self._all = [*self._keyed, self._unkeyed]

    @property
    def sent(self) -> list[Sent]:
        return [one for sender in self._all for one in sender.sent]

    def send(self, value, key: str) -> None:
        way = zlib.crc32(b"way of " + key.encode()) % 6
        sender = self._all[way] if way < 3 else self._dice.choice(self._all)
        sender.send(value, None if sender is self._unkeyed else key)

    def poll(self, seconds: float = 0.0) -> None:
        for sender in self._all:
            sender.poll(seconds / len(self._all))

    def flush(self) -> None:
        for sender in self._all:
            sender.flush()


def _encoded(data):
    return data.encode() if isinstance(data, str) else data
