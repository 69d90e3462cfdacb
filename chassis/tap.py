"""Raw deliveries from nats-py's connection: bytes as they came, without a `Msg`, a queue and a task per message.

nats-py hands every delivery to `client._process_msg`; deliveries of tapped subscriptions go straight to their receiver.
This leans on an internal of nats-py 2.16, which is pinned; tests/chassis/test_outages.py fails when it changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from nats.aio.client import Client

HEADER_LINE_BYTES = len(b"NATS/1.0")


class Delivery(NamedTuple):
    """One message off the wire."""

    subject: bytes
    reply: bytes
    data: bytes
    raw_headers: bytes

    @property
    def status(self) -> str:
        """The server's inline status (`404`, `408`, `409`, `100`), or an empty text for a real message."""
        block = self.raw_headers
        if len(block) > HEADER_LINE_BYTES and block[HEADER_LINE_BYTES] == 0x20:
            return block[HEADER_LINE_BYTES + 1 : HEADER_LINE_BYTES + 4].decode()
        return ""

    @property
    def headers(self) -> dict[str, str]:
        """Headers by name; the last one wins. A line without a colon is no header."""
        lines = self.raw_headers.decode("utf-8", "replace").split("\r\n")
        try:
            return dict([line.split(": ", 1) for line in lines[1:-2]])  # a wrong length raises
        except ValueError:
            return {
                name: value.strip() for name, colon, value in (line.partition(":") for line in lines) if colon
            }


class Tap:
    """Catches the deliveries of chosen subscriptions of one client."""

    def __init__(self, client: Client) -> None:
        self._receivers: dict[int, Callable[[Delivery], None]] = {}
        self._pass_on = client._process_msg
        client._process_msg = self._process  # type: ignore[method-assign]
        self._client = client

    async def open(self, subject: str, receive: Callable[[Delivery], None]) -> Any:
        """Subscribe, giving every delivery to `receive` at once, on the event loop."""
        subscription = await self._client.subscribe(subject)
        self._receivers[subscription._id] = receive
        return subscription

    async def close(self, subscription: Any) -> None:
        """End a tapped subscription."""
        self._receivers.pop(subscription._id, None)
        if self._client.is_connected:
            await subscription.unsubscribe()

    async def _process(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        receive = self._receivers.get(sid)
        if receive is None:
            await self._pass_on(sid, subject, reply, data, headers)
        else:
            receive(Delivery(bytes(subject), bytes(reply or b""), bytes(data), bytes(headers or b"")))
