"""A bad network: a TCP proxy that delays, slices, throttles, falls silent (also one way only), cuts and forgets.

It runs in a thread of its own, so that traffic goes on while a test waits. Each connection has the name by which its
client introduced itself (NATS clients do), so that one service can be cut off while the others talk on. What falls
into a silence is kept and arrives afterwards, in order, as TCP's own repetitions would bring it.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

PIECE_BYTES = 64 * 1024
PIECES_ON_THE_WAY_MAX = 64
"""Beyond them the sender is not read from, as its network would not take more."""
CONNECT_NAME = re.compile(rb'"name": *"([^"]*)"')
WITHOUT_GOODBYE = struct.pack("ii", 1, 0)
HOST = "127.0.0.1"
ANSWERS_WITHIN_SECONDS = 20.0


class Way(StrEnum):
    """Where bytes go."""

    THERE = "from the client to the server"
    BACK = "from the server to the client"


@dataclass(frozen=True)
class Weather:
    """How the network is. The default is fair.

    `delay_seconds` is drawn between two bounds for each piece, whose order stays; `slice_bytes` is what one packet
    holds; `refuses` resets whoever wants to connect.
    """

    delay_seconds: tuple[float, float] = (0.0, 0.0)
    slice_bytes: int = PIECE_BYTES
    bytes_per_second: int = 0
    silent: frozenset[Way] = frozenset()
    refuses: bool = False


FAIR = Weather()
CUT_OFF = Weather(silent=frozenset(Way))


@dataclass
class Seen:
    """What the proxy did: the proof that a fault happened."""

    links: int = 0
    cut: int = 0
    abandoned: int = 0
    refused: int = 0
    slices: int = 0
    passed_bytes: Counter[Way] = field(default_factory=Counter)
    held_pieces: Counter[Way] = field(default_factory=Counter)


class Proxy:
    """Stands before one port of this machine, on another. Its methods may be called from any thread."""

    def __init__(self, server_port: int, port: int = 0, seed: int = 0) -> None:
        self.port = port
        self.seen = Seen()
        self.changed = asyncio.Event()
        self.random = Random(seed)
        self._server_port = server_port
        self._weather = {"": FAIR}
        self._links: set[Link] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy of {server_port}")
        self._thread.start()
        self._listener = self._run(self._listen())

    @property
    def url(self) -> str:
        """Where a NATS client finds it."""
        return f"nats://{HOST}:{self.port}"

    def weather_of(self, name: str) -> Weather:
        """The weather for a connection of this name."""
        return self._weather.get(name, self._weather[""])

    def let(self, weather: Weather, *names: str) -> None:
        """From now on this is the weather for these names; for all who have none of their own, if none is named."""
        self._do(self._change, dict.fromkeys(names or ("",), weather))

    def heal(self, *names: str) -> None:
        """Fair weather again, for these names or for everybody."""
        self._do(self._change, dict.fromkeys(names or self._weather, FAIR))

    def cut(self, *names: str) -> int:
        """Reset the connections of these names, or all; returns how many those were."""
        return self._do(self._each, Link.cut, names)

    def abandon(self, *names: str) -> int:
        """Half-open: the server sees these connections end, their clients are not told; returns how many."""
        return self._do(self._each, Link.abandon, names)

    def standing(self, name: str) -> int:
        """How many connections of this name there are right now."""
        return self._do(lambda: sum(link.stands and link.name == name for link in self._links))

    def close(self) -> None:
        """End everything."""
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do[T, **P](self, act: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        async def done() -> T:
            return act(*arguments, **named)

        return self._run(done())

    def _run[T](self, work: Coroutine[None, None, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(ANSWERS_WITHIN_SECONDS)

    async def _listen(self) -> asyncio.Server:
        listener = await asyncio.start_server(self._accept, HOST, self.port)
        self.port = listener.sockets[0].getsockname()[1]
        return listener

    def _change(self, weather: dict[str, Weather]) -> None:
        self._weather |= weather
        self.changed.set()
        self.changed = asyncio.Event()

    def _each(self, act: Callable[[Link], None], names: tuple[str, ...]) -> int:
        found = [link for link in self._links if link.stands and (not names or link.name in names)]
        for link in found:
            act(link)
        return len(found)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.weather_of("").refuses:
                raise ConnectionRefusedError
            server = await asyncio.open_connection(HOST, self._server_port)
        except ConnectionError:
            self.seen.refused += 1
            writer.transport.abort()
            return
        self.seen.links += 1
        link = Link(self, (reader, writer), server)
        self._links.add(link)
        try:
            await link.carry()
        finally:
            self._links.discard(link)

    async def _end(self) -> None:
        self._listener.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


type Side = tuple[asyncio.StreamReader, asyncio.StreamWriter]
type Road = asyncio.Queue[tuple[float, bytes]]


class Link:
    """One connection through the proxy."""

    def __init__(self, proxy: Proxy, client: Side, server: Side) -> None:
        self.name = ""
        self.stands = True
        self._proxy = proxy
        self._client, self._server = client, server
        self._is_forgotten = False

    async def carry(self) -> None:
        """Until both ends are closed, or one is reset."""
        (from_client, to_client), (from_server, to_server) = self._client, self._server
        try:
            async with asyncio.TaskGroup() as ways:
                for way, reader, writer in (
                    (Way.THERE, from_client, to_server),
                    (Way.BACK, from_server, to_client),
                ):
                    road: Road = asyncio.Queue(PIECES_ON_THE_WAY_MAX)
                    ways.create_task(self._take(way, reader, road))
                    ways.create_task(self._bring(way, writer, road))
            to_client.close()
            to_server.close()
        except* ConnectionError:
            self._reset(to_client)
            self._reset(to_server)
        finally:
            self.stands = False

    def cut(self) -> None:
        """Both ends see a reset."""
        self.stands = False
        self._proxy.seen.cut += 1
        self._reset(self._client[1])
        self._reset(self._server[1])

    def abandon(self) -> None:
        """The server's end is reset; the client's stands, and nobody is there."""
        self.stands = False
        self._is_forgotten = True
        self._proxy.seen.abandoned += 1
        self._reset(self._server[1])

    async def _take(self, way: Way, reader: asyncio.StreamReader, road: Road) -> None:
        """Read until the end, which is an empty piece; each piece gets the time at which it is due."""
        clock, due, piece = asyncio.get_running_loop().time, 0.0, b"."
        while piece:
            piece = await self._read(reader)
            self._introduce(way, piece)
            if self._is_forgotten:
                if way is Way.THERE and not piece:
                    raise ConnectionResetError("the client has given up")
                continue
            due = max(due, clock() + self._proxy.random.uniform(*self._weather.delay_seconds))
            await road.put((due, piece))

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.read(PIECE_BYTES)
        except ConnectionError:
            return b""

    def _introduce(self, way: Way, piece: bytes) -> None:
        if way is Way.THERE and not self.name and (found := CONNECT_NAME.search(piece)):
            self.name = found[1].decode()

    async def _bring(self, way: Way, writer: asyncio.StreamWriter, road: Road) -> None:
        loop, is_over = asyncio.get_running_loop(), False
        while not is_over:
            due, piece = await road.get()
            await self._until_heard(way)
            await asyncio.sleep(max(0.0, due - loop.time()))
            is_over = not piece
            if not self._is_forgotten:
                await self._write(way, writer, piece)
        with suppress(OSError):
            writer.write_eof()

    async def _until_heard(self, way: Way) -> None:
        held = False
        while way in self._weather.silent:
            self._proxy.seen.held_pieces[way] += not held
            held = True
            await self._proxy.changed.wait()

    async def _write(self, way: Way, writer: asyncio.StreamWriter, piece: bytes) -> None:
        seen = self._proxy.seen
        while piece:
            weather = self._weather
            packet, piece = piece[: weather.slice_bytes], piece[weather.slice_bytes :]
            writer.write(packet)
            await writer.drain()
            seen.slices += 1
            seen.passed_bytes[way] += len(packet)
            if weather.bytes_per_second:
                await asyncio.sleep(len(packet) / weather.bytes_per_second)

    @property
    def _weather(self) -> Weather:
        return self._proxy.weather_of(self.name)

    @staticmethod
    def _reset(writer: asyncio.StreamWriter) -> None:
        end: socket.socket | None = writer.get_extra_info("socket")
        if end is not None and end.fileno() >= 0:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, WITHOUT_GOODBYE)
        writer.transport.abort()


@contextmanager
def proxy_before(server_port: int, port: int = 0, seed: int = 0) -> Iterator[Proxy]:
    """A proxy for the length of a block."""
    proxy = Proxy(server_port, port, seed)
    try:
        yield proxy
    finally:
        proxy.close()
