"""Does the work of a group's entities: reads requests, and says Done in the transaction that ends
the request. Killed at any point, it answers each request once.

    pip install -r requirements.txt
    BROKERS=localhost:9092 TOPIC=eventbus-collector REQUESTS=flight-requests \
        INSTANCE=flights-1 python answer_requests.py

A request is a record like {"group":"trip-1","entity":"flight"}. Each process needs an INSTANCE of
its own, the same one after each restart.
"""

import json
import os

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

BROKERS = os.environ.get("BROKERS", "localhost:9092")
TOPIC = os.environ.get("TOPIC", "eventbus-collector")
REQUESTS = os.environ.get("REQUESTS", "flight-requests")
INSTANCE = os.environ.get("INSTANCE", "flights-1")


def new_consumer() -> Consumer:
    return Consumer({
        "bootstrap.servers": BROKERS,
        "group.id": f"answering-{REQUESTS}",
        "group.instance.id": INSTANCE,  # a restart takes its partitions again at once
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,  # the transaction commits the offsets
    })


def new_producer() -> Producer:
    return Producer({
        "bootstrap.servers": BROKERS,
        "partitioner": "murmur2_random",
        "transactional.id": INSTANCE,  # a restart ends what the process before it has left open
        "transaction.timeout.ms": 10_000,
    })


def book(request: dict) -> dict:
    """The work itself: an EntityDone with a result, or with an error."""
    return {"type": "EventGroupCollectorEntityDone", "id": request["entity"],
            "group": request["group"], "result": {"seat": "12A"}}


def answer(message, consumer: Consumer, producer: Producer) -> None:
    done = book(json.loads(message.value()))
    producer.begin_transaction()
    producer.produce(TOPIC, key=done["group"], value=json.dumps(done))
    producer.send_offsets_to_transaction(
        [TopicPartition(message.topic(), message.partition(), message.offset() + 1)],
        consumer.consumer_group_metadata())
    producer.commit_transaction()


def main() -> None:
    consumer, producer = new_consumer(), new_producer()
    producer.init_transactions()
    consumer.subscribe([REQUESTS])
    while True:
        message = consumer.poll(1.0)
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        # Any error ends the process; its next life begins with the request that was not answered.
        answer(message, consumer, producer)


if __name__ == "__main__":
    main()
