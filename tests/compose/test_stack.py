"""The project of docker-compose.yml as a stranger uses it: started, driven with kcat from outside,
killed, stopped, started again."""

import subprocess

from cluster import Topics
from events import create, done
from stack import SENDER, TOPIC, docker
from waits import eventually


def bash(script: str) -> subprocess.CompletedProcess:
    return subprocess.run(["bash", "-c", script], text=True, capture_output=True, timeout=120)


def test_the_session_that_compose_up_prints(stack):
    session = stack.said[stack.said.index("send()"):]
    functions, _, _ = session.partition("# Both answers come")
    assert not (errors := bash(session).stderr), errors

    def outcomes():
        lines = bash(functions + "outcomes").stdout.splitlines()
        return lines if len(lines) == 3 else []

    success, failure, timeout = eventually(outcomes, "three outcomes")
    assert '"type":"EventGroupCollectorSuccess","id":"trip-1"' in success
    assert '"results":{"flight":"12A","hotel":401}' in success
    assert '"type":"EventGroupCollectorFailure","id":"trip-2"' in failure
    assert '"entity":"hotel","error":"full"' in failure
    assert '"type":"EventGroupCollectorFailure","id":"trip-3"' in timeout
    assert '"error":"Operation timed out after 3 seconds"' in timeout


def test_an_override_file_counts(stack):
    stack.send(create("overridden", "[]"))
    assert stack.outcome("overridden")["sender"] == SENDER


def test_a_mistyped_topic_is_not_made(stack):
    kafka = f"localhost:{stack.port}"
    done = subprocess.run(["kcat", "-P", "-b", kafka, "-t", TOPIC + "s", "-X",
                           "message.timeout.ms=3000"], text=True, input="x\n", timeout=60)
    assert done.returncode != 0
    assert Topics(kafka).partitions(TOPIC + "s") == 0
    assert Topics(kafka).partitions(TOPIC) == 1


def test_healthy_is_to_have_the_partitions_in_service(stack):
    check = stack.inspect("collector")["Config"]["Healthcheck"]["Test"]
    assert check[0] == "CMD"

    def status(*variables: str) -> int:
        options = [word for variable in variables for word in ("-e", variable)]
        return stack.execute("collector", *check[1:], options=options).returncode

    assert status() == 0
    assert status("COLLECTOR_ADMIN=0.0.0.0:1") != 0
    ready = stack.execute("collector", "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9464; "
                          "printf 'GET /readyz?verbose HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3")
    assert '"ok":true' in ready.stdout, ready.stdout


def test_no_rights_and_nothing_to_write_to(stack):
    def inside(script: str, *options: str) -> str:
        return stack.execute("collector", "bash", "-c", script, options=options).stdout.strip()

    assert inside("id -u") == "10001"
    status = dict(line.split(":\t", 1) for line in inside("cat /proc/1/status").splitlines()
                  if ":\t" in line)
    assert status["Uid"].split() == ["10001"] * 4
    assert int(status["CapPrm"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    for folder in ("/", "/tmp", "/usr/local/bin"):
        assert "Read-only file system" in inside(f"touch {folder}/x", "-u", "0")


def test_checkpoints_go_to_redis(stack):
    stack.send(create("checkpointed", '["a"]', ttl="600"))
    head = f"muster:{{DefaultCollectorGroup/{TOPIC}/0}}:head"
    eventually(lambda: stack.execute("redis", "redis-cli", "EXISTS", head).stdout.strip() == "1",
               lambda: stack.execute("redis", "redis-cli", "KEYS", "*").stdout)


def test_a_killed_collector_comes_back_and_ends_the_open_group(stack):
    stack.send(create("killed", '["a","b"]', ttl="120"), done("killed", "a", result="1"))
    restarts = stack.inspect("collector")["RestartCount"]
    stack.kill("collector")
    eventually(lambda: stack.inspect("collector")["RestartCount"] == restarts + 1, "a restart")
    stack.send(done("killed", "b", result="2"))
    assert stack.outcome("killed")["results"] == {"a": 1, "b": 2}
    stack.await_healthy("collector")


def test_a_stop_is_in_order_and_the_data_outlives_the_containers(stack):
    stack.send(create("kept", '["a","b"]', ttl="600"), done("kept", "a", result="1"))
    docker("stop", "--time", "60", stack.container("collector"))
    state = stack.state("collector")
    assert (state["ExitCode"], state["OOMKilled"]) == (0, False)
    assert "stopped: " in docker("logs", "--tail", "5", stack.container("collector"))
    stack.make("compose/down")
    assert not stack.container("kafka")
    stack.up()
    stack.send(done("kept", "b", result="2"))
    assert stack.outcome("kept")["results"] == {"a": 1, "b": 2}
