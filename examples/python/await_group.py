"""Starts a group, answers for its two entities, and prints the group's outcome.

    pip install -r requirements.txt
    BROKERS=localhost:9092 TOPIC=eventbus-collector TTL=10 python await_group.py [GROUP]
"""

import json
import os
import sys
import time
import uuid

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

BROKERS = os.environ.get("BROKERS", "localhost:9092")
TOPIC = os.environ.get("TOPIC", "eventbus-collector")
TTL_SECONDS = int(os.environ.get("TTL", "10"))
PATIENCE_SECONDS = TTL_SECONDS + 5


def new_producer() -> Producer:
    return Producer({
        "bootstrap.servers": BROKERS,
        "partitioner": "murmur2_random",  # where the collector looks first; the default is crc32
        "enable.idempotence": True,
    })


def send(producer: Producer, group: str, events: list[dict]) -> None:
    """All of a group's events have its id as their key. Returns when the broker has them."""
    failures = []

    def delivered(error, _message):
        if error is not None:
            failures.append(error)

    for event in events:
        producer.produce(TOPIC, key=group, value=json.dumps(event), on_delivery=delivered)
    producer.flush()
    if failures:
        raise KafkaException(failures[0])


def reader_at_the_end() -> Consumer:
    """Reads all partitions, from where they end now. It joins no group and commits nothing."""
    consumer = Consumer({
        "bootstrap.servers": BROKERS,
        "group.id": "unused",
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
    })
    partitions = [TopicPartition(TOPIC, number)
                  for number in consumer.list_topics(TOPIC).topics[TOPIC].partitions]
    for partition in partitions:
        _, partition.offset = consumer.get_watermark_offsets(partition)
    consumer.assign(partitions)
    return consumer


def outcome_of(group: str, consumer: Consumer) -> str | None:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        message = consumer.poll(0.5)
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        if message.key() == group.encode() and is_outcome(json.loads(message.value())):
            return message.value().decode()
    return None


def is_outcome(event: dict) -> bool:
    return event["type"] in ("EventGroupCollectorSuccess", "EventGroupCollectorFailure")


def main() -> None:
    group = sys.argv[1] if len(sys.argv) > 1 else f"trip-{uuid.uuid4()}"
    consumer = reader_at_the_end()  # before anything is sent, so that no outcome is missed
    send(new_producer(), group, [
        {"type": "EventGroupCollectorCreate", "id": group, "expected": ["flight", "hotel"],
         "ttl": TTL_SECONDS, "payload": {"customer": "Ada"}},
        {"type": "EventGroupCollectorEntityDone", "id": "flight", "group": group,
         "result": {"seat": "12A"}},
        {"type": "EventGroupCollectorEntityDone", "id": "hotel", "group": group,
         "result": {"room": 401}},
    ])
    outcome = outcome_of(group, consumer)
    consumer.close()
    if outcome is None:
        sys.exit(f"no outcome of {group} in {PATIENCE_SECONDS} s")
    print(outcome)


if __name__ == "__main__":
    main()
