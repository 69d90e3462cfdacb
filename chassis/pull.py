"""Deliveries of one durable consumer, pulled ahead: what has arrived is there to be taken, more is on its way.

A pull that the server has forgotten (a lost connection, a consumer made anew) is noticed by its silence and asked
again.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

from chassis.pauses import pause
from chassis.tap import Delivery

if TYPE_CHECKING:
    from chassis.bus import Bus

BATCH_MAX = 500
PULLED_AHEAD_MAX = 2 * BATCH_MAX
GATHERED_MAX = 100
"""So many do not wait for more."""
PULL_EXPIRES_SECONDS = 4.0
"""Also how long the pulls of a process that was stopped still swallow what its successor waits for: no longer than it
takes to be replaced (`pulse.SILENT_LOOKS_MAX`)."""
HEARTBEAT_SECONDS = 2.0
SILENCE_SECONDS_MAX = 2.5 * HEARTBEAT_SECONDS
"""An open pull is heard of at every heartbeat; after this long without one it is lost, and asked again."""
AWAY_SECONDS = (0.2, 0.6)
"""Before the server is asked again that did not answer, or would not."""
PULL_BYTES_MAX = 16 * 1024**2
"""Two pulls of large messages stay below what the server holds back for a connection (64 MiB) before it cuts it off."""
HEARTBEAT, EXPIRED, FULL = "100", "408", b"Message Size Exceeds MaxBytes"
"""The server's words about a pull that mean nothing is wrong; any other one means it has to be asked again later."""
COMPLETED = b"Batch Completed"
"""Said of each pull that has brought all it was asked for, as it was bounded in bytes, too."""
LAST_DELIVERED = "Nats-Last-Consumer"
"""With a heartbeat: how many deliveries the consumer has made since it was set back."""
REQUEST = json.dumps(
    {
        "batch": BATCH_MAX,
        "max_bytes": PULL_BYTES_MAX,
        "expires": int(PULL_EXPIRES_SECONDS * 1e9),
        "idle_heartbeat": int(HEARTBEAT_SECONDS * 1e9),
    }
).encode()


class Pull:
    """The open pulls of one consumer, and what they have brought; a few wait `gather` seconds for more to come."""

    def __init__(self, bus: Bus, stream: str, durable: str, gather: float = 0.0) -> None:
        self._bus = bus
        self._gather = gather
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{bus.names.stream(stream)}.{durable}"
        self._inbox = bus.client.new_inbox()
        self._arrived: list[Delivery] = []
        self._wake = asyncio.Event()
        self._outstanding = 0
        self._refused = False
        self._heard = 0.0
        self._subscription: Any = None
        self.counted = 0
        """Deliveries by the server's count, to whomever they went, as it said with the last heartbeat."""

    async def open(self) -> None:
        """Start listening."""
        self._subscription = await self._bus.tap.open(self._inbox, self._receive)

    async def unsubscribe(self) -> None:
        """Stop listening. FastStream's name for it, as it stops the subscriber."""
        if self._subscription is not None:
            await self._bus.tap.close(self._subscription)

    def _receive(self, delivery: Delivery) -> None:
        self._heard = time.monotonic()
        status = delivery.status
        if not status:
            self._arrived.append(delivery)
            self._outstanding -= 1
        elif status == HEARTBEAT:
            self.counted = int(delivery.headers.get(LAST_DELIVERED, 0))
        elif COMPLETED in delivery.raw_headers:
            return  # each of its deliveries is counted already, and another pull may be open
        else:
            self._outstanding = 0
            self._refused = status != EXPIRED and FULL not in delivery.raw_headers
        self._wake.set()

    async def take(self, seconds: float = HEARTBEAT_SECONDS) -> list[Delivery]:
        """What has arrived, at least one delivery; an empty list when the wait of so many seconds was in vain."""
        if self._refused:
            self._refused = False
            await pause(AWAY_SECONDS)
        await self._ask_ahead()
        if not self._arrived:
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), seconds)
            except TimeoutError:
                if time.monotonic() - self._heard > SILENCE_SECONDS_MAX:
                    self._outstanding = 0
                return []
        if self._gather and 0 < len(self._arrived) < GATHERED_MAX:
            await asyncio.sleep(self._gather)
        batch, self._arrived = self._arrived[:BATCH_MAX], self._arrived[BATCH_MAX:]
        return batch

    async def _ask_ahead(self) -> None:
        """Keep a pull open, without ever having more than `PULLED_AHEAD_MAX` on the way or waiting."""
        if self._outstanding <= BATCH_MAX // 2 and self._outstanding + len(self._arrived) <= BATCH_MAX:
            await self._bus.client.publish(self._next, REQUEST, reply=self._inbox)
            self._outstanding += BATCH_MAX
            self._heard = time.monotonic()

    def wake(self) -> None:
        """Let whoever waits in `take` come back."""
        self._wake.set()

    def restart(self) -> None:
        """Forget what is under way: the consumer was set back, or the connection is new."""
        self._arrived.clear()
        self._outstanding = 0
        self.counted = 0
