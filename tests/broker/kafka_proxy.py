"""A proxy that knows Kafka's requests apart, and a broker behind it: what a rule names is delayed,
cut or swallowed, all else passes.

    broker = ProxiedBroker(folder)      # broker.address is direct, broker.proxy.address is not
    rule = broker.proxy.hurt("EndTxn", CUT_ANSWER, about=topic)
    rule.was_hit()                      # waits for it; a rule that never fired fails its test
    broker.proxy.cut(seconds=2)         # all that TcpProxy does works here, too

Whoever connects to broker.proxy.address is told by the broker to find it there, so all of its
connections go through the proxy.
"""

import asyncio
import struct
from pathlib import Path

from cluster import REPO, Broker
from records import now_ms
from tcp_proxy import REQUESTS, Link, TcpProxy
from waits import eventually

API_KEYS = {"Produce": 0, "Fetch": 1, "ListOffsets": 2, "Metadata": 3, "OffsetFetch": 9,
            "FindCoordinator": 10, "JoinGroup": 11, "Heartbeat": 12, "SyncGroup": 14,
            "InitProducerId": 22, "AddPartitionsToTxn": 24, "AddOffsetsToTxn": 25, "EndTxn": 26,
            "TxnOffsetCommit": 28}

# Only counted, whatever else befalls it.
WATCH = "nothing"
# Until the rule's seconds are over, or its release(). The request comes even if the client leaves:
# late, on a connection that is half dead.
DELAY_REQUEST, DELAY_ANSWER = "delay of the request", "delay of the answer"
# The broker has never seen the request, or has done it.
CUT_REQUEST, CUT_ANSWER = "cut before the request", "cut before the answer"
# The connection stays open and is silent from there on, until the client leaves it, or heal().
SWALLOW_REQUEST, SWALLOW_ANSWER = "blackhole for the request", "blackhole for the answer"
FAULTS = (DELAY_REQUEST, DELAY_ANSWER, CUT_REQUEST, CUT_ANSWER, SWALLOW_REQUEST, SWALLOW_ANSWER)
_OF_REQUESTS = (DELAY_REQUEST, CUT_REQUEST, SWALLOW_REQUEST)
# A name that a request is about stands near its beginning.
_LOOKED_AT_BYTES = 1_000
# Where these end: in a request, and in an answer.
_BEHIND_CORRELATION, _BEHIND_THROTTLE = 8, 8


def of_new_producer(request: bytes) -> bool:
    """Of an InitProducerId (3 or later): it is not for one that has its id and wants only a higher
    epoch."""
    epoch_and_tags_bytes = 3
    return request[-8 - epoch_and_tags_bytes:-epoch_and_tags_bytes] == b"\xff" * 8


class KafkaLink(Link):
    def __init__(self, client):
        super().__init__(client)
        self.asked: dict[int, tuple] = {}  # by correlation id: the rule, and the request
        self.silenced_by: Rule | None = None


class Rule:
    """What befalls the next requests of a kind. Made by KafkaProxy.hurt; counts only grow, so any
    thread may look at them."""

    def __init__(self, proxy, api: str, fault: str, about: str, times: int | None,
                 seconds: float | None):
        self.api, self.fault = api, fault
        self.hits = 0  # requests that the fault has befallen
        self.left = 0  # connections that went silent and that the client gave up
        self.requests: list[bytes] = []  # the hit ones, without their length
        self.times: list[int] = []  # when they were hit, in ms
        self.answered: list[tuple] = []  # these and what the broker said to them, so far
        self._proxy = proxy
        self._key = API_KEYS[api]
        self._about = about.encode()
        self._times = times
        self._seconds = seconds
        self._taken = 0
        self._released = asyncio.Event()

    def __str__(self) -> str:
        return f"{self.api}, {self.fault}"

    # --- for the test's threads

    # Each waits; `guard` is called meanwhile and may raise when there is nothing left to wait for.

    def was_hit(self, guard=lambda: None) -> None:
        eventually(lambda: guard() or self.hits > 0, f"{self} hits")

    def was_left(self, guard=lambda: None) -> None:
        eventually(lambda: guard() or self.left > 0, f"{self}: the client leaves the connection")

    def was_answered(self, guard=lambda: None) -> None:
        """All that it has delayed has come to the broker, and the broker has answered."""
        eventually(lambda: guard() or len(self.answered) >= self.hits, f"{self}: it is answered")

    def errors_of_first(self) -> set[int]:
        """What the broker said to the first request and to its like, for those whose answers begin
        with an error: EndTxn and AddOffsetsToTxn, as old as librdkafka's."""
        first = self.requests[0][_BEHIND_CORRELATION:]
        return {struct.unpack_from(">h", answer, _BEHIND_THROTTLE)[0]
                for request, answer in self.answered if request[_BEHIND_CORRELATION:] == first}

    def end(self) -> None:
        """No more hits; what was delayed stays delayed."""
        self._proxy.call(lambda: setattr(self, "_times", self._taken))

    def release(self) -> None:
        """Ends it, and lets go of what was delayed."""
        self.end()
        self._proxy.call(self._released.set)

    # --- the proxy's thread

    def takes(self, key: int, request: bytes) -> bool:
        if key != self._key or (self._times is not None and self._taken >= self._times):
            return False
        if self._about not in request[:_LOOKED_AT_BYTES]:
            return False
        self._taken += 1
        return True

    def note(self, request: bytes) -> None:
        self.times.append(now_ms())
        self.requests.append(request)
        self.hits += 1

    async def befall(self, link, request: bytes) -> bool:
        """Whether what it has befallen may pass."""
        self.note(request)
        if self.fault in (CUT_REQUEST, CUT_ANSWER):
            self._proxy.cut_off(link)
        elif self.fault in (SWALLOW_REQUEST, SWALLOW_ANSWER):
            link.silent, link.silenced_by = True, self
        elif self.fault in (DELAY_REQUEST, DELAY_ANSWER):
            try:
                await asyncio.wait_for(self._released.wait(), self._seconds)
            except asyncio.TimeoutError:
                pass
        return self.fault in (DELAY_REQUEST, DELAY_ANSWER)


class KafkaProxy(TcpProxy):
    """Frames instead of bytes: four bytes of length, then a request or an answer."""

    link_type = KafkaLink

    def __init__(self, target: str):
        super().__init__(target)
        self._rules: list[Rule] = []

    def hurt(self, api: str, fault: str, about: str = "", times: int | None = 1,
             seconds: float | None = None) -> Rule:
        """Of the next requests of this kind so many (None: all) that hold the text `about`, the
        name of a topic, a group or a transactional id. The first rule that takes one has it."""
        rule = Rule(self, api, fault, about, times, seconds)
        self.call(lambda: self._rules.append(rule))
        return rule

    def calm(self) -> None:
        """Ends all rules but the watching ones: what they hold is let go, silence is a reset."""
        for rule in [one for one in self._rules if one.fault != WATCH]:
            rule.release()
            self.call(lambda done=rule: self._rules.remove(done))
        self.heal()

    # --- the proxy's thread

    async def read_piece(self, reader) -> bytes:
        size = await reader.readexactly(4)
        return size + await reader.readexactly(int.from_bytes(size, "big"))

    async def may_pass(self, link: Link, way: str, piece: bytes) -> bool:
        if way == REQUESTS:
            return await self._on_request(link, piece[4:])
        return await self._on_answer(link, piece[4:])

    async def _on_request(self, link, request: bytes) -> bool:
        key, _, correlation = struct.unpack(">hhi", request[:8])
        for watch in self._rules:
            if watch.fault == WATCH and watch.takes(key, request):
                watch.note(request)
        rule = next((one for one in self._rules if one.fault != WATCH and one.takes(key, request)),
                    None)
        if rule and rule.fault in _OF_REQUESTS and not await rule.befall(link, request):
            return False
        link.asked[correlation] = (rule, request if rule else b"")
        return True

    async def _on_answer(self, link, answer: bytes) -> bool:
        rule, request = link.asked.pop(int.from_bytes(answer[:4], "big"), (None, b""))
        if rule is None:
            return True
        rule.answered.append((request, answer))
        return rule.fault in _OF_REQUESTS or await rule.befall(link, request)

    def cut_off(self, link) -> None:
        self._reset([link])

    async def before_end(self, link) -> None:
        """What is on its way to the broker is done by it, though nobody hears the answer."""
        while link.asked and not link.silent and not link.ended:
            await asyncio.sleep(0.01)  # the broker answers, or closes; both end this

    def on_end(self, link) -> None:
        if link.silenced_by:
            link.silenced_by.left += 1


class ProxiedBroker(Broker):
    """A broker that is reached both ways. The two listeners have names of their own, and a client
    is told the address of the one that it came by."""

    def __init__(self, state: Path, *properties: str):
        self._state = state
        self._script = REPO / "scripts" / "kafka"
        ports = set()
        while len(ports) < 3:
            ports.add(self._run("port").strip())
        direct, behind, controller = ports
        self.proxy = KafkaProxy(f"127.0.0.1:{behind}").start()
        self._properties = (
            f"listeners=PLAINTEXT://127.0.0.1:{direct},BEHIND://127.0.0.1:{behind},"
            f"CONTROLLER://127.0.0.1:{controller}",
            f"advertised.listeners=PLAINTEXT://127.0.0.1:{direct},BEHIND://{self.proxy.address}",
            "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,"
            "BEHIND:PLAINTEXT",
            f"controller.quorum.voters=1@127.0.0.1:{controller}", *properties)
        self._port = direct
        self.address = self._run("up", direct, *self._properties).split()[-1]

    def up(self, *properties: str) -> None:
        super().up(*self._properties, *properties)

    def remove(self) -> None:
        super().remove()
        self.proxy.stop()
