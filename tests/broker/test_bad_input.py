"""Bad records between good ones: each becomes a dead letter with its code, unchanged, and the good
ones never notice."""

from dataclasses import dataclass

import bad_records
import odd_records
import pytest
from bad_records import Bad
from checker import Result, check, outcome_type
from events import create, done
from records import Record, Sent
from verdicts import FAILURE, SUCCESS, Options
from waits import eventually

_HEADERS = (("trace", b"\x00\xff"), ("empty", b""), ("none", None), ("twice", b"1"),
            ("twice", b"2"),
            ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            ("tracestate", b"shop=1"))
_BAD_KINDS_MIN = 200
_LETTER_BYTES_MAX = 1_000_000  # what fits into the dead-letter topic as it is made here
_TRUNCATED_BYTES = 64 * 1024


@dataclass
class Aftermath:
    """What the table of bad records left behind."""

    sent: dict[str, Sent]  # by name of the bad record
    letters: dict[tuple, list[Record]]  # by partition and offset of the bad record
    good: Result
    topic: str


@pytest.fixture(scope="module")
def aftermath(module_world):
    world = module_world.make(max_message_bytes=32 << 20)
    world.topics.create(world.dead_letters, 1, max_message_bytes=_LETTER_BYTES_MAX + 100_000)
    collector = world.collector("--early-ttl", "1", "--max-message-bytes",
                                bad_records.MESSAGE_BYTES_MAX).start().ready()
    sender = world.sender()
    with world.tail() as tail, world.tail(world.dead_letters) as letters:
        sent = _send_all(sender)
        bad = {one.offset for one in sent.values()}
        tail.outcomes(*(f"good-{number}" for number in range(len(bad_records.ALL))))
        eventually(lambda: _complete(sent, letters.records),
                   lambda: collector.why(f"dead letters of {_missing(sent, letters.records)}"))
    # A graceful stop: nothing comes after it, so what is doubled is there to be seen.
    assert collector.stop() == 0, collector.why("exit status")
    judged = [one for one in sender.sent if one.offset not in bad]
    good = check(judged, world.read(), Options())
    return Aftermath(sent, _by_origin(world.read(world.dead_letters)), good, world.topic)


def _send_all(sender) -> dict[str, Sent]:
    """A good group around each bad record: begun before it, ended after it."""
    sent = {}
    for number, bad in enumerate(bad_records.ALL):
        group = f"good-{number}"
        sender.send(create(group, '["a","b"]', ttl="600", payload="[ 1 ]"), group)
        sender.send(done(group, "b", result="1"), group)
        for value in bad.before:
            sender.send(value, bad.key)
        sent[bad.name] = sender.put(bad.value, bad.key, headers=list(_HEADERS))
        sender.send(done(group, "a", result=f'"{number}"'), group)
    sender.flush()
    return sent


def _by_origin(letters) -> dict[tuple, list[Record]]:
    found: dict[tuple, list[Record]] = {}
    for letter in letters:
        place = (letter.header("__connect.errors.partition"),
                 letter.header("__connect.errors.offset"))
        found.setdefault(place, []).append(letter)
    return found


def _place(sent: Sent) -> tuple:
    return (str(sent.partition), str(sent.offset))


def _missing(sent: dict, letters) -> list[str]:
    there = _by_origin(list(letters))
    return [name for name, one in sent.items() if _place(one) not in there]


def _complete(sent: dict, letters) -> bool:
    return len(letters) >= len(sent) and not _missing(sent, letters)


@pytest.mark.parametrize("bad", [pytest.param(bad, id=bad.name) for bad in bad_records.ALL])
def test_a_bad_record_becomes_a_dead_letter(aftermath, bad: Bad):
    sent = aftermath.sent[bad.name]
    letters = aftermath.letters[_place(sent)]
    assert len(letters) == 1, "exactly one"
    letter = letters[0]
    assert letter.header("muster.error.code") == bad.code
    assert letter.header("__connect.errors.topic") == aftermath.topic
    assert letter.header("__connect.errors.exception.message"), "a text for people"
    assert letter.key == sent.key
    # All that was there, in its order; what the collector adds may stand anywhere between.
    kept = [(key, value) for key, value in letter.headers if key in dict(_HEADERS)]
    assert tuple(kept) == _HEADERS
    _judge_value(sent.value, letter)


def _judge_value(value, letter: Record) -> None:
    if value is None or len(value) <= _LETTER_BYTES_MAX:
        assert letter.value == value
        assert letter.header("muster.truncated") is None
    else:
        assert letter.value == value[:_TRUNCATED_BYTES]
        assert letter.header("muster.truncated") is not None


def test_the_table_is_as_long_as_it_is_said_to_be():
    names = {bad.name for bad in bad_records.ALL}
    assert len(names) == len(bad_records.ALL) >= _BAD_KINDS_MIN


def test_the_good_groups_between_bad_records_are_untouched(aftermath):
    assert aftermath.good.ok, str(aftermath.good)
    assert aftermath.good.ends["success"] == len(bad_records.ALL)


def test_there_is_no_dead_letter_of_a_good_record(aftermath):
    bad = {_place(sent) for sent in aftermath.sent.values()}
    assert set(aftermath.letters) == bad


def test_an_odd_create_is_no_bad_input(world):
    world.make()
    world.collector().start().ready()
    sender = world.sender()
    good = odd_records.CREATES
    with world.tail() as tail:
        for group, value in good.items():
            sender.put(value, group)
        tail.outcomes(*good)
    result = world.check(sender.sent)
    assert result.ok and result.groups == len(good), str(result)
    if world.topics.partitions(world.dead_letters):
        assert world.read(world.dead_letters) == []


def test_odd_events_are_no_bad_input(world):
    world.make()
    collector = world.collector().start().ready()
    sender = world.sender()
    with world.tail() as tail:
        for group, (_, values) in odd_records.GROUPS.items():
            for value in values:
                sender.put(value, group)
        outcomes = tail.outcomes(*odd_records.GROUPS)
    ends = {group: outcome_type(value) for group, value in zip(odd_records.GROUPS, outcomes)}
    types = {"success": SUCCESS, "failure": FAILURE}
    assert ends == {group: types[end] for group, (end, _) in odd_records.GROUPS.items()}
    assert collector.stop() == 0, collector.why("exit status")
    if world.topics.partitions(world.dead_letters):
        assert world.read(world.dead_letters) == []


def test_a_valid_record_of_ten_megabytes_loses_nothing_and_stops_nothing(world):
    """It fits the input topic, so its outcome, a little longer, fits as well."""
    world.make(max_message_bytes=32 << 20)
    collector = world.collector().start().ready()
    sender = world.sender()
    payload = '"' + "x" * (10 << 20) + '"'
    with world.tail() as tail:
        sender.put(create("big", '["a"]', payload=payload), "big")
        sender.put(done("big", "a", result="1"), "big")
        sender.put(create("after", "[]"), "after")
        tail.outcomes("after", "big")
    assert collector.stop() == 0, collector.why("exit status")
    result = world.check(sender.sent)
    assert result.ok and result.groups == 2, str(result)


def test_a_result_too_large_for_the_output_topic_fails_its_group(world):
    world.make(max_message_bytes=4 << 20)
    output = world.topics.create(f"{world.topic}-out", 1, max_message_bytes=1_000_000)
    collector = world.collector("--output-topic", output).start().ready()
    sender = world.sender()
    with world.tail(output) as tail:
        sender.put(create("big", '["a"]', ttl="600"), "big")
        sender.put(done("big", "a", result='"' + "x" * (2 << 20) + '"'), "big")
        sender.put(create("after", "[]"), "after")
        big, _ = tail.outcomes("big", "after")
    assert b'"type":"EventGroupCollectorFailure"' in big and b'"code":"too-large"' in big
    assert len(big) < 1000, "without results"
    assert collector.stop() == 0, collector.why("exit status")
    assert [record.key for record in world.read(output)].count(b"big") == 1
