"""The proxy itself, with an echo behind it: each of its faults does what it says, and heals."""

import socket
import threading

import pytest
from tcp_proxy import ANSWERS, REQUESTS, TcpProxy
from waits import eventually

# For a claim that nothing comes: there is nothing to wait for.
_SILENCE_SECONDS = 0.2
_PATIENCE_SECONDS = 20


class Echo:
    """A server that sends back what it hears, and remembers it."""

    def __init__(self):
        self.heard = b""
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def start(self) -> "Echo":
        """Until then nobody listens at its address."""
        self._socket.listen()
        threading.Thread(target=self._run, daemon=True).start()
        return self

    def _run(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client) -> None:
        with client:
            try:
                while data := client.recv(1 << 16):
                    self.heard += data
                    client.sendall(data)
            except OSError:
                pass

    def stop(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def echo():
    one = Echo().start()
    yield one
    one.stop()


@pytest.fixture
def proxy(echo):
    with TcpProxy(echo.address) as one:
        yield one


def _connected(proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=_PATIENCE_SECONDS)


def _hear(client, size: int) -> bytes:
    heard = b""
    while len(heard) < size:
        data = client.recv(size - len(heard))
        assert data, "the connection has ended"
        heard += data
    return heard


def _asks(client, text: bytes = b"hello") -> None:
    client.sendall(text)
    assert _hear(client, len(text)) == text


def _is_reset(client) -> None:
    with pytest.raises(ConnectionResetError):
        client.sendall(b"are you there?")
        while client.recv(1 << 16):
            pass
        raise AssertionError("it was closed, not reset")


def _resets_new_ones(proxy) -> None:
    """Some so soon that they never seem to be there."""
    with pytest.raises(ConnectionResetError):
        with _connected(proxy) as client:
            client.sendall(b"are you there?")
            assert client.recv(1), "it was closed, not reset"


def _hears_nothing(client) -> None:
    client.settimeout(_SILENCE_SECONDS)
    with pytest.raises(TimeoutError):
        client.recv(1)
    client.settimeout(_PATIENCE_SECONDS)


def test_all_passes_unchanged_while_there_is_no_fault(proxy):
    text = bytes(range(256)) * 8_000
    with _connected(proxy) as client:
        threading.Thread(target=client.sendall, args=(text,)).start()
        assert _hear(client, len(text)) == text


def test_a_cut_resets_what_is_open_and_what_comes_until_it_heals(proxy):
    with _connected(proxy) as before:
        _asks(before)
        proxy.cut()
        _is_reset(before)
    _resets_new_ones(proxy)
    proxy.heal()
    with _connected(proxy) as after:
        _asks(after)
    assert proxy.counts["reset"] == 2


def test_a_cut_of_no_time_resets_once(proxy):
    with _connected(proxy) as before:
        _asks(before)
        proxy.cut(seconds=0)
        _is_reset(before)
    with _connected(proxy) as after:
        _asks(after)


def test_a_blackhole_swallows_and_ends_with_a_reset(proxy, echo):
    with _connected(proxy) as old, _connected(proxy) as untouched:
        _asks(old)
        _asks(untouched)
        proxy.blackhole()
        old.sendall(b"lost")
        _hears_nothing(old)
        with _connected(proxy) as new:
            new.sendall(b"lost")
            _hears_nothing(new)
            proxy.heal()
            _is_reset(new)
        _is_reset(old)
        _asks(untouched)
    assert b"lost" not in echo.heard


def test_a_blackhole_of_one_way_lets_the_other_pass(proxy, echo):
    with _connected(proxy) as client:
        _asks(client)
        proxy.blackhole(ANSWERS)
        client.sendall(b"one way")
        eventually(lambda: b"one way" in echo.heard, "the server hears it")
        _hears_nothing(client)
        proxy.blackhole(REQUESTS)
        _is_reset(client)


def test_a_pause_loses_nothing(proxy, echo):
    with _connected(proxy) as client:
        _asks(client)
        proxy.pause()
        client.sendall(b"later")
        _hears_nothing(client)
        with _connected(proxy) as other:
            other.sendall(b"too")
            _hears_nothing(other)
            assert echo.heard == b"hello"
            proxy.heal()
            assert _hear(other, 3) == b"too"
        assert _hear(client, 5) == b"later"


def test_a_delay_keeps_the_order(proxy):
    with _connected(proxy) as client:
        proxy.delay(0.3)
        client.sendall(b"first ")
        _hears_nothing(client)
        client.sendall(b"second")
        assert _hear(client, 12) == b"first second"


def test_a_fault_with_a_time_heals_by_itself(proxy):
    with _connected(proxy) as client:
        proxy.pause(seconds=0.05)
        _asks(client)


def test_a_server_that_is_away_is_a_reset_until_it_comes():
    away = Echo()
    with TcpProxy(away.address) as proxy:
        _resets_new_ones(proxy)
        eventually(lambda: proxy.links() == 0, "the connection is forgotten")
        away.start()
        with _connected(proxy) as client:
            _asks(client)
    away.stop()
