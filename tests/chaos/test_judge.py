"""The judge of a chaos run is given what a right collector makes of its load, which must pass; then
with lies, which must be found whatever slice they fall into; then a history that has holes."""

import random
from array import array
from dataclasses import replace

import pytest
from judge import END, Slices
from load_plan import plans
from partitioner import home
from records import Record
from stand_in import StandIn
from timed_load import HEADER, PREFIX, TIMEOUT_TTLS
from verdicts import Options

_T0 = 1_600_000_000_000
_PARTITIONS = 6
_GROUPS = 6_000  # more than one slice
_FAR_MS = 10_000_000


def _history() -> tuple[list[Record], array]:
    """All that lies in the topic; and when what was sent was acknowledged, by number."""
    topic, acknowledged, stand_in = [], array("q"), StandIn()

    def put(key: bytes, value: bytes, after: int, *headers) -> Record:
        topic.append(Record("chaos", home(key, _PARTITIONS), len(topic), _T0 + after, key, value,
                            headers))
        return topic[-1]

    def answer(answers, after: int) -> None:
        for group, value in answers:
            put(group.encode(), value, after)

    for number, plan in enumerate(plans(5, _GROUPS, PREFIX, TIMEOUT_TTLS)):
        for value in (*plan.early, plan.create, *plan.soon, *plan.closing):
            record = put(plan.id.encode(), value.encode(), number,
                         (HEADER, str(len(acknowledged)).encode()))
            acknowledged.append(record.timestamp)
            answer(stand_in.on_record(record), number)
    answer(stand_in.on_time(_T0 + _FAR_MS), _FAR_MS)
    put(b"", END.encode(), _FAR_MS)
    return topic, acknowledged


@pytest.fixture(scope="module")
def history():
    return _history()


def _judge(folder, topic, acknowledged):
    slices = Slices(folder / "slices", _GROUPS, acknowledged)
    for record in topic:
        slices.add(record)
    return slices.judge(Options(partitions=_PARTITIONS))


def _outcome_at(topic, number: int) -> int:
    return [at for at, record in enumerate(topic) if b'"resolved"' in record.value][number]


def test_a_true_history_passes(tmp_path, history):
    verdict = _judge(tmp_path, *history)
    assert verdict.ok, (verdict.examples, verdict.history)
    assert verdict.groups == sum(verdict.ends.values()) == _GROUPS


def _lost(topic, at):
    del topic[at]


def _doubled(topic, at):
    topic.append(topic[at])


def _wrong(topic, at):
    value = topic[at].value.replace(b'"resolved":"2', b'"resolved":"3')
    topic[at] = replace(topic[at], value=value)


def _early(topic, at):
    topic[at] = replace(topic[at], timestamp=_T0 - 1)


@pytest.mark.parametrize("kind, lie", [("lost", _lost), ("doubled", _doubled), ("wrong", _wrong),
                                       ("early", _early)])
def test_a_single_lie_is_found_in_whatever_slice(tmp_path, history, kind, lie):
    topic = list(history[0])
    lie(topic, _outcome_at(topic, random.Random(kind).randrange(_GROUPS)))
    verdict = _judge(tmp_path, topic, history[1])
    assert verdict.counts == {kind: 1} and not verdict.ok, verdict.examples


def _event_lost(topic):
    del topic[3]


def _event_doubled(topic):
    topic.append(replace(topic[3], offset=len(topic)))


def _somebody_elses(topic):
    topic.append(replace(topic[3], headers=()))


@pytest.mark.parametrize("change, words", [(_event_lost, "not in the topic"),
                                           (_event_doubled, "twice"),
                                           (_somebody_elses, "of strangers")])
def test_a_history_that_is_not_what_was_sent_does_not_pass(tmp_path, history, change, words):
    topic = list(history[0])
    change(topic)
    verdict = _judge(tmp_path, topic, history[1])
    assert not verdict.ok and words in str(verdict.history), verdict.history
