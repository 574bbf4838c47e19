"""The README's session, byte by byte, against the real broker."""

import re

import pytest
from checker import check
from events import create, done
from records import now_ms, rfc3339
from verdicts import SUCCESS, Options

# What a re-formatting collector would change.
ODD = (r'{ "s":"\u00e9\ud83d\ude00\/" ,"n":123456789012345678901234567890,"x":1.0E+2,"h":1E400,'
       '\n"k":1,"k":2,"e":[ ] , "u":"é😀"}')


@pytest.fixture
def session(world):
    """A running collector, a producer and a reader on one partition."""
    world.make()
    collector = world.collector().start().ready()
    with world.tail() as tail:
        yield world, collector, world.sender(), tail


def _success(group, created, resolved, results, payload="null") -> bytes:
    return (f'{{"type":"EventGroupCollectorSuccess","id":"{group}",'
            f'"created":"{rfc3339(created.timestamp)}","resolved":"{rfc3339(resolved.timestamp)}",'
            f'"results":{results},"payload":{payload}}}').encode()


def _finish(session):
    """A last group goes through; then all that was sent before it is judged."""
    world, _, sender, tail = session
    sender.put(create("last", "[]"), "last")
    tail.outcomes("last")
    result = world.check(sender.sent)
    assert result.ok, str(result)
    return result


def test_a_group_succeeds_when_every_entity_is_done(session):
    _, _, sender, tail = session
    first = sender.put(create("g1", '["a","b","c"]', ttl="10", payload=ODD), "g1")
    sender.put(done("g1", "c", result="[1 , 2]"), "g1")
    sender.put(done("g1", "a", result="12345678901234567890"), "g1")
    last = sender.put(done("g1", "b"), "g1")
    results = '{"a":12345678901234567890,"b":null,"c":[1 , 2]}'
    assert tail.outcomes("g1") == [_success("g1", first, last, results, ODD)]
    _finish(session)


def test_a_group_fails_at_the_first_error(session):
    _, _, sender, tail = session
    first = sender.put(create("g1", '["a","b","c"]', payload='"p"'), "g1")
    sender.put(done("g1", "b", result="{}"), "g1")
    last = sender.put(done("g1", "c", error='"no stock"', result="1"), "g1")
    sender.put(done("g1", "a", result="1"), "g1")
    assert tail.outcomes("g1") == [
        (f'{{"type":"EventGroupCollectorFailure","id":"g1","entity":"c","error":"no stock",'
         f'"created":"{rfc3339(first.timestamp)}","resolved":"{rfc3339(last.timestamp)}",'
         '"results":{"b":{},"c":null},"payload":"p","code":"error","missing":["a"],'
         '"errors":{"c":"no stock"}}').encode()]
    _finish(session)


def test_an_error_text_of_any_characters_comes_out_as_it_was_meant(session):
    _, _, sender, tail = session
    sender.put(create("g1", '["a"]'), "g1")
    sender.put(done("g1", "a", error=r'"\u0000 \" \\ \n \u00fc 😀"'), "g1")
    tail.outcomes("g1")
    _finish(session)


@pytest.mark.parametrize("ttl", ["1", "0.5", "1.0", "1e0"])
def test_a_group_times_out_at_its_deadline_and_says_the_ttl_as_given(session, ttl):
    _, _, sender, tail = session
    sender.put(done("g1", "b", result="1"), "g1")  # early: in time on the slowest machine
    first = sender.put(create("g1", '["a","b"]', ttl=ttl), "g1")
    [value] = tail.outcomes("g1")
    resolved = re.search(rb'"resolved":"([^"]*)"', value)[1].decode()
    assert value == (
        f'{{"type":"EventGroupCollectorFailure","id":"g1","entity":"g1",'
        f'"error":"Operation timed out after {ttl} seconds",'
        f'"created":"{rfc3339(first.timestamp)}","resolved":"{resolved}",'
        '"results":{"b":1},"payload":null,"code":"timeout","missing":["a"],"errors":{}}').encode()
    _finish(session)


@pytest.mark.parametrize("ttl", [None, "0", "-3"])
def test_a_group_without_a_ttl_has_thirty_seconds(session, ttl):
    """The Create is dated 29 s back, so that nobody waits for thirty."""
    _, _, sender, tail = session
    fields = {} if ttl is None else {"ttl": ttl}
    sender.put(create("g1", '["a"]', **fields), "g1", timestamp=now_ms() - 29_000)
    [value] = tail.outcomes("g1")
    assert b'"error":"Operation timed out after 30 seconds"' in value
    _finish(session)


def test_a_done_before_its_create_counts(session):
    _, _, sender, tail = session
    sender.put(done("g1", "b", result='"early"'), "g1")
    first = sender.put(create("g1", '["a","b"]'), "g1")
    last = sender.put(done("g1", "a", result="1"), "g1")
    assert tail.outcomes("g1") == [_success("g1", first, last, '{"a":1,"b":"early"}')]
    _finish(session)


def test_a_group_whose_dones_were_all_early_ends_with_its_create(session):
    _, _, sender, tail = session
    sender.put(done("g1", "b", result="2"), "g1")
    sender.put(done("g1", "a", result="1"), "g1")
    first = sender.put(create("g1", '["a","b"]'), "g1")
    assert tail.outcomes("g1") == [_success("g1", first, first, '{"a":1,"b":2}')]
    _finish(session)


def test_the_first_of_two_dones_wins(session):
    _, _, sender, tail = session
    first = sender.put(create("g1", '["a","b"]'), "g1")
    sender.put(done("g1", "a", result="1"), "g1")
    sender.put(done("g1", "a", result="2"), "g1")
    sender.put(done("g1", "a", error='"no"'), "g1")
    last = sender.put(done("g1", "b"), "g1")
    assert tail.outcomes("g1") == [_success("g1", first, last, '{"a":1,"b":null}')]
    _finish(session)


def test_a_done_after_the_end_changes_nothing(session):
    world, _, sender, tail = session
    sender.put(create("g1", '["a"]'), "g1")
    sender.put(done("g1", "a", result="1"), "g1")
    tail.outcomes("g1")
    sender.put(done("g1", "a", result="2"), "g1")
    sender.put(create("g1", '["a"]'), "g1")
    sender.put(done("g1", "a", result="3"), "g1")
    _finish(session)
    if world.topics.partitions(world.dead_letters):
        assert world.read(world.dead_letters) == []


def test_a_group_that_expects_nobody_succeeds_at_once(session):
    _, _, sender, tail = session
    first = sender.put(create("g1", "[]", payload="[ 1 ]"), "g1")
    assert tail.outcomes("g1") == [_success("g1", first, first, "{}", "[ 1 ]")]


def test_an_empty_error_is_none(session):
    _, _, sender, tail = session
    first = sender.put(create("g1", '["a"]'), "g1")
    last = sender.put(done("g1", "a", error='""', result="1"), "g1")
    assert tail.outcomes("g1") == [_success("g1", first, last, '{"a":1}')]


def test_events_of_others_on_the_bus_are_left_alone(session):
    world, _, sender, tail = session
    sender.put('{"type":"OrderPlaced","id":7,"id":8}', "x")
    sender.put(f'{{"type":"{SUCCESS}","id":"foreign"}}', "foreign")
    sender.put(create("g1", "[]"), "g1")
    tail.outcomes("g1")
    if world.topics.partitions(world.dead_letters):
        assert world.read(world.dead_letters) == []


def test_an_outcome_says_what_it_is_made_of(session):
    _, _, sender, tail = session
    sender.put(create("g1", '["a"]'), "g1")
    sender.put(done("g1", "a"), "g1", headers=[("traceparent", b"00-1-2-01"), ("other", b"x")])
    tail.outcomes("g1")
    outcome = next(record for record in tail.records if b"Collector" in record.value
                   and SUCCESS.encode() in record.value)
    assert outcome.header("content-type") == "application/json"
    assert outcome.header("traceparent") == "00-1-2-01"
    assert outcome.header("other") is None


def test_the_senders_name_is_put_out_when_asked_for(world):
    world.make()
    world.collector("--sender", "me").start().ready()
    sender = world.sender()
    with world.tail() as tail:
        sender.put(create("g1", '["a"]', sender='"somebody"'), "g1")
        sender.put(done("g1", "a", error='"x"', sender='"else"'), "g1")
        sender.put(create("g2", "[]"), "g2")
        tail.outcomes("g1", "g2")
    result = world.check(sender.sent, sender="me")
    assert result.ok, str(result)


def test_outcomes_go_to_another_topic_when_asked_for(world):
    world.make()
    output = world.topics.create(f"{world.topic}-out", 3)
    world.collector("--output-topic", output).start().ready()
    sender = world.sender()
    with world.tail(output) as tail:
        for number in range(20):
            sender.send(create(f"g{number}", "[]"), f"g{number}")
        sender.flush()
        tail.outcomes(*(f"g{number}" for number in range(20)))
    result = check(sender.sent, world.read(output), Options(partitions=3))
    assert result.ok and result.groups == 20, str(result)
    assert len(world.read()) == 20, "nothing but the input lies in the input topic"


def test_groups_that_are_open_at_a_graceful_stop_go_on_after_the_restart(session):
    world, collector, sender, tail = session
    first = sender.put(create("g1", '["a","b"]', payload=ODD), "g1")
    sender.put(create("short", '["a"]', ttl="1"), "short")
    sender.put(done("g1", "b", result="1"), "g1")
    sender.put(done("early", "a", result="1"), "early")
    sender.put(create("seen", "[]"), "seen")
    tail.outcomes("seen")
    assert collector.stop() == 0, collector.why("exit status")
    last = sender.put(done("g1", "a", result="2"), "g1")
    collector.start().ready()
    sender.put(create("early", '["a"]'), "early")
    value, _, _ = tail.outcomes("g1", "early", "short")
    assert value == _success("g1", first, last, '{"a":2,"b":1}', ODD)
    _finish(session)
    assert collector.stop() == 0, collector.why("exit status")


def test_a_second_life_repeats_no_outcome(session):
    world, collector, sender, tail = session
    sender.put(create("g1", '["a"]'), "g1")
    sender.put(done("g1", "a"), "g1")
    tail.outcomes("g1")
    for life in range(3):
        assert collector.stop() == 0, collector.why("exit status")
        collector.start().ready()
        sender.put(create(f"life-{life}", "[]"), f"life-{life}")
        tail.outcomes(f"life-{life}")
    _finish(session)
