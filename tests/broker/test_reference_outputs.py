"""All that the collector really writes is as doc/asyncapi.yaml and the schemas say: topics, keys,
headers, fields and their order; with and without --sender."""

from collections import Counter
from dataclasses import dataclass

import every_output
import pytest
from checker import outcome_type
from cluster import Topics
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from conftest import World, make_world
from every_output import LETTERS, TRACE
from partitioner import home
from records import Record, Sent
from reference import AsyncApi, Schema, parse, schema
from sender import Sender
from verdicts import SUCCESS
from waits import PATIENCE, eventually

_PARTITIONS = 2
_API = AsyncApi()
_CHILDREN = 5
_COPIES = 5


@dataclass
class Run:
    """What a collector has read and written."""

    sender: str  # its --sender
    groups: dict[str, every_output.Group]
    sent: list[Sent]
    bad: list[tuple[Sent, str]]  # with the code
    outcomes: list[Record]
    copies: list[Record]
    to_parent: list[Record]
    letters: list[Record]
    topics: Topics
    addresses: dict[str, str]
    members: list[str]  # client ids
    configs: dict[str, dict]  # of the internal topics


@pytest.fixture(scope="module", params=["", "collector-1"], ids=["no sender", "a sender"])
def run(request, brokers, tmp_path_factory):
    world = make_world(brokers, tmp_path_factory.mktemp("outputs"), _PARTITIONS).make()
    yield _run(world, request.param)
    world.close()


def _addresses(world: World, outputs: str, told: str) -> dict[str, str]:
    names = {"eventTopic": world.topic, "outputTopic": outputs, "handlerTopic": told,
             "consumerGroup": f"{world.topic}-group"}
    return {channel: _API.address(channel, **names) for channel in _API.document["channels"]}


def _run(world: World, sender_name: str) -> Run:
    out, told, small = (world.topics.create(f"{world.topic}-{name}", _PARTITIONS,
                                            max_message_bytes=bytes_max)
                        for name, bytes_max in (("out", every_output.OUTPUT_BYTES_MAX),
                                                ("told", every_output.OUTPUT_BYTES_MAX),
                                                ("small", every_output.HANDLER_BYTES_MAX)))
    where = _addresses(world, out, told)
    world.topics.create(where["deadLetters"], _PARTITIONS,
                        max_message_bytes=every_output.LETTER_BYTES_MAX)
    more = ["--sender", sender_name] if sender_name else []
    collector = world.collector("--output-topic", out, *every_output.OPTIONS, *more)
    collector.start().ready()
    sender = world.sender(partitioner="murmur2_random")
    groups = every_output.groups(told, f"{world.topic}-nowhere", small)
    with world.tail(out) as tail, world.tail(where["deadLetters"]) as letters:
        _send_groups(sender, groups)
        bad = _send_bad(world.brokers, sender, where["repartition"])
        tail.outcomes(*groups)
        lost = sum(group.startswith(("told-nowhere", "told-too-much")) for group in groups)
        eventually(lambda: len(letters.records) >= len(bad) + lost,
                   lambda: collector.why(f"{len(bad)} and {lost} dead letters"))
    members = _members(world.brokers, f"{world.topic}-group")
    assert collector.stop() == 0, collector.why("exit status")
    ours = {(one.partition, one.offset) for one in sender.sent}
    written = [one for one in world.read() if (one.partition, one.offset) not in ours]
    return Run(sender_name, groups, sender.sent, bad, world.read(out), world.read(told), written,
               world.read(where["deadLetters"]), world.topics, where, members,
               {name: _config(world.brokers, where[name]) for name in ("journal", "repartition")})


def _send_groups(sender: Sender, groups: dict) -> None:
    for group, spec in groups.items():
        for value in spec.records:
            # The last one closes it. Some lie in the wrong partition, where order does not matter.
            away = 1 - home(group.encode(), _PARTITIONS)
            sender.send(value, group, headers=TRACE if spec.traced else None,
                        partition=away if group in ("told", "child") else -1)
    sender.flush()


def _send_bad(brokers: str, sender: Sender, repartition: str) -> list[tuple[Sent, str]]:
    bad = [(sender.put(value, key, headers=headers), code)
           for key, value, headers, code in LETTERS]
    stranger = Sender(brokers, repartition)
    return [*bad, (stranger.put("{}", "stranger", headers=TRACE), "not-forwarded")]


def _members(brokers: str, group: str) -> list[str]:
    admin = AdminClient({"bootstrap.servers": brokers})
    answer = admin.describe_consumer_groups([group])[group].result(PATIENCE)
    return [member.client_id for member in answer.members]


def _config(brokers: str, topic: str) -> dict[str, str]:
    resource = ConfigResource(ResourceType.TOPIC, topic)
    admin = AdminClient({"bootstrap.servers": brokers})
    answer = admin.describe_configs([resource])[resource].result(PATIENCE)
    return {name: entry.value for name, entry in answer.items()}


def _wrong(operation: str, records: list[Record]) -> list[str]:
    found = [(_API.sent(operation, record), record) for record in records]
    return [f"{why}: {record}"[:1000] for why, record in found if why]


def test_every_outcome_is_as_it_is_described(run):
    assert sorted(one.key.decode() for one in run.outcomes) == sorted(run.groups)
    assert not _wrong("sendOutcome", run.outcomes)
    for one in run.outcomes:
        group = run.groups[one.key.decode()]
        value = parse(one.value)
        assert value.get("code", "success") == group.end, one
        assert value.get("sender", "") == run.sender
        assert (one.header("traceparent") is not None) == group.traced, one
        assert one.partition == home(one.key, _PARTITIONS)


def test_a_handler_gets_the_same(run):
    assert not _wrong("sendToHandler", run.copies)
    outcomes = {one.key: one for one in run.outcomes}
    assert len(run.copies) == _COPIES
    for copy in run.copies:
        outcome = outcomes[copy.key]
        given, own = parse(copy.value), parse(outcome.value)
        assert copy.headers == outcome.headers
        assert {**given, "payload": own["payload"]} == own
    payloads = {one.key.decode(): parse(one.value)["payload"] for one in run.copies}
    assert payloads == {"told": {"to": "you"}, "told-of-a-quorum": [1], "told-of-a-cancel": "x",
                        "told-of-a-timeout": None, "told-that-it-is-large": 7}


def test_a_parent_hears_of_each_child(run):
    assert not _wrong("sendToParent", run.to_parent)
    told = {value["id"]: value.get("error", value.get("result"))
            for value in (parse(one.value) for one in run.to_parent)}
    assert len(run.to_parent) == len(told) == _CHILDREN
    assert told == {
        "child": {"a": [1]}, "child-cancelled": "Operation cancelled",
        "child-late": "Operation timed out after 1 seconds",
        "child-deep": "Outcome is nested over 64 deep",
        "child-large": f"Outcome is larger than {every_output.EVENT_BYTES_MAX} bytes"}
    traced = {parse(one.value)["id"]: one.header("tracestate") == "shop=1"
              for one in run.to_parent}
    assert traced == {child: run.groups[child].traced for child in told}


def test_what_goes_to_a_parent_is_an_event_like_any_other(run):
    for one in run.to_parent:
        assert schema("entity-done").refusal(parse(one.value)) is None


def test_every_dead_letter_is_as_it_is_described(run):
    assert not _wrong("sendDeadLetter", run.letters)
    found = {_place(one): one for one in run.letters}
    for sent, code in run.bad:
        letter = found[(sent.topic, str(sent.partition), str(sent.offset))]
        assert letter.header("muster.error.code") == code
        assert letter.partition == sent.partition
        if letter.header("muster.truncated"):
            assert int(letter.header("muster.truncated")) == len(sent.value)
            assert sent.value.startswith(letter.value) and sent.key.startswith(letter.key)
        else:
            assert (letter.key, letter.value) == (sent.key, sent.value)
            assert _own_headers(letter) == list(sent.headers)


def _place(letter: Record) -> tuple:
    return tuple(letter.header(f"__connect.errors.{name}")
                 for name in ("topic", "partition", "offset"))


def _own_headers(letter: Record) -> list:
    ours = schema("dead-letter-headers").document["properties"]
    return [(name, value) for name, value in letter.headers if name not in ours]


def test_what_a_handlers_topic_refuses_is_an_outcome(run):
    refused = [one for one in run.letters
               if one.header("muster.error.code") in ("no-such-topic", "undeliverable")]
    assert Counter(one.header("muster.error.code") for one in refused) == {
        "no-such-topic": 2, "undeliverable": 2}
    nowhere, small = (f"{run.addresses['events']}-{name}" for name in ("nowhere", "small"))
    for one in refused:
        assert outcome_type(one.value)
        headers = Schema(_API.resolve({"$ref": "schemas/outcome-headers.json"}))
        assert headers.refusal({name: value.decode() for name, value in _own_headers(one)}) is None
        topic = nowhere if one.key.startswith(b"told-nowhere") else small
        assert f"topic {topic}: " in one.header("__connect.errors.exception.message")
        if one.key.endswith(b"by-the-clock"):
            assert _place(one) == (topic, "-1", "-1")
        else:
            [sent] = [sent for sent in run.sent if sent.key == one.key]
            assert _place(one) == (sent.topic, str(sent.partition), str(sent.offset))


def test_nothing_that_is_described_was_left_out_here(run):
    """Each field that may be absent was seen, and was seen absent; each value of each list of
    values; each depth of what is too large."""
    outcomes = [parse(one.value) for one in run.outcomes]
    failures = [one for one in outcomes if one["type"] != SUCCESS]
    seen = {"success": [one for one in outcomes if one["type"] == SUCCESS], "failure": failures,
            "parent-entity-done": [parse(one.value) for one in run.to_parent],
            "outcome-headers": [dict(one.headers) for one in run.outcomes],
            "dead-letter-headers": [dict(one.headers) for one in run.letters]}
    for name, values in seen.items():
        document = schema(name).document
        for field in set(document["properties"]) - set(document["required"]) - {"sender"}:
            assert {field in value for value in values} == {True, False}, f"{name}: {field}"
    assert {one["code"] for one in failures} == \
        set(schema("failure").document["properties"]["code"]["enum"])
    assert {one.header("muster.error.code") for one in run.letters} == \
        set(schema("dead-letter-headers").document["properties"]["muster.error.code"]["enum"])
    large = {one["id"]: (one["payload"] is not None, bool(one["errors"]))
             for one in failures if "large-" in one["id"]}
    assert large == {"large-with-payload": (True, False), "large-without-payload": (False, True),
                     "large-without-lists": (False, False)}


def test_the_topics_and_the_group_are_as_they_are_described(run):
    for channel, topic in run.addresses.items():
        assert run.topics.partitions(topic) == _PARTITIONS, f"{channel}: {topic}"
    for channel, config in run.configs.items():
        bindings = _API.resolve(_API.document["channels"][channel]["bindings"])
        for name, value in bindings["kafka"]["topicConfiguration"].items():
            told = ",".join(value) if isinstance(value, list) else str(value)
            assert config[name] == told, f"{channel}: {name}"
    client = Schema(_API.document["operations"]["receiveEvents"]["bindings"]["kafka"]["clientId"])
    assert len(run.members) == 1
    assert client.refusal(run.members[0]) is None
