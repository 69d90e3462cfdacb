"""Reading the source streams: in order, without a gap, each message once.

FastStream owns the subscription; this one pulls ahead and hands over whatever has arrived, so that an idle system
answers in milliseconds and a busy one fills its batches. The position of each source lives in the store
(compare-and-set); acknowledging is only flow control.

Two traps are closed here. After a lost connection JetStream delivers newer messages first: the consumer's own sequence
must be contiguous, or the consumer is set back to our position. And a stream that was lost and republished has other
sequences: the position is the producer's `ce-sequence`, so what was already applied is dropped.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from faststream import AckPolicy
from faststream.nats import JStream, PullSub
from faststream.nats.message import NatsBatchMessage
from faststream.nats.subscriber.usecases.stream_pull_subscriber import BatchPullStreamSubscriber
from nats.js.errors import APIError

from chassis.bus import DISCONNECTED, Bus, pull_request
from chassis.clock import from_rfc3339
from chassis.crashpoints import crash_point
from chassis.declare import Message
from chassis.logs import logger
from chassis.reactor import RAW_STREAM, Incoming
from chassis.tap import Delivery

BATCH_MAX = 500
PULLED_AHEAD_MAX = 2 * BATCH_MAX
PULL_EXPIRES_SECONDS = 20.0
HEARTBEAT_SECONDS = 2.0
SILENCE_SECONDS_MAX = 2.5 * HEARTBEAT_SECONDS
"""An open pull is heard of at every heartbeat; after this long without one it is lost, and asked again."""
AWAY_SECONDS = 0.25
HEARTBEAT, EXPIRED = "100", "408"
"""The server's words about a pull that mean nothing is wrong; any other one means it has to be asked again later."""

type Take = Callable[[list[Incoming]], Awaitable[None]]
"""Decide and commit these messages; returns once they are durable."""


class Pull:
    """Deliveries of one durable consumer, pulled ahead."""

    def __init__(self, bus: Bus, stream: str, durable: str) -> None:
        self._bus = bus
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{bus.names.stream(stream)}.{durable}"
        self._inbox = bus.client.new_inbox()
        self._arrived: list[Delivery] = []
        self._wake = asyncio.Event()
        self._outstanding = 0
        self._refused = False
        self._heard = 0.0
        self._subscription: Any = None

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
        elif status != HEARTBEAT:
            self._outstanding = 0
            self._refused = status != EXPIRED
        self._wake.set()

    async def take(self) -> list[Delivery]:
        """What has arrived, at least one delivery; an empty list when the wait was in vain."""
        if self._refused:
            self._refused = False
            await asyncio.sleep(AWAY_SECONDS)
        await self._ask_ahead()
        if not self._arrived:
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), HEARTBEAT_SECONDS)
            except TimeoutError:
                if time.monotonic() - self._heard > SILENCE_SECONDS_MAX:
                    self._outstanding = 0
                return []
        batch, self._arrived = self._arrived[:BATCH_MAX], self._arrived[BATCH_MAX:]
        return batch

    async def _ask_ahead(self) -> None:
        """Keep a pull open, without ever having more than `PULLED_AHEAD_MAX` on the way or waiting."""
        if self._outstanding <= BATCH_MAX // 2 and self._outstanding + len(self._arrived) <= BATCH_MAX:
            await self._bus.client.publish(
                self._next,
                pull_request(BATCH_MAX, PULL_EXPIRES_SECONDS, HEARTBEAT_SECONDS),
                reply=self._inbox,
            )
            self._outstanding += BATCH_MAX
            self._heard = time.monotonic()

    def wake(self) -> None:
        """Let whoever waits in `take` come back."""
        self._wake.set()

    def restart(self) -> None:
        """Forget what is under way: the consumer was set back, or the connection is new."""
        self._arrived.clear()
        self._outstanding = 0


class SourceSubscriber(BatchPullStreamSubscriber):
    """FastStream's batch pull subscriber, taking what is there instead of waiting for a full batch."""

    __slots__ = ()

    source: Source

    async def _create_subscription(self) -> None:
        if self.subscription:
            return
        self.subscription = self.source.pull  # type: ignore[assignment]
        await self.source.pull.open()
        self.add_task(self._consume_pull)

    async def _consume_pull(self) -> None:
        while self.running:
            try:
                batch = await self.source.next_batch()
            except (*DISCONNECTED, APIError) as away:
                logger().warning("source_away", stream=self.source.stream, error=type(away).__name__)
                await asyncio.sleep(AWAY_SECONDS)
                continue
            if batch and self.running:
                await self.consume(batch)


class Inbox:
    """The source streams of one service."""

    def __init__(
        self,
        bus: Bus,
        service: str,
        sources: dict[str, tuple[str, ...]],
        position_of: Callable[[str], Any],
        take: Take,
    ) -> None:
        self._bus = bus
        self._durable = bus.names.durable(service)
        self._position_of = position_of
        self._take = take
        self._sources = [Source(bus, stream, self._durable, position_of, take) for stream in sources]
        for source in self._sources:
            source.subscribe(service, sources[source.stream])

    async def start(self) -> None:
        """Set every consumer back to our position and start reading."""
        for source in self._sources:
            source.pull = Pull(self._bus, source.stream, self._durable)
            await source.reset()
            await source.subscriber.start()
        self._bus.on_reconnect.append(self.read_again)

    async def stop(self) -> None:
        """Take nothing more in; what was handed over is finished by its taker."""
        self._bus.on_reconnect.remove(self.read_again)
        for source in self._sources:
            await source.subscriber.stop()

    async def read_again(self) -> None:
        """Set every consumer back to our position: after a reconnection, what was on the way is lost."""
        for source in self._sources:
            source.set_back()


class Source:
    """One source stream: where it was read to, and the check that nothing is left out."""

    def __init__(
        self, bus: Bus, stream: str, durable: str, position_of: Callable[[str], Any], take: Take
    ) -> None:
        self.stream = stream
        self._stale = False
        self.pull: Pull
        self.subscriber: SourceSubscriber
        self._bus = bus
        self._durable = durable
        self._position_of = position_of
        self._take = take
        self._delivered = 0

    def subscribe(self, service: str, subjects: tuple[str, ...]) -> None:
        """Register with FastStream's broker."""
        names = self._bus.names
        subscriber: Any = self._bus.broker.subscriber(
            names.subject(subjects[0] if len(subjects) == 1 else f"evt.{self.stream.lower()}.>"),
            stream=JStream(names.stream(self.stream), declare=False),
            durable=self._durable,
            pull_sub=PullSub(BATCH_MAX, 5.0, batch=True),
            ack_policy=AckPolicy.MANUAL,
            decoder=_as_delivered,
            parser=_as_batch,
            title=f"{service} reads {self.stream}",
        )
        subscriber(self._handle)
        subscriber.__class__ = SourceSubscriber
        subscriber.source = self
        self.subscriber = subscriber

    async def next_batch(self) -> list[Delivery]:
        """What has arrived next, after setting the consumer back if it has to be."""
        if self._stale:
            await self.reset()
        return await self.pull.take()

    def set_back(self) -> None:
        """Before the next batch, start again after our position."""
        self._stale = True
        self.pull.wake()

    async def reset(self) -> None:
        """Set the consumer to the message after our position, wherever that stands in the stream now."""
        known = self._position_of(self.stream)
        start = await self._stream_seq_after(known) if known else 1
        await self._bus.jetstream.reset_consumer(self._bus.names.stream(self.stream), self._durable, start)
        self._delivered = 0
        self._stale = False
        self.pull.restart()

    async def _stream_seq_after(self, known: Any) -> int:
        """Trust the remembered stream sequence only if our position stands there; otherwise read from the start."""
        if self.stream == RAW_STREAM:
            return int(known.stream_seq) + 1
        found = await self._bus.message(self.stream, known.stream_seq)
        if found is not None and found.headers.get("ce-sequence") == str(known.position):
            return int(known.stream_seq) + 1
        logger().warning("stream_renumbered", stream=self.stream, position=known.position)
        return 1

    async def _handle(self, deliveries: list[Delivery]) -> None:
        """One batch: checked for gaps, decided, committed, acknowledged."""
        if self._stale:
            return
        items = self._open(deliveries)
        if items is None:
            logger().warning("delivery_gap", stream=self.stream, delivered=self._delivered)
            self.set_back()
            return
        try:
            if items:
                await self._take(items)
            await self._bus.client.publish(deliveries[-1].reply.decode(), b"+ACK")
        except DISCONNECTED:
            self.set_back()
        crash_point("after_acknowledge")

    def _open(self, deliveries: list[Delivery]) -> list[Incoming] | None:
        """Messages not yet applied, in order; None if the consumer left something out."""
        known = self._position_of(self.stream)
        applied = known.position if known else 0
        items: list[Incoming] = []
        for delivery in deliveries:
            stream_seq, consumer_seq, stamp = _sequences(delivery.reply)
            if consumer_seq != self._delivered + 1:
                return None
            self._delivered = consumer_seq
            headers = delivery.headers
            position = stream_seq if self.stream == RAW_STREAM else int(headers.get("ce-sequence", 0))
            if position <= applied:
                continue
            applied = position
            time_text = headers.get("ce-time")
            moment = from_rfc3339(time_text) if time_text else datetime.fromtimestamp(stamp / 1e9, UTC)
            items.append(
                Incoming(
                    Message(
                        self.stream, stream_seq, delivery.subject.decode(), headers, delivery.data, moment
                    ),
                    position,
                )
            )
        return items


def _sequences(reply: bytes) -> tuple[int, int, int]:
    """(stream sequence, consumer sequence, nanoseconds) from an acknowledgement subject, v1 or v2."""
    tokens = reply.split(b".")
    stream_seq, consumer_seq, stamp = (
        (tokens[5], tokens[6], tokens[7]) if len(tokens) < 11 else (tokens[7], tokens[8], tokens[9])
    )
    return int(stream_seq), int(consumer_seq), int(stamp)


async def _as_batch(deliveries: Any) -> NatsBatchMessage:
    """FastStream's view of a batch: nothing parsed, nothing decoded."""
    return NatsBatchMessage(
        raw_message=deliveries, body=b"", headers={}, path={}, message_id="-", correlation_id="-"
    )


async def _as_delivered(message: Any) -> Any:
    return message.raw_message
