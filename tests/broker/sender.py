"""A producer that remembers what it sent and where the broker put it. It partitions by Java's
murmur2 in librdkafka's own code: a second opinion beside partitioner.py."""

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


def _encoded(data):
    return data.encode() if isinstance(data, str) else data
