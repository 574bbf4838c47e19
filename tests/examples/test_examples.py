"""The programs under examples/, each as a process, against the real broker and a real collector."""

import json
import subprocess

import pytest
from confluent_kafka import Producer
from events import create
from partitioner import home
from programs import PROGRAMS, Program
from sender import Sender
from waits import PATIENCE, eventually

# Java's hash, librdkafka's and others put these in different ones of 8 partitions.
GROUPS = ("trip-Reykjavík", "trip-6")
SUCCESS = "EventGroupCollectorSuccess"

pytestmark = pytest.mark.parametrize("partitions", [8])


def _ends(process: subprocess.Popen) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(f"it does not end: {process.communicate()}") from None
    return process.returncode, out, err


def _make(world) -> None:
    """A topic that has been written to: on one that has just been made clients may have to try
    again, and say so."""
    world.make()
    sender = world.sender()
    for partition in range(world.partitions):
        sender.send('{"type":"Nothing"}', "nobody", partition=partition)
    sender.flush()


def _wait_for_events(processes, tail) -> None:
    def all_sent() -> bool:
        for process in processes:
            assert process.poll() is None, f"it ended: {process.communicate()}"
        return sum(record.key.decode() in GROUPS for record in tail.records) == 3 * len(GROUPS)

    eventually(all_sent, lambda: f"all events are sent; there are {tail.records}")


def _send_what_is_no_outcome(world, group: str) -> None:
    """An outcome that is taken back, one of another group, and a stranger's event with our key."""
    lie = f'{{"type":"{SUCCESS}","id":"{group}","results":"a lie"}}'
    liar = world.sender(**{"transactional.id": f"{world.topic}-{group}"})
    with liar.transaction(commit=False):
        liar.send(lie, group)
    sender = world.sender()
    sender.put(lie, f"{group}0", partition=home(group.encode(), world.partitions))
    sender.put('{"type":"TripPlanned","results":"a lie"}', group)


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_example_prints_its_groups_outcome(programs, world, name):
    program = programs(name)
    _make(world)
    with world.tail() as tail:
        processes = [program.start(world, group, TTL="45") for group in GROUPS]
        try:
            # The collector starts when all is sent, so that the lies lie before the truth.
            _wait_for_events(processes, tail)
            for group in GROUPS:
                _send_what_is_no_outcome(world, group)
            world.collector().start().ready()
            answers = [_ends(process) for process in processes]
        finally:
            for process in processes:
                process.kill()
                process.wait()
        outcomes = [value.decode() for value in tail.outcomes(*GROUPS)]
    # On a busy machine a client may complain on stderr: no matter.
    said = [(status, out) for status, out, _ in answers]
    assert said == [(0, outcome + "\n") for outcome in outcomes], answers
    for group, outcome in zip(GROUPS, outcomes):
        _judge_outcome(json.loads(outcome), group)
    _judge_sent(world)


def _judge_outcome(outcome: dict, group: str) -> None:
    assert (outcome["type"], outcome["id"]) == (SUCCESS, group)
    results = list(outcome["results"].items())
    assert results == [("flight", {"seat": "12A"}), ("hotel", {"room": 401})]
    assert outcome["payload"] == {"customer": "Ada"}


def _judge_sent(world) -> None:
    """What an example has sent lies in its group's home, so nothing was forwarded."""
    records = [record for record in world.read() if record.key.decode() in GROUPS]
    for group in GROUPS:
        assert home(group.encode(), 8) != home(group.encode(), 8, "crc32"), "tells nothing"
        mine = [record for record in records if record.key.decode() == group]
        kinds = [json.loads(record.value)["type"] for record in mine]
        assert kinds.count("EventGroupCollectorEntityDone") == 2, kinds
        assert {record.partition for record in mine} == {home(group.encode(), 8)}
    assert world.read(f"muster.{world.topic}-group.{world.topic}.repartition") == []


def test_an_example_gives_up_where_no_outcome_comes(programs, world):
    _make(world)
    started = {}
    try:
        for name in PROGRAMS:
            try:
                started[name] = programs(name).start(world, f"trip-{name}", TTL="1")
            except pytest.skip.Exception:
                continue  # the test above says so
        for name, process in started.items():
            status, out, err = _ends(process)
            assert (status, out) == (1, ""), f"{name}: {status} {out}"
            assert f"no outcome of trip-{name}" in err, f"{name}: {err}"
    finally:
        for process in started.values():
            process.kill()
            process.wait()


def test_dead_letters_can_be_read(programs, world):
    world.make()
    world.collector().start().ready()
    sender = world.sender()
    sender.put("not JSON", "trip-1", headers=[("traceparent", b"00-1-2-01")])
    with world.tail() as tail:
        sender.put(create("last", "[]"), "last")
        tail.outcomes("last")
    kcat = programs("kcat")
    script = Program(kcat.name, kcat.folder, ("./dead-letters.sh",))

    def letters() -> str:
        status, out, err = _ends(script.start(world))
        assert status == 0, err
        return out

    out = eventually(letters, "it prints the dead letter")
    assert "muster.error.code=json" in out and "\n  not JSON\n" in out, out
    assert "__connect.errors.exception.message=" in out and "traceparent=00-1-2-01" in out, out


def test_a_service_answers_each_request_once(programs, world):
    """Killed and started again; the second life begins behind what the first has answered."""
    world.make()
    requests = world.topics.create(f"{world.topic}-requests", 1)
    world.collector().start().ready()
    python = programs("python")
    service = Program(python.name, python.folder, (python.command[0], "answer_requests.py"))
    sender, asker = world.sender(), Sender(world.brokers, requests)

    def life(*groups: str) -> None:
        process = service.start(world, REQUESTS=requests, INSTANCE=f"{world.topic}-flights")
        try:
            for group in groups:
                sender.put(create(group, '["flight"]'), group)
                asker.put(json.dumps({"group": group, "entity": "flight"}))
            for value in tail.outcomes(*groups):
                assert json.loads(value)["results"] == {"flight": {"seat": "12A"}}
        finally:
            process.kill()
            _, out, err = _ends(process)
        assert out == "", err

    with world.tail() as tail:
        life("one", "two")
        life("three")
        assert _dones(world) == ["one", "three", "two"]


def _dones(world) -> list[str]:
    return sorted(record.key.decode() for record in world.read()
                  if b'"EventGroupCollectorEntityDone"' in record.value)


def _by_python(world, keys: list[str]) -> None:
    producer = Producer({"bootstrap.servers": world.brokers})
    for key in keys:
        producer.produce(world.topic, key=key, value="{}")
    assert producer.flush(PATIENCE) == 0


def _by_kcat(world, keys: list[str]) -> None:
    subprocess.run(["kcat", "-P", "-b", world.brokers, "-t", world.topic, "-K:"], check=True,
                   input="".join(f"{key}:{{}}\n" for key in keys), text=True, timeout=PATIENCE)


@pytest.mark.parametrize("send", [_by_python, _by_kcat])
def test_librdkafka_by_default_puts_keys_elsewhere(world, send):
    """The trap that the page warns of."""
    world.make()
    send(world, [f"trip-{number}" for number in range(20)])
    records = world.read()
    assert len(records) == 20
    assert all(one.partition == home(one.key, 8, "crc32") for one in records)
    assert any(one.partition != home(one.key, 8) for one in records)
