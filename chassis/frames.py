"""Several messages for a stream in one write to the connection, and the server's answer to the last of them.

nats-py's own publish makes a future, a timer and a dictionary for every message; here the bytes are ready when they
come in, and one answer says that all of them are stored.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from nats.js.errors import APIError, NoStreamResponseError

from chassis.bus import PUBLISH_TIMEOUT_SECONDS, Bus, BusAway
from chassis.crashpoints import armed, crash_point
from chassis.tap import Delivery

NO_RESPONDERS = "503"


class Frame(NamedTuple):
    """A message as it goes out: `headers` is the block of `name: value` lines, each ended by CRLF."""

    subject: bytes
    headers: bytes
    data: bytes

    def wire(self, reply: bytes = b"") -> bytes:
        """The HPUB command."""
        headers = len(self.headers) + len(b"NATS/1.0\r\n\r\n")
        return b"HPUB %s %s%d %d\r\nNATS/1.0\r\n%s\r\n%s\r\n" % (
            self.subject,
            reply + b" " if reply else b"",
            headers,
            headers + len(self.data),
            self.headers,
            self.data,
        )


class Publisher:
    """One write under way at a time."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._inbox = b""
        self._number = 0
        self._answer: asyncio.Future[Delivery] | None = None

    async def publish(self, frames: Sequence[Frame]) -> int:
        """Send all; returns the stream sequence of the last, once it is stored.

        Raises `APIError` when the server refuses it, `BusAway` and the errors in `bus.DISCONNECTED` when it is away.
        """
        if not self._bus.connected:
            raise BusAway("no connection to NATS")
        if not self._inbox:
            self._inbox = self._bus.client.new_inbox().encode()
            self._bus.on_reconnect.append(self._cut_off)
            await self._bus.tap.open(f"{self._inbox.decode()}.*", self._answered)
        self._number += 1
        self._answer = asyncio.get_running_loop().create_future()
        *others, last = frames
        if others:
            await self._send(b"".join([frame.wire() for frame in others]))
            if armed("mid_publish"):
                await self._bus.client.flush()
                crash_point("mid_publish")
        await self._send(last.wire(b"%s.%d" % (self._inbox, self._number)))
        await self._bus.client._flush_pending()
        return _sequence(await asyncio.wait_for(self._answer, PUBLISH_TIMEOUT_SECONDS))

    async def _cut_off(self) -> None:
        """The connection is a new one: an answer on the one before does not come any more."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(BusAway("the connection was lost before the answer came"))

    async def _send(self, wire: bytes) -> None:
        await self._bus.client._send_command(wire)

    def _answered(self, delivery: Delivery) -> None:
        """The answer to the write under way; one to an earlier write, given up since, is of no use any more."""
        number = delivery.subject.rpartition(b".")[2]
        if self._answer is not None and not self._answer.done() and int(number) == self._number:
            self._answer.set_result(delivery)


def _sequence(answer: Delivery) -> int:
    if answer.status == NO_RESPONDERS:
        raise NoStreamResponseError
    stored: dict[str, Any] = json.loads(answer.data)
    if "error" in stored:
        raise APIError.from_error(stored["error"])
    return int(stored["seq"])
