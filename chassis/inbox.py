"""Reading the source streams: in order, without a gap, each message once.

FastStream owns the subscription; this one pulls ahead and hands over whatever has arrived, so that an idle system
answers in milliseconds and a busy one fills its batches. The position of each source lives in the store
(compare-and-set); acknowledging is only flow control.

Three traps are closed here. After a lost connection JetStream delivers newer messages first: the consumer's own
sequence must be contiguous, or the consumer is set back to our position. A stream that was lost and republished has
other sequences: the position is the producer's `ce-sequence`, so what was already applied is dropped. And a process
that we took over from may wake up and set the shared consumer back in its turn. It makes sure first that the store is
still its own. Should it be stopped between that and the setting back, it sets the consumer to where it had committed,
which is where we began or before: so the n-th message from there is one that we have already, or the next one, and
nothing is hidden from us. Stream sequences must rise, too, so that we set the consumer back as soon as we see it. What
it took off the consumer before it stopped is delivered to nobody else for half a minute; the server's heartbeats count
every delivery, so we see that one went elsewhere, and set the consumer back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from faststream import AckPolicy
from faststream.nats import JStream, PullSub
from faststream.nats.message import NatsBatchMessage
from faststream.nats.subscriber.usecases.stream_pull_subscriber import BatchPullStreamSubscriber

from chassis.batch import Position
from chassis.bus import AWAY, DISCONNECTED, Bus
from chassis.crashpoints import crash_point
from chassis.declare import Message
from chassis.deliveries import moment_of, producer_position, sequences_of
from chassis.event_store import StalePosition
from chassis.items import RAW_STREAM, Incoming, Unnumbered
from chassis.logs import logger
from chassis.pauses import pause
from chassis.pull import AWAY_SECONDS, BATCH_MAX, Pull
from chassis.tap import Delivery
from chassis.wholeness import Wholeness

ACKNOWLEDGE_EVERY = BATCH_MAX
ACKNOWLEDGE_SECONDS = 0.1
"""Messages that are applied are acknowledged together: after so many, or so long after the first of them."""

type Take = Callable[[Sequence[Incoming | Unnumbered]], Awaitable[None]]
"""Decide and commit these messages; returns once they are durable."""


class StreamLost(Exception):
    """A stream that nobody can publish again ends before what was read of it; going on would pass new messages over."""


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
            except AWAY as away:
                logger().warning("source_away", stream=self.source.stream, error=repr(away))
                await pause(AWAY_SECONDS)
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
        position_of: Callable[[str], Position | None],
        take: Take,
        sure: Callable[[], Awaitable[None]],
        gathers: Mapping[str, float] | None = None,
    ) -> None:
        self._bus = bus
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sources = [
            Source(
                bus, service, stream, position_of, take, sure, self._fail, (gathers or {}).get(stream, 0.0)
            )
            for stream in sources
        ]
        for source in self._sources:
            source.subscribe(sources[source.stream])

    async def start(self) -> None:
        """Set every consumer back to our position and start reading. Raises `StreamLost`."""
        for source in self._sources:
            await source.start()
        self._bus.on_reconnect.append(self.read_again)

    async def watch(self) -> None:
        """Wait until a source cannot be read any more, which none should; raises why."""
        await self._failed

    async def stop(self) -> None:
        """Take nothing more in; what was handed over is finished by its taker."""
        self._bus.on_reconnect.remove(self.read_again)
        for source in self._sources:
            await source.stop()

    async def read_again(self) -> None:
        """Set every consumer back to our position: after a reconnection, what was on the way is lost."""
        for source in self._sources:
            source.set_back()

    def _fail(self, reason: Exception) -> None:
        if not self._failed.done():
            self._failed.set_exception(reason)


class Source:
    """One source stream: where it was read to, and the check that nothing is left out."""

    def __init__(
        self,
        bus: Bus,
        service: str,
        stream: str,
        position_of: Callable[[str], Position | None],
        take: Take,
        sure: Callable[[], Awaitable[None]],
        fail: Callable[[Exception], None],
        gather: float = 0.0,
    ) -> None:
        self.stream = stream
        self.pull: Pull
        self.subscriber: SourceSubscriber
        self._bus = bus
        self._service = service
        self._durable = bus.names.durable(service)
        self._position_of = position_of
        self._take = take
        self._sure = sure
        self._fail = fail
        self._gather = gather
        self._wholeness = Wholeness(bus, stream)
        self._stale = False
        self._delivered = 0
        self._read_to = 0
        self._unacknowledged = 0
        self._last_reply = b""
        self._acknowledging: asyncio.Task[None] | None = None

    def subscribe(self, subjects: tuple[str, ...]) -> None:
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
            title=f"{self._service} reads {self.stream}",
        )
        subscriber(self._handle)
        subscriber.__class__ = SourceSubscriber
        subscriber.source = self
        self.subscriber = subscriber

    async def start(self) -> None:
        """Begin after our position; as soon as the bus answers, if it does not now. Raises `StreamLost`."""
        self.pull = Pull(self._bus, self.stream, self._durable, self._gather)
        try:
            await self._reset()
        except AWAY as away:
            logger().warning("source_away", stream=self.stream, error=repr(away))
            self._stale = True
        await self.subscriber.start()

    async def stop(self) -> None:
        """Read no more, and tell the server how far it went."""
        await self.subscriber.stop()
        if self._acknowledging is not None:
            self._acknowledging.cancel()
        await self._acknowledge_now()

    async def next_batch(self) -> list[Delivery]:
        """What has arrived next, after setting the consumer back if it has to be."""
        try:
            await self._sure()  # whoever was stopped asks before it takes what may be another's by now
            if self._stale:
                await self._reset()
        except (StreamLost, StalePosition) as reason:
            self._fail(reason)
            await asyncio.Event().wait()
        batch = await self.pull.take()
        if not batch and self.pull.counted > self._delivered:
            logger().warning("delivered_elsewhere", stream=self.stream, delivered=self._delivered)
            self.set_back()
        return batch

    def set_back(self) -> None:
        """Before the next batch, start again after our position."""
        self._stale = True
        self.pull.wake()

    async def _reset(self) -> None:
        """Set the consumer to the message after our position, wherever that stands in the stream now."""
        known = self._position_of(self.stream)
        start = await self._stream_seq_after(known) if known else 1
        if self.stream != RAW_STREAM:
            await self._wholeness.begin()
        await self._sure()
        # Forget first: an open pull may bring the first message after the reset before its answer is here.
        self.pull.restart()
        self._delivered = 0
        self._read_to = 0
        self._unacknowledged = 0
        await self._bus.looking.reset_consumer(self._bus.names.stream(self.stream), self._durable, start)
        self.pull.counted = 0  # a heartbeat may have been on its way with the count from before
        self._stale = False

    async def _stream_seq_after(self, known: Position) -> int:
        """Trust the remembered stream sequence only if our position stands there; otherwise read from the start."""
        if self.stream == RAW_STREAM:
            _, _, last = await self._bus.stream_info(self.stream)
            if last < known.stream_seq:
                raise StreamLost(
                    f"{self.stream} ends at {last}, but was read up to {known.stream_seq}: it was lost and made anew."
                    " Put the backup's messages back (`doorstep restore-channels DIR`), or, where there is none, delete"
                    f" it and run `python -m chassis.bootstrap --channels-from {known.stream_seq + 1}`"
                )
            return known.stream_seq + 1
        found = await self._bus.message(self.stream, known.stream_seq)
        if found is not None and found.headers.get("ce-sequence") == str(known.position):
            return known.stream_seq + 1
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
        if items and self.stream != RAW_STREAM and not await self._wholeness.holds():
            self.set_back()
            return
        try:
            if items:
                await self._take(items)
        except BaseException:
            self.set_back()  # nothing of it may count as read
            raise
        self._unacknowledged += len(deliveries)
        self._last_reply = deliveries[-1].reply
        await self._acknowledge()

    async def _acknowledge(self) -> None:
        """Now and then is enough: the position is in the store, this only lets the server send more."""
        if self._acknowledging is None and self._unacknowledged < ACKNOWLEDGE_EVERY:
            self._acknowledging = asyncio.create_task(self._acknowledge_soon())
        elif self._unacknowledged >= ACKNOWLEDGE_EVERY:
            await self._acknowledge_now()

    async def _acknowledge_soon(self) -> None:
        await asyncio.sleep(ACKNOWLEDGE_SECONDS)
        self._acknowledging = None
        await self._acknowledge_now()

    async def _acknowledge_now(self) -> None:
        if not self._unacknowledged:
            return
        self._unacknowledged = 0
        try:
            await self._bus.client.publish(self._last_reply.decode(), b"+ACK")
        except DISCONNECTED:
            self.set_back()
        crash_point("after_acknowledge")

    def _open(self, deliveries: list[Delivery]) -> list[Incoming | Unnumbered] | None:
        """Messages not yet applied, in order; None if the consumer left something out."""
        known = self._position_of(self.stream)
        applied = known.position if known else 0
        items: list[Incoming | Unnumbered] = []
        for delivery in deliveries:
            stream_seq, consumer_seq, stamp = sequences_of(delivery.reply)
            if consumer_seq != self._delivered + 1 or stream_seq <= self._read_to:
                return None
            self._delivered, self._read_to = consumer_seq, stream_seq
            headers = delivery.headers
            message = Message(
                self.stream,
                stream_seq,
                delivery.subject.decode(),
                headers,
                delivery.data,
                moment_of(headers, stamp),
            )
            position = stream_seq if self.stream == RAW_STREAM else producer_position(headers, stream_seq)
            if position is None:
                items.append(Unnumbered(message))
            elif position > applied:
                applied = position
                items.append(Incoming(message, position))
        return items


async def _as_batch(deliveries: Any) -> NatsBatchMessage:
    """FastStream's view of a batch: nothing parsed, nothing decoded."""
    return NatsBatchMessage(
        raw_message=deliveries, body=b"", headers={}, path={}, message_id="-", correlation_id="-"
    )


async def _as_delivered(message: Any) -> Any:
    return message.raw_message
