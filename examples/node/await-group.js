// Starts a group, answers for its two entities, and prints the group's outcome.
//
//   npm ci
//   BROKERS=localhost:9092 TOPIC=eventbus-collector TTL=10 node await-group.js [GROUP]
'use strict';

const { randomUUID } = require('node:crypto');
const { Kafka, Partitioners, logLevel } = require('kafkajs');

const brokers = (process.env.BROKERS ?? 'localhost:9092').split(',');
const topic = process.env.TOPIC ?? 'eventbus-collector';
const group = process.argv[2] ?? `trip-${randomUUID()}`;
const ttlSeconds = Number(process.env.TTL ?? 10);
const patienceSeconds = ttlSeconds + 5;

const kafka = new Kafka({ brokers, logLevel: logLevel.ERROR });

// All of a group's events have its id as their key. Resolves when the broker has them.
async function send(events) {
  const producer = kafka.producer({
    // As in Java, where the collector looks first. LegacyPartitioner, of kafkajs 1, is another.
    createPartitioner: Partitioners.DefaultPartitioner,
    idempotent: true,
  });
  await producer.connect();
  await producer.send({
    topic,
    messages: events.map((event) => ({ key: group, value: JSON.stringify(event) })),
  });
  await producer.disconnect();
}

// kafkajs reads as a member of a group only: this one is ours alone, and commits nothing.
async function readFrom(ends, onMessage) {
  const consumer = kafka.consumer({ groupId: `await-${randomUUID()}`, readUncommitted: false });
  await consumer.connect();
  await consumer.subscribe({ topic });
  await consumer.run({ autoCommit: false, eachMessage: async ({ message }) => onMessage(message) });
  for (const { partition, high } of ends) consumer.seek({ topic, partition, offset: high });
  return consumer;
}

async function endsOfPartitions() {
  const admin = kafka.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  return ends;
}

function isOutcome(text) {
  const { type } = JSON.parse(text);
  return type === 'EventGroupCollectorSuccess' || type === 'EventGroupCollectorFailure';
}

async function main() {
  const ends = await endsOfPartitions(); // before anything is sent, so that no outcome is missed
  let found;
  const outcome = new Promise((resolve) => { found = resolve; });
  const consumer = await readFrom(ends, ({ key, value }) => {
    if (key?.toString() === group && isOutcome(value.toString())) found(value.toString());
  });
  await send([
    { type: 'EventGroupCollectorCreate', id: group, expected: ['flight', 'hotel'],
      ttl: ttlSeconds, payload: { customer: 'Ada' } },
    { type: 'EventGroupCollectorEntityDone', id: 'flight', group, result: { seat: '12A' } },
    { type: 'EventGroupCollectorEntityDone', id: 'hotel', group, result: { room: 401 } },
  ]);
  const patience = setTimeout(() => found(undefined), patienceSeconds * 1000);
  const text = await outcome;
  clearTimeout(patience);
  await consumer.disconnect();
  if (text === undefined) throw new Error(`no outcome of ${group} in ${patienceSeconds} s`);
  console.log(text);
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
