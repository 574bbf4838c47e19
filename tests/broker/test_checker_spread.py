"""The checker on groups that are spread over partitions: it takes what some order of the partitions
gives, and finds the lies all the same. (Groups in one partition: test_checker.py.)"""

from dataclasses import replace

import pytest
from checker import check
from partitioner import home
from records import Record, Sent
from verdicts import Options

T0 = 1_600_000_000_000
FAR = T0 + 10_000_000
PARTITIONS = 4

_CREATE = '{"type":"EventGroupCollectorCreate",'
_DONE = '{"type":"EventGroupCollectorEntityDone",'


def _create(group: str, ttl: float = 8) -> str:
    return f'{_CREATE}"id":"{group}","expected":["a","b"],"ttl":{ttl}}}'


def _done(group: str, entity: str, more: str) -> str:
    return f'{_DONE}"id":"{entity}","group":"{group}",{more}}}'


def _sent(*lines) -> list[Sent]:
    """(partition, after ms, value): acknowledged 5 ms later."""
    return [Sent("in", partition, offset, T0 + after, T0 + after + 5, None, value.encode())
            for offset, (partition, after, value) in enumerate(lines)]


def _time(after: int) -> str:
    return f"2020-09-13T12:26:4{after // 1000}.{after % 1000:03d}Z"


def _success(group: str, resolved: int, results: str = '{"a":1,"b":2}', created: int = 0) -> str:
    return (f'{{"type":"EventGroupCollectorSuccess","id":"{group}","created":"{_time(created)}",'
            f'"resolved":"{_time(resolved)}","results":{results},"payload":null}}')


def _failure(group: str, resolved: int, results: str, missing: str, created: int = 0) -> str:
    return (f'{{"type":"EventGroupCollectorFailure","id":"{group}","entity":"a","error":"no",'
            f'"created":"{_time(created)}","resolved":"{_time(resolved)}","results":{results},'
            f'"payload":null,"code":"error","missing":{missing},"errors":{{"a":"no"}}}}')


def _timeout(group: str, ttl: float, results: str, missing: str) -> str:
    return (f'{{"type":"EventGroupCollectorFailure","id":"{group}","entity":"{group}",'
            f'"error":"Operation timed out after {ttl} seconds","created":"{_time(0)}",'
            f'"resolved":"{_time(int(ttl * 1000))}","results":{results},"payload":null,'
            f'"code":"timeout","missing":{missing},"errors":{{}}}}')


def _judged(sent, *values: str, after: int = 9_000, partition: int | None = None,
            partitioner: str = "murmur2"):
    where = home(b"g", PARTITIONS, partitioner) if partition is None else partition
    outcomes = [Record("in", where, 100 + number, T0 + after, b"g", value.encode())
                for number, value in enumerate(values)]
    return check(sent, outcomes, Options(partitions=PARTITIONS, partitioner=partitioner), FAR)


WHOLE = _sent((0, 10, _done("g", "a", '"result":1')), (1, 0, _create("g")),
              (2, 20, _done("g", "b", '"result":2')))
FAILED = _sent((0, 10, _done("g", "a", '"error":"no"')), (1, 0, _create("g")),
               (2, 20, _done("g", "b", '"result":2')))
LATE = _sent((0, 3000, _done("g", "a", '"result":1')), (1, 0, _create("g", 1.5)),
             (2, 20, _done("g", "b", '"result":2')))
NEAR = _sent((0, 1499, _done("g", "a", '"result":1')), (1, 0, _create("g", 1.5)),
             (2, 20, _done("g", "b", '"result":2')))
AGAIN = _sent((0, 10, _done("g", "a", '"result":1')), (0, 15, _done("g", "a", '"result":7')),
              (1, 0, _create("g")), (2, 20, _done("g", "b", '"result":2')),
              (3, 30, _done("g", "a", '"result":3')))
CREATES = _sent((0, 0, _create("g")), (1, 5, _create("g")), (1, 6, _done("g", "a", '"result":1')),
                (2, 20, _done("g", "b", '"result":2')))
# Acknowledged late, so that the deadline may be anywhere from 1.5 s to 9.5 s; one Done was written
# at 5 s. (The other lies behind it in the log, and is older.)
UNSURE = [replace(one, acked=T0 + 8_000) for one in _sent(
    (0, 0, _create("g", 1.5)), (0, 5_000, _done("g", "a", '"result":1')),
    (0, 0, _done("g", "b", '"result":2')))]
# Two words of one entity that wait for the Create, each of a partition of its own.
WAITING = _sent((0, 10, _done("g", "a", '"result":1')), (0, 15, _create("g")),
                (1, 12, _done("g", "a", '"result":3')), (2, 20, _done("g", "b", '"result":2')))
# The Create and one Done in one partition: that much of the order is known.
HALF = _sent((0, 0, _create("g")), (0, 10, _done("g", "a", '"error":"no"')),
             (0, 15, _done("g", "b", '"result":2')), (2, 20, _done("g", "b", '"result":3')))

TRUTHS = [
    ("the last Done closes it", WHOLE, _success("g", 20)),
    ("the other Done closes it", WHOLE, _success("g", 10)),
    ("the Create closes it, read last", WHOLE, _success("g", 0)),
    ("an error read first", FAILED, _failure("g", 10, '{"a":null}', '["b"]')),
    ("an error read last", FAILED, _failure("g", 10, '{"a":null,"b":2}', "[]")),
    ("an error that the Create finds waiting", FAILED, _failure("g", 0, '{"a":null}', '["b"]')),
    ("an error and a result that the Create finds", FAILED,
     _failure("g", 0, '{"a":null,"b":2}', "[]")),
    ("a timeout, since a Done is late", LATE, _timeout("g", 1.5, '{"b":2}', '["a"]')),
    ("a Done in the last moment counts", NEAR, _success("g", 1499)),
    ("a Done in the last moment comes too late", NEAR, _timeout("g", 1.5, '{"b":2}', '["a"]')),
    ("the Done of one partition wins", AGAIN, _success("g", 20, '{"a":1,"b":2}')),
    ("the Done of another partition wins", AGAIN, _success("g", 20, '{"a":3,"b":2}')),
    ("a deadline before a Done that was written later", UNSURE,
     _timeout("g", 1.5, '{"b":2}', '["a"]')),
    ("a deadline behind it", UNSURE, _success("g", 0)),
    ("of two that wait one wins", WAITING, _success("g", 20, '{"a":1,"b":2}', created=15)),
    ("of two that wait the other wins", WAITING, _success("g", 20, '{"a":3,"b":2}', created=15)),
    ("one Create opens it", CREATES, _success("g", 20)),
    ("the other Create opens it", CREATES, _success("g", 20, created=5)),
    ("an error stands before what comes behind it", HALF,
     _failure("g", 10, '{"a":null}', '["b"]')),
    ("an error comes after another partition's result", HALF,
     _failure("g", 10, '{"a":null,"b":3}', "[]")),
]

LIES = [
    ("nothing", WHOLE, [], {"lost"}),
    ("twice", WHOLE, [_success("g", 20)] * 2, {"doubled"}),
    ("twice, by two orders", WHOLE, [_success("g", 20), _success("g", 10)], {"doubled"}),
    ("a timeout though all was there in time", WHOLE, [_timeout("g", 8, '{"b":2}', '["a"]')],
     {"wrong", "false_timeout"}),
    ("resolved by nobody's record", WHOLE, [_success("g", 15)], {"wrong"}),
    ("a result is missing", WHOLE, [_success("g", 20, '{"a":1}')], {"wrong"}),
    ("a result is re-formatted", WHOLE, [_success("g", 20, '{"a":1.0,"b":2}')], {"wrong"}),
    ("results in order of arrival", WHOLE, [_success("g", 20, '{"b":2,"a":1}')], {"wrong"}),
    ("a success over an error", FAILED, [_success("g", 20, '{"a":null,"b":2}')], {"wrong"}),
    ("a result, and missing all the same", FAILED,
     [_failure("g", 10, '{"a":null,"b":2}', '["b"]')], {"wrong"}),
    ("an error resolved by the other record", FAILED,
     [_failure("g", 20, '{"a":null,"b":2}', "[]")], {"wrong"}),
    ("a late Done that was read before the Create counts", LATE, [_success("g", 0)], {"wrong"}),
    ("a late Done counts", LATE, [_success("g", 3000)], {"wrong"}),
    ("a timeout that leaves out what was there", LATE, [_timeout("g", 1.5, "{}", '["a","b"]')],
     {"wrong"}),
    ("a timeout near its end leaves out what was there", NEAR,
     [_timeout("g", 1.5, "{}", '["a","b"]')], {"wrong"}),
    ("a late Done counts for a timeout", UNSURE, [_timeout("g", 1.5, '{"a":1,"b":2}', "[]")],
     {"wrong", "early"}),
    ("the second Done of a partition wins", AGAIN, [_success("g", 20, '{"a":7,"b":2}')], {"wrong"}),
    ("created by neither Create", CREATES, [_success("g", 20, created=6)], {"wrong"}),
    ("a Done overtakes the Create of its partition", HALF,
     [_failure("g", 0, '{"a":null}', '["b"]')], {"wrong"}),
    ("a result overtakes the error of its partition", HALF,
     [_failure("g", 10, '{"a":null,"b":2}', "[]")], {"wrong"}),
]


@pytest.mark.parametrize("sent, value", [pytest.param(*rest, id=name) for name, *rest in TRUTHS])
def test_what_some_order_gives_passes(sent, value):
    result = _judged(sent, value)
    assert result.ok, str(result)


@pytest.mark.parametrize("sent, values, kinds", [pytest.param(*rest, id=name)
                                                 for name, *rest in LIES])
def test_what_no_order_gives_is_found(sent, values, kinds):
    assert set(_judged(sent, *values).counts) == kinds


def test_a_timeout_before_its_deadline_is_found():
    value = _timeout("g", 1.5, '{"b":2}', '["a"]')
    assert set(_judged(LATE, value, after=1_499).counts) == {"early"}


def test_a_success_before_all_of_it_was_written_is_found():
    assert set(_judged(WHOLE, _success("g", 20), after=19).counts) == {"early"}


@pytest.mark.parametrize("partitioner", ["murmur2", "crc32"])
def test_an_outcome_has_one_home_whatever_its_records_lie_in(partitioner):
    right = home(b"g", PARTITIONS, partitioner)
    for partition in range(PARTITIONS):
        result = _judged(WHOLE, _success("g", 20), partition=partition, partitioner=partitioner)
        assert set(result.counts) == (set() if partition == right else {"wrong"})
