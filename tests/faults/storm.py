"""Webhooks at a steady pace, whatever is answered: what a storm is made of.

The client does little more than write prepared bytes and read a status: it shares the machine with the shop that it
stands against, and must not be the first to give in.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice

from tests.faults.trouble import last

ACCEPTED, TURNED_AWAY = 202, 429
TICK_SECONDS = 0.002
HEARD_WITHIN_SECONDS = 60.0
END_OF_HEAD, LENGTH, RETRY_AFTER = b"\r\n\r\n", b"Content-Length: ", b"Retry-After: "

type Request = Callable[[int], bytes]
"""The bytes of a numbered request."""


@dataclass
class Offered:
    """What became of the webhooks that were offered."""

    accepted: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    """From the request to the answer, of each that was accepted."""
    turned_away: int = 0
    """With a 429 that says when to come again."""
    otherwise: list[bytes] = field(default_factory=list)
    """Heads of all other answers."""
    unsent: int = 0
    """For want of a connection that had its answer."""

    @property
    def p99(self) -> float:
        """Of the accepted, in seconds."""
        return sorted(self.seconds)[int(len(self.seconds) * 0.99)]

    def note(self, number: int, seconds: float, head: bytes) -> None:
        """Count an answer by its head."""
        status = int(head.split(b" ", 2)[1])
        if status == ACCEPTED:
            self.accepted.append(number)
            self.seconds.append(seconds)
        elif status == TURNED_AWAY and int(_value(head, RETRY_AFTER)) > 0:
            self.turned_away += 1
        else:
            self.otherwise.append(head)


def _value(head: bytes, name: bytes) -> bytes:
    return head.partition(name)[2].partition(b"\r\n")[0] or b"0"


class Line(asyncio.Protocol):
    """A connection that is kept, with one request under way at most."""

    def __init__(self, answered: Callable[[Line, int, float, bytes], None]) -> None:
        self._answered = answered
        self._got = b""
        self._number = 0
        self._since = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, number: int, request: bytes) -> None:
        """Send a request."""
        assert self._transport is not None
        self._number, self._got, self._since = number, b"", time.monotonic()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, end, body = self._got.partition(END_OF_HEAD)
        head += b"\r\n"
        if end and len(body) >= int(_value(head, LENGTH)):
            self._answered(self, self._number, time.monotonic() - self._since, head)

    def close(self) -> None:
        """Hang up."""
        assert self._transport is not None
        self._transport.close()


class Crowd:
    """So many connections; `offered` is what became of all that they sent."""

    def __init__(self, lines_max: int) -> None:
        self.offered = Offered()
        self._free: asyncio.Queue[Line] = asyncio.Queue(lines_max)

    async def one_after_another(self, numbers: Iterable[int], request: Request) -> None:
        """Send these, each as soon as a line has its answer; return when all have theirs."""
        async with asyncio.timeout(HEARD_WITHIN_SECONDS):
            for number in numbers:
                (await self._free.get()).ask(number, request(number))
        await self._all_heard()

    async def storm(self, numbers: Iterator[int], request: Request, per_second: float, seconds: float) -> int:
        """Send so many a second, then wait for the answers; returns how many were sent."""
        began, sent = time.monotonic(), 0
        while (now := time.monotonic() - began) < seconds:
            for number in islice(numbers, int(now * per_second) - sent):
                self._send(number, request)
                sent += 1
            await last(TICK_SECONDS)
        await self._all_heard()
        return sent

    def _send(self, number: int, request: Request) -> None:
        try:
            self._free.get_nowait().ask(number, request(number))
        except asyncio.QueueEmpty:
            self.offered.unsent += 1

    async def _all_heard(self) -> None:
        async with asyncio.timeout(HEARD_WITHIN_SECONDS):
            free = [await self._free.get() for _ in range(self._free.maxsize)]
        for line in free:
            self._free.put_nowait(line)

    def _heard(self, line: Line, number: int, seconds: float, head: bytes) -> None:
        self.offered.note(number, seconds, head)
        self._free.put_nowait(line)


@asynccontextmanager
async def crowd(host: str, port: int, lines_max: int) -> AsyncIterator[Crowd]:
    """Connections that are open during the block."""
    loop, gathered, lines = asyncio.get_running_loop(), Crowd(lines_max), list[Line]()
    try:
        for _ in range(lines_max):
            _, line = await loop.create_connection(lambda: Line(gathered._heard), host, port)
            lines.append(line)
            gathered._free.put_nowait(line)
        yield gathered
    finally:
        for line in lines:
            line.close()
