"""The checker is tried on a true history, and on every lie that a broken collector could tell."""

import random
from dataclasses import replace

import pytest
from checker import check
from load_plan import plans
from partitioner import home, murmur2
from records import Record, Sent
from stand_in import StandIn
from verdicts import Options

T0 = 1_600_000_000_000
FAR = T0 + 10_000_000

CREATED = '"created":"2020-09-13T12:26:40.000Z"'
ODD = r'{ "n":12345678901234567890 ,"s":"\u00e9\/","n":1.0E+2}'


def _history() -> list[Sent]:
    """(after ms, acknowledged after ms, value): success with an early and a doubled Done, an
    error, a timeout with a late Done, an empty group, and one near its deadline."""
    done = '{"type":"EventGroupCollectorEntityDone",'
    create = '{"type":"EventGroupCollectorCreate",'
    lines = [
        (0, 5, done + '"id":"b","group":"good","result":[1, 2]}'),
        (0, 5, create + f'"id":"good","expected":["a","b"],"ttl":60,"payload":{ODD}}}'),
        (10, 15, done + '"id":"b","group":"good","result":"again"}'),
        (20, 25, done + '"id":"x","group":"good","error":"not asked"}'),
        (30, 35, done + '"id":"a","group":"good"}'),
        (40, 45, done + '"id":"a","group":"good","error":"too late"}'),
        (0, 5, create + '"id":"bad","expected":["a","b","c"],"payload":"p"}'),
        (10, 15, done + '"id":"c","group":"bad","result":3}'),
        (20, 25, done + r'"id":"a","group":"bad","error":"b\u0072oke","result":1}'),
        (0, 5, create + '"id":"slow","expected":["a","b"],"ttl":1.5}'),
        (10, 15, done + '"id":"b","group":"slow","result":{}}'),
        (3000, 3005, done + '"id":"a","group":"slow","result":1}'),
        (0, 5, create + '"id":"none","expected":[],"payload":null}'),
        (0, 5, create + '"id":"edge","expected":["a"],"ttl":1}'),
        (999, 1010, done + '"id":"a","group":"edge","result":1}'),
        (0, 5, '{"type":"SomebodyElses","id":7}'),
    ]
    return [Sent("in", 0, offset, T0 + after, T0 + acked, None, value.encode())
            for offset, (after, acked, value) in enumerate(lines)]


GOOD = (f'{{"type":"EventGroupCollectorSuccess","id":"good",{CREATED},'
        '"resolved":"2020-09-13T12:26:40.030Z","results":{"a":null,"b":[1, 2]},'
        f'"payload":{ODD}}}')
BAD = (f'{{"type":"EventGroupCollectorFailure","id":"bad","entity":"a","error":"broke",{CREATED},'
       '"resolved":"2020-09-13T12:26:40.020Z","results":{"a":null,"c":3},"payload":"p",'
       '"code":"error","missing":["b"],"errors":{"a":"broke"}}')
SLOW = ('{"type":"EventGroupCollectorFailure","id":"slow","entity":"slow",'
        f'"error":"Operation timed out after 1.5 seconds",{CREATED},'
        '"resolved":"2020-09-13T12:26:41.500Z","results":{"b":{}},"payload":null,'
        '"code":"timeout","missing":["a"],"errors":{}}')
NONE = (f'{{"type":"EventGroupCollectorSuccess","id":"none",{CREATED},'
        '"resolved":"2020-09-13T12:26:40.000Z","results":{},"payload":null}')
EDGE = (f'{{"type":"EventGroupCollectorSuccess","id":"edge",{CREATED},'
        '"resolved":"2020-09-13T12:26:40.999Z","results":{"a":1},"payload":null}')
EDGE_LATE = ('{"type":"EventGroupCollectorFailure","id":"edge","entity":"edge",'
             f'"error":"Operation timed out after 1 seconds",{CREATED},'
             '"resolved":"2020-09-13T12:26:41.003Z","results":{},"payload":null,'
             '"code":"timeout","missing":["a"],"errors":{}}')
# Every Done of "good" was there within 60 s.
GOOD_LATE = ('{"type":"EventGroupCollectorFailure","id":"good","entity":"good",'
             f'"error":"Operation timed out after 60 seconds",{CREATED},'
             '"resolved":"2020-09-13T12:27:40.000Z","results":{"b":[1, 2]},'
             f'"payload":{ODD},"code":"timeout","missing":["a"],"errors":{{}}}}')
TRUE = {"good": (GOOD, 50), "bad": (BAD, 50), "slow": (SLOW, 1510), "none": (NONE, 8),
        "edge": (EDGE, 1012)}


def _outcomes(history=TRUE) -> dict[str, Record]:
    return {name: Record("in", 0, 100 + offset, T0 + after, name.encode(), value.encode())
            for offset, (name, (value, after)) in enumerate(history.items())}


def _check(outcomes, partitions=1, until=FAR):
    return check(_history(), list(outcomes), Options(partitions=partitions), until)


def test_a_true_history_passes():
    result = _check(_outcomes().values())
    assert result.ok, str(result)
    assert result.groups == 5 and result.uncertain == 1
    assert result.ends == {"success": 3, "error": 1, "timeout": 1}


def test_a_done_in_the_last_moment_may_come_too_late():
    outcomes = _outcomes({**TRUE, "edge": (EDGE_LATE, 1012)})
    result = _check(outcomes.values())
    assert result.ok, str(result)


def test_a_group_whose_deadline_is_to_come_may_be_open():
    outcomes = _outcomes()
    del outcomes["slow"]
    history = [sent for sent in _history() if b'"slow"' not in sent.value or sent.timestamp == T0]
    result = check(history, list(outcomes.values()), Options(), until=T0 + 1499)
    assert result.ok and result.still_open == 1, str(result)
    assert not check(history, list(outcomes.values()), Options(), until=T0 + 1600).ok


def _changed(name, old, new):
    """A lie told in the bytes of one outcome."""
    def lie(outcomes):
        value = outcomes[name].value.decode()
        assert old in value, f"nothing to lie about: {old}"
        outcomes[name] = replace(outcomes[name], value=value.replace(old, new).encode())
    return lie


def _with(name, **fields):
    """A lie told around the bytes: key, partition, time."""
    def lie(outcomes):
        outcomes[name] = replace(outcomes[name], **fields)
    return lie


def _dropped(outcomes):
    del outcomes["bad"]


def _doubled(outcomes):
    outcomes["twice"] = replace(outcomes["good"], offset=200)


def _both_ends(outcomes):
    outcomes["second"] = replace(outcomes["good"], offset=200, value=GOOD_LATE.encode(),
                                 timestamp=T0 + 60_001)


def _invented(outcomes):
    outcomes["ghost"] = replace(outcomes["good"], offset=200, key=b"ghost",
                                value=GOOD.replace('"good"', '"ghost"').encode())


def _timed_out(outcomes):
    outcomes["good"] = replace(outcomes["good"], value=GOOD_LATE.encode(), timestamp=T0 + 60_001)


def _succeeded_late(outcomes):
    value = SLOW.split('"entity"')[0].replace("Failure", "Success") + (
        f'{CREATED},"resolved":"2020-09-13T12:26:43.000Z","results":{{"a":1,"b":{{}}}},'
        '"payload":null}')
    outcomes["slow"] = replace(outcomes["slow"], value=value.encode(), timestamp=T0 + 3010)


LIES = [
    ("an outcome is dropped", _dropped, {"lost"}),
    ("an outcome comes twice", _doubled, {"doubled"}),
    ("a group succeeds and times out", _both_ends, {"doubled"}),
    ("an outcome of nobody's group", _invented, {"unknown"}),
    ("a timeout though all was there in time", _timed_out, {"false_timeout", "wrong"}),
    ("a success by a Done after the deadline", _succeeded_late, {"wrong"}),
    ("a duplicate Done wins", _changed("good", "[1, 2]", '"again"'), {"wrong"}),
    ("a result is re-formatted", _changed("good", "[1, 2]", "[1,2]"), {"wrong"}),
    ("results in order of arrival", _changed("good", '"a":null,"b":[1, 2]', '"b":[1, 2],"a":null'),
     {"wrong"}),
    ("a result is missing", _changed("good", '"a":null,', ""), {"wrong"}),
    ("a result of an entity that nobody asked", _changed("good", '"a":null', '"a":null,"x":null'),
     {"wrong"}),
    ("the payload loses its spaces", _changed("good", '{ "n"', '{"n"'), {"wrong"}),
    ("the payload's big number is a double", _changed("good", "12345678901234567890", "1.2e19"),
     {"wrong"}),
    ("the payload's escape is resolved", _changed("good", r"\u00e9", "\u00e9"), {"wrong"}),
    ("the payload loses its doubled key", _changed("good", ',"n":1.0E+2', ""), {"wrong"}),
    ("an absent payload is left out", _changed("slow", '"payload":null,', ""), {"wrong"}),
    ("fields in another order",
     _changed("good", f'"id":"good",{CREATED}', f'{CREATED},"id":"good"'), {"wrong"}),
    ("a space between fields", _changed("good", '"id":"good",', '"id":"good", '), {"wrong"}),
    ("a space between results", _changed("good", 'null,"b"', 'null, "b"'), {"wrong"}),
    ("a sender that was not asked for",
     _changed("good", '"id":"good",', '"id":"good","sender":"x",'), {"wrong"}),
    ("another creation time", _changed("good", "40.000Z", "40.001Z"), {"wrong"}),
    ("a time without milliseconds", _changed("good", "40.000Z", "40Z"), {"wrong"}),
    ("resolved by the wrong event", _changed("good", "40.030Z", "40.040Z"), {"wrong"}),
    ("the wrong entity failed", _changed("bad", '"entity":"a"', '"entity":"c"'), {"wrong"}),
    ("another error text", _changed("bad", '"error":"broke"', '"error":"bust"'), {"wrong"}),
    ("another code", _changed("bad", '"code":"error"', '"code":"timeout"'),
     {"wrong", "false_timeout"}),
    ("a failed entity keeps its result", _changed("bad", '"a":null', '"a":1'), {"wrong"}),
    ("missing leaves one out", _changed("bad", '"missing":["b"]', '"missing":[]'), {"wrong"}),
    ("missing is spaced", _changed("bad", '"missing":["b"]', '"missing":[ "b"]'), {"wrong"}),
    ("errors is empty", _changed("bad", '"errors":{"a":"broke"}', '"errors":{}'), {"wrong"}),
    ("another timeout text", _changed("slow", "1.5 seconds", "1 seconds"), {"wrong"}),
    ("a timeout resolved before its deadline", _changed("slow", "41.500Z", "41.499Z"),
     {"wrong", "early"}),
    ("a timeout resolved after its deadline", _changed("slow", "41.500Z", "41.600Z"), {"wrong"}),
    ("a timeout written before its deadline", _with("slow", timestamp=T0 + 1499), {"early"}),
    ("a success written before its last Done", _with("good", timestamp=T0 + 29), {"early"}),
    ("another key", _with("good", key=b"goof"), {"wrong"}),
    ("no key", _with("good", key=None), {"wrong"}),
    ("another partition", _with("good", partition=1), {"wrong"}),
    ("half an outcome", _with("good", value=GOOD[:-1].encode()), {"wrong", "lost"}),
    ("bytes that are not UTF-8", _with("good", value=GOOD.encode().replace(b"good", b"\xff")),
     {"wrong", "lost"}),
]


@pytest.mark.parametrize("lie, kinds", [pytest.param(lie, kinds, id=name)
                                        for name, lie, kinds in LIES])
def test_a_lie_is_found(lie, kinds):
    outcomes = _outcomes()
    lie(outcomes)
    result = _check(outcomes.values())
    assert set(result.counts) == kinds, str(result)
    assert all(kind in str(result) for kind in kinds)


def _load(seed: int, groups: int, partitions: int = 1) -> list[Sent]:
    """A load as it would lie in so many partitions: groups overlap, a record comes every 3 ms, a
    late one when its deadline is past."""
    dice = random.Random(seed)
    queue = []
    for number, plan in enumerate(plans(seed, groups)):
        begin = number * 10
        for step, value in enumerate(plan.records()):
            late = value in plan.late
            queue.append((begin + step * 3 + late * (plan.ttl * 1000 + 500), dice.random(), value))
    return [Sent("in", dice.randrange(partitions), offset, T0 + int(after), T0 + int(after) + 1,
                 None, value.encode()) for offset, (after, _, value) in enumerate(sorted(queue))]


def _played(seed: int, groups: int, partitions: int = 1):
    """A load, and what a right collector makes of it, which hears of each partition later than it
    could, some more and some less, and lets time pass when it has heard all."""
    sent = _load(seed, groups, partitions)
    lag = _lags(sent, partitions, random.Random(seed))
    heard = sorted(sent, key=lambda record: (lag[record], record.offset))
    unheard_from = FAR
    bounds = []  # nothing that is still to be heard is older
    for record in reversed(heard):
        unheard_from = min(unheard_from, record.timestamp)
        bounds.append(unheard_from)
    stand_in, outcomes = StandIn(), []
    for record, bound in zip(heard, reversed(bounds)):
        _put(outcomes, stand_in.on_time(bound - 1), lag[record])
        _put(outcomes, stand_in.on_record(record), lag[record] + 2)
    _put(outcomes, stand_in.on_time(FAR), FAR)
    return sent, outcomes


def _lags(sent, partitions: int, dice) -> dict[Sent, int]:
    """When each record is heard: in one partition at once, else up to 2 s later, in the order of
    its partition."""
    heard, last = {}, [0] * partitions
    for record in sent:
        behind = dice.choice((0, 50, 2000)) if partitions > 1 else 0
        last[record.partition] = max(last[record.partition], record.timestamp + behind)
        heard[record] = last[record.partition]
    return heard


def _put(outcomes, answers, now) -> None:
    for name, value in answers:
        outcomes.append(Record("out", home(name.encode(), 4), len(outcomes), now, name.encode(),
                               value))


@pytest.mark.parametrize("partitions", [1, 4])
def test_a_right_collector_passes_under_the_whole_load(partitions):
    sent, outcomes = _played(7, 2000, partitions)
    result = check(sent, outcomes, Options(partitions=4), FAR)
    assert result.ok, str(result)
    assert result.groups == 2000
    assert result.ends["error"] > 100 and result.ends["timeout"] > 50, str(result)
    if partitions == 1:
        assert result.uncertain == 0


def test_an_order_that_no_partition_has_is_found():
    """The same outcomes, which are right where the groups are spread, but of a load that lay in one
    partition: there the order is known, and is asked for."""
    sent, outcomes = _played(7, 2000, 4)
    sent = [replace(one, partition=0) for one in sent]
    result = check(sent, outcomes, Options(partitions=4), FAR)
    assert result.counts["wrong"] > 500, str(result)


@pytest.mark.parametrize("partitions", [1, 4])
def test_one_changed_byte_among_thousands_of_outcomes_is_found(partitions):
    """Whichever byte of whichever outcome; but another time of `resolved` may be right as well in
    a group whose order is unknown."""
    sent, outcomes = _played(8, 50, partitions)
    dice = random.Random(8)
    for _ in range(60):
        index = dice.randrange(len(outcomes))
        value = bytearray(outcomes[index].value)
        at = dice.randrange(len(value))
        value[at] ^= 1 << dice.randrange(7)
        if partitions > 1 and b'"resolved":"' in outcomes[index].value[at - 40:at + 1]:
            continue
        lying = [*outcomes[:index], replace(outcomes[index], value=bytes(value)),
                 *outcomes[index + 1:]]
        assert not check(sent, lying, Options(partitions=4), FAR).ok, bytes(value)


@pytest.mark.parametrize("partitions", [1, 4])
def test_one_lost_or_doubled_outcome_among_thousands_is_found(partitions):
    sent, outcomes = _played(9, 1000, partitions)
    lost = check(sent, outcomes[:700] + outcomes[701:], Options(partitions=4), FAR)
    doubled = check(sent, outcomes + outcomes[900:901], Options(partitions=4), FAR)
    assert lost.counts == {"lost": 1} and doubled.counts == {"doubled": 1}


@pytest.mark.parametrize("value", [
    '{"type":"EventGroupCollectorCancel","id":"g"}',
    '{"type":"EventGroupCollectorCreate","id":"g","expected":[],"policy":"all-settled"}',
])
def test_what_the_checker_cannot_judge_it_refuses(value):
    with pytest.raises(ValueError, match="cannot judge"):
        check([Sent("in", 0, 0, T0, T0, None, value.encode())], [], Options(), FAR)


@pytest.mark.parametrize("key, expected", [
    (b"kafka", 0xD067CF64), (b"giberish123456789", 0x8F552B0C), (b"1234", 0x9FC97B14),
    (b"234", 0xE7C009CA), (b"34", 0x873930DA), (b"4", 0x5A4B5CA1), (b"", 0x106E08D9),
])
def test_murmur2_is_javas(key, expected):
    assert murmur2(key) == expected


def test_the_load_is_the_same_for_the_same_seed():
    assert list(plans(3, 50)) == list(plans(3, 50))
    assert list(plans(3, 50)) != list(plans(4, 50))
