"""A TCP proxy that hurts what goes through it. It knows nothing of what it carries: Redis as well
as Kafka (kafka_proxy.py knows Kafka's requests).

    with TcpProxy("127.0.0.1:6379") as proxy:
        client = connect(proxy.address)     # host:port; known before start(), and it stays the same
        proxy.delay(0.2)                    # every piece, each way, later by that
        proxy.pause()                       # nothing passes, nothing is lost: heal() lets it go on
        proxy.blackhole()                   # nothing passes, what is sent is lost, nobody is told
        proxy.blackhole(ANSWERS)            # the same for one way only
        proxy.cut()                         # connections are reset, new ones too
        proxy.cut(seconds=0)                # reset once; new ones work
        proxy.heal()                        # all is well again

A fault is in force when its call returns, and until heal(). `seconds` heals it by itself. A fault
takes the place of the one before, only a delay stays beside the others. A connection of which a
blackhole has swallowed something is reset when that ends: its stream has a hole. While the target
does not listen new connections are reset, so a server may be killed and started again behind it.

`counts` says what happened: "accepted" and "reset" connections, "swallowed" pieces, "held" ones (by
a pause). A test asks it whether its fault has hit anything.
"""

import asyncio
import socket
import struct
import threading
from collections import Counter

REQUESTS, ANSWERS = "requests", "answers"
BOTH = (REQUESTS, ANSWERS)
_PIECE_BYTES_MAX = 1 << 20
_RESET = struct.pack("ii", 1, 0)  # linger for no time: closing sends a reset


class Link:
    """One connection: the client's end and the server's, each a reader and a writer. Belongs to the
    proxy's thread."""

    def __init__(self, client):
        self.client = client
        self.server = None
        self.silent = False  # whatever comes is swallowed from now on, either way
        self.holed = False  # something was swallowed
        self.ended = False

    def ends(self, way: str):
        """Where a piece of this way is read, and where it is written."""
        source, sink = ((self.client, self.server) if way == REQUESTS else
                        (self.server, self.client))
        return source[0], sink[1]

    def reset(self) -> None:
        self.ended = True
        for end in (self.client, self.server):
            if end is None or end[1].is_closing():
                continue
            end[1].get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            end[1].transport.abort()

    def close(self) -> None:
        self.ended = True
        for end in (self.client, self.server):
            if end is not None:
                end[1].close()


class TcpProxy:
    """All sockets belong to a thread of its own; the public methods are for others."""

    link_type = Link

    def __init__(self, target: str):
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        # Bound at once, so that the address is known, and nobody else's.
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.counts = Counter()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        # Of the proxy's thread from here on.
        self._links: set[Link] = set()
        self._delay = 0.0
        self._refuses = False
        self._swallows: tuple = ()
        self._flows = asyncio.Event()
        self._flows.set()
        self._healing = None

    # --- for the test's threads

    def start(self):
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        return self

    def stop(self) -> None:
        """Resets all connections and ends the thread."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._socket.close()

    __enter__ = start

    def __exit__(self, *_) -> None:
        self.stop()

    def delay(self, seconds: float) -> None:
        self.call(lambda: setattr(self, "_delay", seconds))

    def pause(self, seconds: float | None = None) -> None:
        self._change(seconds, flows=False)

    def blackhole(self, *ways: str, seconds: float | None = None) -> None:
        self._change(seconds, swallows=ways or BOTH)

    def cut(self, seconds: float | None = None) -> None:
        self._change(seconds, refuses=True)

    def heal(self) -> None:
        self.call(self._heal)

    def links(self) -> int:
        """How many connections are open."""
        return self.call(lambda: len(self._links))

    def call(self, function):
        """Has it done by the proxy's thread, and waits for that."""
        async def done():
            return function()
        return asyncio.run_coroutine_threadsafe(done(), self._loop).result()

    # --- the proxy's thread

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, sock=self._socket,
                                                  limit=_PIECE_BYTES_MAX)

    async def _end(self) -> None:
        self._server.close()
        self._heal()
        self._reset(self._links)
        while self._links:
            await asyncio.sleep(0.001)

    def _change(self, seconds, *, flows=True, swallows=(), refuses=False) -> None:
        def change():
            delay = self._delay
            self._heal()
            self._delay = delay
            self._swallows, self._refuses = swallows, refuses
            if not flows:
                self._flows.clear()
            if refuses:
                self._reset(self._links)
            if seconds == 0:
                self._heal()
            elif seconds is not None:
                self._healing = self._loop.call_later(seconds, self._heal)
        self.call(change)

    def _heal(self) -> None:
        if self._healing:
            self._healing.cancel()
        self._healing, self._delay, self._refuses, self._swallows = None, 0.0, False, ()
        self._flows.set()
        self._reset(link for link in self._links if link.holed)

    def _reset(self, links) -> None:
        for link in list(links):
            if not link.ended:
                self.counts["reset"] += 1
                link.reset()

    async def _accept(self, *client) -> None:
        link = self.link_type(client)
        self.counts["accepted"] += 1
        self._links.add(link)
        try:
            await self._serve(link)
        except OSError:
            self._reset([link])  # what broke at one end breaks at the other
        finally:
            link.close()
            self._links.discard(link)
            self.on_end(link)

    async def _serve(self, link: Link) -> None:
        if self._refuses:
            return self._reset([link])
        if self._swallows:
            return await self._swallow_all(link)
        await self._flows.wait()
        link.server = await asyncio.open_connection(*self._target, limit=_PIECE_BYTES_MAX)
        pumps = [asyncio.create_task(self._pump(link, way)) for way in BOTH]
        try:
            done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in done:
                pump.result()
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _swallow_all(self, link: Link) -> None:
        """A connection that was opened into the blackhole: the server never hears of it."""
        while await self._read(link.client[0]):
            self.swallow(link)

    async def _pump(self, link: Link, way: str) -> None:
        reader, writer = link.ends(way)
        while piece := await self._read(reader):
            if self._delay:
                await asyncio.sleep(self._delay)
            self.counts["held"] += not self._flows.is_set()
            await self._flows.wait()
            if way in self._swallows or link.silent or not await self.may_pass(link, way, piece):
                self.swallow(link)
                continue
            try:
                writer.write(piece)
                await writer.drain()
            except OSError:
                if way == REQUESTS:
                    raise
                # The client has left; what it has sent before may still be on its way.
        if way == REQUESTS:
            await self.before_end(link)

    async def _read(self, reader) -> bytes:
        """Empty: the stream has ended, one way or the other."""
        try:
            return await self.read_piece(reader)
        except (OSError, asyncio.IncompleteReadError):
            return b""

    # --- for those who know what is carried

    def swallow(self, link: Link) -> None:
        self.counts["swallowed"] += 1
        link.holed = True

    async def read_piece(self, reader) -> bytes:
        return await reader.read(_PIECE_BYTES_MAX)

    async def may_pass(self, link: Link, way: str, piece: bytes) -> bool:
        """False: it is swallowed. May take its time, what comes behind the piece waits."""
        return True

    async def before_end(self, link: Link) -> None:
        """The client has left; the server is told when this returns."""

    def on_end(self, link: Link) -> None:
        """Both ends are closed."""
