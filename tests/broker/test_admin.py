"""The admin server on the real thing: health, metrics, who may reach it."""

import json
import socket
import time

import pytest
from admin_client import AT_ANY_PORT, TOKEN, Admin
from cluster import free_port, run_once
from events import create, done
from waits import eventually


def started(world, *more, **others):
    collector = world.collector(*AT_ANY_PORT, *more, **others).start()
    return collector, Admin.of(collector)


def test_health_tells_living_started_and_ready_apart(world):
    """Without a topic it lives, and is neither started nor ready, and says what it waits for."""
    collector, admin = started(world)
    collector.says("does not exist")
    assert admin.get("/livez").status == 200
    assert admin.get("/startupz").code == "not-ready"
    waits = admin.get("/readyz?verbose")
    assert waits.code == "not-ready" and "topic" in waits.json["detail"], waits
    assert waits.json["checks"][0]["ok"] is False

    world.make()
    collector.ready()
    eventually(lambda: admin.get("/readyz").status == 200, "it is ready")
    assert admin.get("/startupz").status == 200
    verbose = admin.get("/readyz?verbose").json
    assert verbose["checks"] == [{"name": "worker-0", "ok": True, "detail": ""}], verbose


def test_metrics_count_what_has_happened(world):
    collector, admin = started(world.make())
    collector.ready()
    sender, tail = world.sender(), world.tail()
    sender.send(create("good", '["a"]'), "good")
    sender.send(done("good", "a"), "good")
    sender.send(create("late", '["a"]', ttl="0.2"), "late")
    sender.send(create("open", '["a","b"]', ttl="3600"), "open")
    sender.send("no json", "x")
    tail.outcomes("good", "late")

    def counted():
        numbers = admin.metrics()
        return numbers if numbers['collector_dead_letters_total{code="json"}'] == 1 and \
            numbers['collector_groups_total{outcome="timeout"}'] == 1 else None
    numbers = eventually(counted, lambda: f"all is counted: {admin.metrics()}")
    assert numbers['collector_groups_total{outcome="success"}'] == 1
    assert numbers['collector_groups_created_total'] == 3
    assert numbers['collector_groups_open{partition="0"}'] == 1
    assert numbers['collector_entities_total{result="done"}'] == 1
    assert numbers['collector_dead_letters_total{code="undeliverable"}'] == 0
    assert numbers['collector_transactions_total{outcome="committed"}'] >= 1
    assert numbers['collector_transactions_total{outcome="failed"}'] == 0
    assert numbers['collector_ready'] == 1
    assert numbers['collector_partition_live{partition="0"}'] == 1
    assert numbers['collector_deadline_lateness_seconds_count'] == 1
    assert numbers['collector_deadline_lateness_seconds_bucket{le="+Inf"}'] == 1
    assert numbers['collector_group_duration_seconds_count'] == 2
    assert 0.2 <= numbers['collector_group_duration_seconds_sum'] < 60
    lag = (f'kafka_consumergroup_lag{{consumergroup="{world.topic}-group",topic="{world.topic}",'
           f'partition="0"}}')
    eventually(lambda: admin.metrics()[lag] == 0, lambda: f"no lag: {admin.metrics()}")
    assert any(name.startswith("collector_build_info{version=") for name in numbers), numbers
    assert numbers["process_resident_memory_bytes"] > 1e6
    text = admin.get("/metrics")
    assert text.headers["content-type"].startswith("text/plain; version=0.0.4")


def test_a_recovery_is_seen(world):
    collector, admin = started(world.make())
    collector.ready()
    sender, tail = world.sender(), world.tail()
    sender.put(create("open", '["a"]', ttl="3600"), "open")
    sender.put(create("end", "[]"), "end")
    tail.outcomes("end")
    collector.kill()
    collector.start()
    admin = Admin.of(collector.ready())
    numbers = eventually(lambda: admin.metrics() if admin.get("/readyz").status == 200 else None,
                         "ready again")
    assert numbers['collector_groups_open{partition="0"}'] == 1
    assert 0 < numbers['collector_recovery_seconds{partition="0"}'] < 60


def test_nothing_changes_without_the_token(world):
    collector, admin = started(world.make())
    collector.ready()
    for path in ("/groups/g/cancel", "/groups/g/extend", "/events"):
        assert admin.ask("POST", path).code == "token-missing"
        wrong = admin.ask("POST", path, Authorization="Bearer " + TOKEN[:-1])
        assert wrong.status == 401 and wrong.code == "token-wrong"
        assert wrong.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in collector.tail(1000)


def test_without_a_token_nothing_can_be_changed_at_all(world):
    collector = world.make().collector("--admin", "127.0.0.1:0").start()
    admin = Admin.of(collector.ready())
    assert admin.post("/events", "{}").code == "no-token-set"
    assert admin.ask("POST", "/events", Authorization="Bearer ").status == 403


def test_the_token_may_lie_in_a_file(world, tmp_path):
    file = tmp_path / "token"
    file.write_text("from-a-file\n")
    collector = world.make().collector("--admin", "127.0.0.1:0",
                                       environment={"COLLECTOR_ADMIN_TOKEN_FILE": str(file)}).start()
    admin = Admin(Admin.of(collector.ready()).port, "from-a-file")
    assert admin.post("/events", "{}").status == 422


def test_a_port_that_is_taken_ends_it_if_it_was_asked_for(world):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run_once(["--brokerlist", world.brokers, "--event-topic", world.topic,
                          "--admin", f"127.0.0.1:{port}"])
    assert ended.returncode == 2, ended.stderr
    assert f"cannot listen at 127.0.0.1:{port}" in ended.stderr, ended.stderr


def test_two_on_one_machine_need_no_word_about_ports(world):
    """The second one takes any free port, and says which."""
    world.make()
    both = [world.collector(instance=name).start() for name in ("one", "two")]
    ports = {Admin.of(one).port for one in both}
    assert len(ports) == 2
    for port in ports:
        assert Admin(port).get("/livez").status == 200


def test_off_means_off(world):
    collector = world.make().collector("--admin", "off").start().ready()
    assert not [line for line in collector.lines() if "admin" in line]


def test_only_this_machine_is_served_at_a_loopback_address(world):
    collector, admin = started(world.make())
    assert admin.get("/livez", Host="evil.example:80").code == "host"
    assert admin.get("/livez", Host=f"localhost:{admin.port}").status == 200
    assert admin.get("/livez", Host="[::1]").status == 200


@pytest.mark.parametrize("path, status, code", [
    ("/nothing", 404, "no-such-path"),
    ("/groups/", 404, "no-such-path"),
    ("/groups?limit=0", 400, "query"),
    ("/groups?limit=1001", 400, "query"),
    ("/groups?limit=99999999999999999999", 400, "query"),
    ("/groups?limit=-1", 400, "query"),
    ("/groups?limit=", 400, "query"),
    ("/groups?cursor=x", 400, "query"),
    ("/groups?cursor=0.0.-1", 400, "query"),
    ("/groups?cursor=0.1.0", 410, "cursor-expired"),
    ("/groups?state=half", 400, "query"),
    ("/groups?before=tomorrow", 400, "query"),
    ("/groups?before=2026-02-30T00:00:00Z", 400, "query"),
    ("/groups?befor=1", 400, "query"),
    ("/groups/unknown", 404, "no-group"),
    ("/groups/%zz", 400, "target"),
    ("/groups/%ff", 400, "target"),
    ("/groups/a%00", 400, "target"),
    ("/schemas/nothing.json", 404, "no-schema"),
    ("/schemas/..%2fopenapi.json", 404, "no-schema"),
])
def test_bad_questions_get_clear_answers(module_admin, path, status, code):
    answer = module_admin.get(path)
    assert (answer.status, answer.code) == (status, code), answer


@pytest.fixture(scope="module")
def module_admin(module_world):
    collector = module_world.make().collector(*AT_ANY_PORT).start()
    admin = Admin.of(collector)
    collector.ready()
    eventually(lambda: admin.get("/readyz").status == 200, "ready")
    return admin


def test_bodies_and_headers_have_limits(module_admin):
    assert module_admin.post("/events", "x" * 2_000_000).code == "body-limit"
    assert module_admin.get("/livez", X="x" * 20_000).code == "header-limit"


def test_idle_and_slow_clients_keep_nobody_out(world):
    """Connections by the thousand that say nothing, or a byte at a time: whoever asks is answered,
    and the stream goes on as if they were not there."""
    collector, admin = started(world.make())
    collector.ready()
    sender, tail = world.sender(), world.tail()
    idle = []
    try:
        for number in range(3_000):
            one = socket.create_connection(("127.0.0.1", admin.port), timeout=30)
            if number % 3 == 0:
                one.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
            idle.append(one)
            if len(idle) > 800:  # our own limit of open files
                idle.pop(0).close()
            if number % 500 == 0:
                group = f"through-{number}"
                began = time.monotonic()
                sender.put(create(group, "[]"), group)
                tail.outcomes(group)
                assert time.monotonic() - began < 10
                assert admin.get("/livez").status == 200
        numbers = admin.metrics()
        assert numbers["collector_admin_connections"] <= 300
        assert numbers["collector_admin_evicted_total"] > 1_000
    finally:
        for one in idle:
            one.close()


def test_the_description_of_the_interface_says_what_there_is(module_admin):
    """Every path of /openapi.json answers, and no path is missing there (the unit tests compare it
    with the routes)."""
    paths = module_admin.get("/openapi.json").json["paths"]
    for path, methods in paths.items():
        for method in methods:
            answer = module_admin.ask(method.upper(), path.replace("{id}", "x").replace(
                "{name}", "create.json")) if path != "/stream" else None
            assert answer is None or answer.status in (200, 401, 404), (path, answer)
    schemas = module_admin.get("/schemas/").json["schemas"]
    assert "/schemas/create.json" in schemas
    for path in schemas:
        assert json.loads(module_admin.get(path).text)["$schema"].endswith("2020-12/schema")
