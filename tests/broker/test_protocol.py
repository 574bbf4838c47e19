"""Policies, ttls of entities, Update, Cancel, parents and handlers, against the real broker: on one
partition, and unkeyed on three."""

import json
import uuid

import pytest
from events import cancel, create, done, update
from waits import eventually


def _outcome(tail, group):
    """The group's only one, without what depends on the clock."""
    found = [json.loads(value) for value in tail.outcomes(group)]
    assert len(found) == 1, found
    for name in ("type", "created", "resolved", "payload"):
        found[0].pop(name)
    return found[0]


# Of each group: its Create's fields, the events behind it, and what comes back. None of it depends
# on the order of the events, so it is right from whatever partitions they come.
SESSIONS = {
    "all-settled": (
        {"expected": '["a","b"]', "policy": '"all-settled"'},
        [("done", "a", {"error": '"bad"'}), ("done", "b", {"result": "1"})],
        {"entity": "a", "error": "bad", "results": {"a": None, "b": 1}, "code": "error",
         "missing": [], "errors": {"a": "bad"}}),
    "quorum": (
        {"expected": '["a","b"]', "policy": '{"quorum":1}'},
        [("done", "b", {"result": "[2]"})],
        {"results": {"b": [2]}, "missing": ["a"], "errors": {}}),
    "unreachable": (
        {"expected": '["a","b"]', "policy": '{"quorum":2}'},
        [("done", "b", {"error": '"no"'})],
        {"entity": "b", "error": "no", "results": {"b": None}, "code": "unreachable",
         "missing": ["a"], "errors": {"b": "no"}}),
    "tolerate": (
        {"expected": '["a","b"]', "policy": '{"tolerate":1}'},
        [("done", "a", {"error": '"bad"'}), ("done", "b", {"result": "1"})],
        {"results": {"a": None, "b": 1}, "missing": [], "errors": {"a": "bad"}}),
    "entity-ttl": (
        {"expected": '[{"id":"a","ttl":0.5},"b"]', "ttl": "30"},
        [],
        {"entity": "a", "error": "timed out after 0.5 seconds", "results": {"a": None},
         "code": "error", "missing": ["b"], "errors": {"a": "timed out after 0.5 seconds"}}),
    "update": (
        {"expected": '["a","b"]', "ttl": "30"},
        [("update", {"remove": '["b"]'}), ("done", "a", {"result": "3"})],
        {"results": {"a": 3}}),
    "update-ttl": (
        {"expected": '["a"]', "ttl": "30"},
        [("update", {"ttl": "1.5"})],
        {"entity": "update-ttl", "error": "Operation timed out after 1.5 seconds", "results": {},
         "code": "timeout", "missing": ["a"], "errors": {}}),
    "cancel": (
        {"expected": '["a"]', "ttl": "30"},
        [("cancel", {"reason": '"not \\"needed\\""'})],
        {"entity": "cancel", "error": 'not "needed"', "results": {}, "code": "cancelled",
         "missing": ["a"], "errors": {}}),
}


def _event(group, event):
    kind, *rest = event
    if kind == "done":
        return done(group, rest[0], **rest[1])
    return update(group, **rest[0]) if kind == "update" else cancel(group, **rest[0])


@pytest.mark.parametrize("partitions", [1, 3])
def test_each_group_ends_by_the_rules_that_it_asked_for(world):
    world.make()
    world.collector().start().ready()
    sender = world.sender()
    with world.tail() as tail:
        for group, (fields, events, _) in SESSIONS.items():
            # A key that says nothing: the record may lie anywhere.
            sender.put(create(group, **fields), uuid.uuid4().hex)
            for event in events:
                sender.put(_event(group, event), uuid.uuid4().hex)
        for group, (_, _, expected) in SESSIONS.items():
            assert _outcome(tail, group) == {"id": group, **expected}


@pytest.mark.parametrize("partitions", [1, 3])
def test_a_group_ends_its_parents_entity_and_tells_its_handler(world):
    world.make()
    told = world.topics.create(f"{world.topic}-told")
    collector = world.collector("--handler-topics", f"{world.topic}-.*").start().ready()
    sender = world.sender()

    def put(value):
        sender.put(value, uuid.uuid4().hex)

    with world.tail() as tail:
        put(create("top", '["x","y"]', ttl="30"))
        put(create("x", '["a"]', ttl="30", parent='{"group":"top","id":"x"}',
                   handler=f'{{"onsuccess":{{"topic":"{told}","payload":{{"to":"you"}}}}}}'))
        put(create("y", '["b"]', ttl="30", parent='{"group":"top","id":"y"}',
                   handler=f'{{"onsuccess":{{"topic":"{world.topic}-nowhere"}}}}'))
        put(create("z", "[]", handler='{"onsuccess":{"topic":"elsewhere"}}'))
        put(done("x", "a", result="1"))
        put(done("y", "b", result="2"))
        assert _outcome(tail, "x") == {"id": "x", "results": {"a": 1}}
        assert _outcome(tail, "y") == {"id": "y", "results": {"b": 2}}
        assert _outcome(tail, "z") == {"id": "z", "results": {}}
        assert _outcome(tail, "top") == {"id": "top", "results": {"x": {"a": 1}, "y": {"b": 2}}}

    def letters():
        found = {letter.key.decode(): letter for letter in world.read(world.dead_letters)}
        return found if len(found) == 2 else None

    found = eventually(letters, "both handlers without a topic have a dead letter")
    assert {letter.header("muster.error.code") for letter in found.values()} == {"no-such-topic"}
    assert "does not exist" in found["y"].header("__connect.errors.exception.message")
    assert "--handler-topics" in found["z"].header("__connect.errors.exception.message")
    copies = [json.loads(record.value) for record in world.read(told)]
    assert [(copy["id"], copy["payload"]) for copy in copies] == [("x", {"to": "you"})]
    assert world.topics.partitions(f"{world.topic}-nowhere") == 0
    assert collector.stop() == 0
