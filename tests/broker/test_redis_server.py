"""The tests' own Redis does what the tests with it rely on."""

import socket

import pytest
from redis_server import RedisServer


@pytest.fixture
def server(tmp_path):
    one = RedisServer(tmp_path)
    yield one
    one.kill()


def test_it_answers_commands_of_any_bytes(server):
    assert server.redis("SET", "a", b"\r\n\x00") == b"OK"
    assert server.redis("GET", "a") == b"\r\n\x00"
    assert server.redis("GET", "b") is None
    assert server.redis("HSET", "h", "x", 1, "y", 2) == 2
    assert server.redis("HMGET", "h", "y", "z", "x") == [b"2", None, b"1"]
    assert server.keys() == [b"a", b"h"]
    server.config("maxmemory", 1)
    with pytest.raises(RuntimeError, match="OOM"):
        server.redis("SET", "a", "b")
    server.flush()
    assert server.keys() == []


def test_it_is_empty_after_a_restart_and_at_the_same_address(server):
    address = server.address
    server.redis("SET", "a", "b")
    server.restart()
    assert server.address == address
    assert server.keys() == []
    server.kill()
    with pytest.raises(ConnectionRefusedError):
        server.keys()


def test_a_paused_one_takes_connections_and_answers_later(server):
    with server.paused():
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(b"PING\r\n")
            connection.setblocking(False)
            with pytest.raises(BlockingIOError):
                connection.recv(1)
    assert server.redis("PING") == b"PONG"


def test_two_live_side_by_side(server, tmp_path):
    folder = tmp_path / "second"
    folder.mkdir()
    second = RedisServer(folder, "--requirepass", "pw")
    assert second.address != server.address
    with pytest.raises(RuntimeError, match="NOAUTH"):
        second.keys()
    second.kill()
