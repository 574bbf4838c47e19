"""The schemas of the events and the collector's decoder draw the same line: who checks events by
the schemas before sending them has none refused for what it is, and is not held to more."""

import os
import random

import bad_records
import odd_records
import pytest
from events import create
from random_events import random_events
from reference import INPUT, input_refusal, parse

# Refused by the collector, but not by the schemas, for want of a keyword.
_TWICE = "readers of JSON take the last of two fields of one name, and show the schema only that"
_HALF = "half a surrogate pair is a string to a schema"
_WRITTEN = "a schema sees the number, not how it is written"
_COMPARED = "a schema cannot compare a number with a length, nor a text with an object's id"
EXCEPTIONS = {
    **{name: _TWICE for name in (
        "type twice", "id twice", "id twice by an escape", "expected twice", "ttl twice",
        "payload twice", "sender twice", "description twice", "policy twice", "quorum twice",
        "parent twice", "parent whose group is there twice", "handler twice", "onsuccess twice",
        "topic twice", "payload of a handler twice", "entity whose id is there twice",
        "entity whose ttl is there twice", "group twice", "error twice", "result twice",
        "add twice", "remove twice", "ttl of an update twice", "sender of an update twice",
        "cancel whose id is there twice", "reason twice")},
    **{name: _HALF for name in (
        "id is half a character", "expected holds half a character", "topic is half a character",
        "parent whose group is half a character", "done whose id is half a character",
        "error is half a character", "reason is half a character")},
    **{name: _WRITTEN for name in (
        "quorum written as a fraction", "tolerate written as minus none",
        "tolerate written with an exponent")},
    **{name: _COMPARED for name in (
        "quorum of more than there are", "quorum where nobody is expected",
        "expected id as text and as object", "expected id with two ttls")},
}
# What no schema is asked: no JSON at all, sizes that are options, and what other records decide.
_NO_VALUE = {"json", "tombstone"}
_BY_OPTION = {"limit", "ttl"}
_BY_STATE = {"conflict", "unexpected", "orphan"}
_BY_SCHEMA = {"type", "field"}
_RANDOM_EVENTS = 3000


def _bad(*codes):
    return [pytest.param(bad, id=bad.name) for bad in bad_records.ALL if bad.code in set(codes)]


def test_every_code_of_the_table_is_judged_or_left_out_by_name():
    assert {bad.code for bad in bad_records.ALL} == \
        _NO_VALUE | _BY_OPTION | _BY_STATE | _BY_SCHEMA
    assert set(EXCEPTIONS) <= {bad.name for bad in bad_records.ALL if bad.code in _BY_SCHEMA}


@pytest.mark.parametrize("bad", _bad(*_BY_SCHEMA))
def test_what_the_collector_refuses_a_schema_refuses(bad):
    refusal = input_refusal(bad.value)
    if bad.name in EXCEPTIONS:
        assert refusal is None, "no exception any more: " + refusal
    else:
        assert refusal is not None


@pytest.mark.parametrize("bad", _bad("json"))
def test_what_is_no_json_to_the_collector_is_none_to_others(bad):
    """Or not an object."""
    try:
        value = parse(bad.value)
    except ValueError:
        return
    assert not isinstance(value, dict)


@pytest.mark.parametrize("bad", _bad(*_BY_STATE))
def test_what_is_refused_for_other_records_is_well_formed(bad):
    assert input_refusal(bad.value) is None
    assert [input_refusal(value.encode()) for value in bad.before] == [None] * len(bad.before)


@pytest.mark.parametrize("group", [*odd_records.CREATES, *odd_records.GROUPS])
def test_what_the_collector_takes_a_schema_takes(group):
    values = [odd_records.CREATES[group]] if group in odd_records.CREATES \
        else odd_records.GROUPS[group][1]
    for value in values:
        assert input_refusal(value.encode()) is None, value[:200]


def test_random_events_are_refused_by_both_or_by_none(world):
    seed = int(os.environ.get("MUSTER_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"MUSTER_SEED={seed}")
    world.make()
    collector = world.collector().start().ready()
    sender = world.sender()
    with world.tail() as tail:
        for value in random_events(seed, _RANDOM_EVENTS):
            sender.send(value, "random")
        sender.put(create("last", "[]"), "last")
        tail.outcomes("last")
    assert collector.stop() == 0, collector.why("exit status")
    letters = {int(letter.header("__connect.errors.offset")):
               letter.header("__connect.errors.exception.message")
               for letter in world.read(world.dead_letters)
               if letter.header("muster.error.code") in _BY_SCHEMA}
    events = sender.sent[:_RANDOM_EVENTS]
    differ = [f"{one.value.decode()}: collector: {letters.get(one.offset)}; "
              f"schema: {input_refusal(one.value)}" for one in events
              if (one.offset in letters) != (input_refusal(one.value) is not None)]
    assert not differ, f"{len(differ)} of {len(events)}:\n" + "\n".join(differ[:10])
    types = [parse(one.value)["type"] for one in events]
    for kind in INPUT:
        refused = sum(one.offset in letters for one, type_ in zip(events, types) if type_ == kind)
        assert 0.1 < refused / types.count(kind) < 0.9, f"{kind}: {refused} refused, of both enough"
