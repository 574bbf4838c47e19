"""muster dead-letters: what the collector could not take is listed, shown, sent back once in the
order of its key, or dropped."""

import random

import pytest
from events import create, done, update
from operator_command import Muster
from partitioner import home
from sender import Sender
from waits import eventually

_OWN = [("trace", b"\x00\xff"), ("empty", b""), ("none", None), ("muster.error.code", b"mine")]


def _facts(topic, partition, offset, code="unexpected", message="no reason"):
    return [("__connect.errors.topic", topic.encode()),
            ("__connect.errors.partition", str(partition).encode()),
            ("__connect.errors.offset", str(offset).encode()),
            ("__connect.errors.exception.message", message.encode()),
            ("muster.error.code", code.encode())]


@pytest.fixture
def letters(world):
    """Writes into the dead-letter topic of its own hand, as the collector does."""
    world.make()
    world.topics.create(world.dead_letters, world.partitions)
    return Sender(world.brokers, world.dead_letters)


def _put(letters, world, offset, value="{}", key="k", partition=0, own=(), timestamp=0, **facts):
    return letters.put(value, key, partition=partition, timestamp=timestamp,
                       headers=[*own, *_facts(world.topic, partition, offset, **facts)])


def _offsets(answer):
    return [letter["offset"] for letter in answer["dead_letters"]]


def test_list_and_show_say_what_lies_there(world, letters):
    muster = Muster(world)
    _put(letters, world, 5, "not json", "a\x1b[2J", own=_OWN, code="json", message="at byte 3",
         timestamp=1_600_000_000_000)
    _put(letters, world, 9, b"\xff", None, code="field")
    letters.put("stray", "s")
    letters.flush()

    listed = muster.json("dead-letters list")
    assert listed["matched"] == 3
    assert listed["dead_letters"][0] == {
        "partition": 0, "offset": 0, "time": "2020-09-13T12:26:40.000Z", "code": "json",
        "message": "at byte 3", "source": {"topic": world.topic, "partition": 0, "offset": 5},
        "key": "a\x1b[2J", "handled": False}
    shown = muster.json("dead-letters show", "--offset", 0)["dead_letters"][0]
    assert shown["headers"] == [{"name": "trace", "value_base64": "AP8="},
                                {"name": "empty", "value": ""}, {"name": "none", "value": None},
                                {"name": "muster.error.code", "value": "mine"}]
    assert shown["value"] == "not json"
    assert muster.json("dead-letters show", "--offset", 1)["dead_letters"][0]["value_base64"] == (
        "/w==")
    assert muster.json("dead-letters show", "--offset", 9, status=1)["matched"] == 0

    table = muster.run("dead-letters list")
    assert "at byte 3" in table.stdout and f"{world.topic}/0/5" in table.stdout
    assert "\x1b" not in table.stdout, "a key can send nothing to the terminal"
    assert "3 dead letters: not muster's 1, field 1, json 1" in table.stderr
    assert "  value    not json" in muster.run("dead-letters show", "--offset", 0).stdout

    for options, wanted in ((("--code", "json,other"), [0]), (("--code", "other"), []),
                            (("--source-offset", "6-10"), [1]), (("--from", "1h"), [1, 2]),
                            (("--to", "2020-09-14"), [0]), (("--key", "s"), [2]),
                            (("--source-topic", world.topic), [0, 1]), (("--limit", 1), [0])):
        assert _offsets(muster.json("dead-letters list", *options)) == wanted, options


def test_redrive_sends_the_record_as_it_was_and_only_once(world, letters):
    muster = Muster(world)
    _put(letters, world, 5, "{ }", "a", own=_OWN, timestamp=1_600_000_000_000)
    _put(letters, world, 6, None, None)
    _put(letters, world, 7, "", "")

    planned = muster.json("dead-letters redrive", "--dry-run")["dead_letters"]
    assert [(one["offset"], one["to"]) for one in planned] == [(i, f"{world.topic}/0")
                                                               for i in range(3)]
    assert world.read() == [], "a dry run sends nothing"

    assert muster.json("dead-letters redrive") == {"sent": 3, "to": {f"{world.topic}/0": 3},
                                                   "skipped": []}
    first, second, third = world.read()
    assert (first.key, first.value, first.headers) == (b"a", b"{ }", tuple(_OWN))
    assert first.timestamp == 1_600_000_000_000
    assert (second.key, second.value, second.headers) == (None, None, ())
    assert (third.key, third.value) == (b"", b"")

    assert muster.json("dead-letters redrive")["sent"] == 0
    assert muster.json("dead-letters list")["matched"] == 0
    assert _offsets(muster.json("dead-letters list", "--handled")) == [0, 1, 2]
    _put(letters, world, 8, "new", "a")
    assert muster.json("dead-letters redrive", "--new-time")["sent"] == 1
    assert len(world.read()) == 4
    assert world.read()[3].timestamp > 1_700_000_000_000


def test_what_a_filter_leaves_out_stays_for_later(world, letters):
    muster = Muster(world)
    for offset in range(10):
        _put(letters, world, offset, str(offset), "a", code="json" if offset % 2 else "orphan")
    assert muster.json("dead-letters redrive", "--code", "orphan")["sent"] == 5
    muster.run("dead-letters drop", status=2)
    assert _offsets(muster.json("dead-letters drop", "--offset", "1-4", "--dry-run")) == [1, 3]
    assert muster.json("dead-letters drop", "--offset", "1-4") == {"dropped": 2}
    assert _offsets(muster.json("dead-letters list")) == [5, 7, 9]
    assert muster.json("dead-letters redrive")["sent"] == 3
    assert [int(one.value) for one in world.read()] == [0, 2, 4, 6, 8, 5, 7, 9]
    assert muster.json("dead-letters drop", "--all") == {"dropped": 0}


def test_records_of_a_key_go_in_the_order_in_which_they_came(world, letters):
    """An orphan is rejected long after it came: its dead letter lies behind younger ones."""
    sources = list(range(200))
    random.Random(5).shuffle(sources)
    for source in sources:
        _put(letters, world, source, str(source), f"key-{source % 7}")
    assert Muster(world).json("dead-letters redrive", "--batch", 3)["sent"] == 200
    sent = [int(one.value) for one in world.read()]
    assert sorted(sent) == sorted(sources)
    for key in range(7):
        of_key = [source for source in sent if source % 7 == key]
        assert of_key == sorted(of_key), f"key-{key}"


@pytest.mark.parametrize("partitions", [2])
def test_a_killed_redrive_that_runs_again_sends_nothing_twice(world, letters):
    """Promised before each kill: what a reader of committed records has seen is not sent again."""
    muster = Muster(world)
    count = 3_000
    for number in range(count):
        letters.send(str(number), f"key-{number % 50}", partition=number % 2,
                     headers=_facts(world.topic, number % 2, number))
    letters.flush()
    kills = 0
    with world.tail() as tail:
        for goal in (1, count // 3, 2 * count // 3):
            redrive = muster.start("dead-letters redrive", "--batch", 10)
            eventually(lambda: len(tail.records) >= goal or redrive.poll() is not None,
                       f"{goal} records are sent")
            kills += redrive.poll() is None
            redrive.kill()
            redrive.wait()
    assert kills >= 2, "it was too fast to be killed in the middle"
    left = muster.json("dead-letters redrive")["sent"]
    assert 0 < left < count
    numbers = [int(one.value) for one in world.read()]
    assert len(numbers) == count and sorted(numbers) == list(range(count))
    for key in range(50):
        of_key = [number for number in numbers if number % 50 == key]
        assert of_key == sorted(of_key), f"key-{key}"


def test_of_two_redrives_at_a_time_the_older_one_gives_up(world, letters):
    muster = Muster(world)
    count = 2_000
    for number in range(count):
        letters.send(str(number), "k", partition=0, headers=_facts(world.topic, 0, number))
    letters.flush()
    with world.tail() as tail:
        older = muster.start("dead-letters redrive", "--batch", 2)
        eventually(lambda: tail.records or older.poll() is not None, "the older one sends")
        assert older.poll() is None, "it was too fast"
        muster.run("dead-letters redrive")
        assert older.wait(60) == 3
    assert [int(one.value) for one in world.read()] == list(range(count))


def test_an_outcome_that_had_no_topic_goes_to_the_topic_that_it_was_meant_for(world):
    collector = world.make().collector().start().ready()
    sender, muster = world.sender(), Muster(world)
    handler = f"{world.topic}-handler"
    with world.tail() as tail, world.tail(world.dead_letters) as dead:
        sender.put(create("g", "[]", handler=f'{{"onsuccess":{{"topic":"{handler}"}}}}'), "g")
        (outcome,) = tail.outcomes("g")
        eventually(lambda: dead.records, lambda: collector.why("a dead letter"))
        failed = muster.run("dead-letters redrive", status=3)
        assert handler in failed.stderr and "Nothing was sent" in failed.stderr
        world.topics.create(handler, 3)
        assert muster.json("dead-letters redrive")["to"] == {handler: 1}
    (sent,) = world.read(handler)
    assert (sent.key, sent.value) == (b"g", outcome)
    assert sent.partition == home(b"g", 3)


def test_in_a_collectors_environment_nothing_has_to_be_said(world, letters, tmp_path):
    _put(letters, world, 1)
    file = tmp_path / "collector.toml"
    # The collector's own file, with keys that the command does not know.
    file.write_text(f'event-topic = "{world.topic}"\nearly-ttl = 5\n[kafka]\n"linger.ms" = 1\n')
    environment = {"COLLECTOR_BROKERLIST": world.brokers, "COLLECTOR_CONFIG": str(file),
                   "COLLECTOR_KAFKA_SOCKET_KEEPALIVE_ENABLE": "true"}
    done = Muster.anywhere().run("dead-letters list", environment=environment)
    assert "1 dead letter" in done.stderr


def test_what_cannot_be_sent_is_said(world, letters):
    muster = Muster(world)
    _put(letters, world, 1, "good", "a")
    letters.put("cut", "b", headers=[*_facts(world.topic, 0, 2), ("muster.truncated", b"99")])
    letters.put("stray", "c")
    answer = muster.json("dead-letters redrive", status=1)
    assert answer["sent"] == 1
    assert answer["skipped"] == [
        {"partition": 0, "offset": 1, "why": "only its beginning was kept"},
        {"partition": 0, "offset": 2, "why": "no header says where it came from"}]
    assert muster.json("dead-letters drop", "--all")["dropped"] == 2

    letters.put("lost", "d", headers=_facts("no-such-topic-here", 0, 1))
    _put(letters, world, 3, "good", "a")
    failed = muster.run("dead-letters redrive", status=3)
    assert "no-such-topic-here" in failed.stderr and "Nothing was sent" in failed.stderr
    assert len(world.read()) == 1
    assert world.topics.partitions("no-such-topic-here") == 0, "asking for it creates nothing"
    assert muster.json("dead-letters redrive", "--source-topic", world.topic)["sent"] == 1


def test_usage_is_explained(world):
    muster = Muster(world)
    wrong = muster.run("dead-letters list", "--from", "yesterday", "--offset", "x", "--nonsense",
                       status=2)
    for word in ("--from", "--offset", "--nonsense"):
        assert word in wrong.stderr
    missing = muster.run("dead-letters list", status=3)
    assert f"topic {world.dead_letters} does not exist" in missing.stderr


def test_a_done_that_came_too_early_for_its_entity_counts_after_redrive(world):
    """The whole story with a real collector: unexpected, then made welcome by an Update, then sent
    back."""
    collector = world.make().collector().start().ready()
    sender, muster = world.sender(), Muster(world)
    with world.tail() as tail, world.tail(world.dead_letters) as dead:
        sender.put(create("g", '["a"]', ttl="600"), "g")
        sender.put(done("g", "b", result="2"), "g", headers=[("own", b"1")])
        eventually(lambda: dead.records, lambda: collector.why("a dead letter"))
        sender.put(update("g", add='["b"]'), "g")
        assert muster.json("dead-letters redrive")["to"] == {f"{world.topic}/0": 1}
        sender.put(done("g", "a", result="1"), "g")
        (outcome,) = tail.outcomes("g")
    assert b'"results":{"a":1,"b":2}' in outcome
    assert muster.json("dead-letters list")["matched"] == 0
