"""From the store to the service's own stream: every event, in store order, exactly once, the stored bytes untouched.

The event store is the outbox. The relay is fenced: each message names the sequence it must follow, so that a second
relay or a late retry is refused by the server. Where it left off is read from the stream's last message, so there is
nothing to remember and nothing to clean up.

Every few seconds the stream is held against the store. What it lost at its end is published again behind what is left;
where it lost anything else it is made again (`stream_again.py`) and published from the first event on.

A small batch is a chain (each message expects the one before it); a large one is an atomic batch, which costs
one fsync group instead of one per message.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from nats.js.errors import NotFoundError

from chassis.batch import NewEvent, StoredEvent
from chassis.bus import AWAY, Bus, BusAway
from chassis.crashpoints import crash_point
from chassis.declare import Message
from chassis.frames import Frame, Publisher
from chassis.ids import event_id
from chassis.logs import logger
from chassis.pauses import pause
from chassis.stream_again import make_again
from chassis.stream_copy import is_copy, is_from, source_of
from contracts.catalogue import STREAMS, subject_of
from contracts.envelope import percent_encoded

BATCH_MAX = 500
ATOMIC_FROM = 8
IN_MEMORY_MAX = 4_000
"""Committed events kept at hand for publishing; beyond that they are read back from the store."""
UNPUBLISHED_MAX = 20_000
"""How far the stream may fall behind before the service takes nothing new in."""
CHECK_SECONDS = 5.0
AWAY_SECONDS = (0.1, 0.4)
"""Between two attempts while the stream cannot be reached: a cluster without a leader refuses at once, for seconds."""
FOREIGN_MAX = 100
"""Messages of somebody else at the end of our stream that are stepped over; more of them stop the service."""

type Event = NewEvent | StoredEvent


class StreamAhead(Exception):
    """The stream holds what this store never wrote: it was set back, or another writes here. The service must stop."""


def never_wrote(message: Message) -> str:
    """What is said of a message of our own stream that is not in our store."""
    headers = message.headers
    return (
        f"{message.stream} has {headers['ce-id']} at position {headers['ce-sequence']}, which this store never wrote:"
        " restore the newer store, or heal it from the stream"
    )


class Relay:
    """Publishes one service's log. One instance per service."""

    def __init__(
        self,
        bus: Bus,
        service: str,
        read: Callable[[int, int], Awaitable[list[StoredEvent]]],
        last_position: Callable[[], int],
    ) -> None:
        self.published = 0
        self.lost = 0
        """Messages that the stream was found to lack; 0 again once all are published."""
        self._bus = bus
        self._publisher = Publisher(bus)
        self._service = service
        self._stream = STREAMS[service]
        self._read = read
        self._last_position = last_position
        self._tail: deque[NewEvent] = deque(maxlen=IN_MEMORY_MAX)
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._level = asyncio.Event()
        self._room.set()
        self._stream_seq: int | None = None
        self._subjects: dict[str, bytes] = {}
        self._behind_since: float | None = None
        self._got_to = 0
        self._source = source_of(service)

    @property
    def behind(self) -> int:
        """Events in the store that are not in the stream yet."""
        return max(0, self._last_position() - self.published)

    @property
    def age_seconds(self) -> float:
        """For how long something has been waiting to be published."""
        return (
            time.monotonic() - self._behind_since if self._behind_since is not None and self.behind else 0.0
        )

    def committed(self, events: Sequence[NewEvent]) -> None:
        """New events are durable: publish them. Called on the event loop."""
        self._tail.extend(events)
        if self._behind_since is None:
            self._behind_since = time.monotonic()
        self._level.clear()
        if self.behind > UNPUBLISHED_MAX:
            self._room.clear()
        self._wake.set()

    async def room(self) -> None:
        """Wait while too much is unpublished."""
        await self._room.wait()

    async def run(self) -> None:
        """Publish for ever. Raises `StreamAhead` if the stream is not this store's."""
        checked = 0.0
        while True:
            try:
                if self._stream_seq is None or time.monotonic() - checked >= CHECK_SECONDS:
                    await self._resume()
                    checked = time.monotonic()
                await self._publish_all()
                with suppress(TimeoutError):
                    await asyncio.wait_for(
                        self._wake.wait(), max(0.0, checked + CHECK_SECONDS - time.monotonic())
                    )
            except AWAY as refused:
                logger().warning(
                    "relay_interrupted", behind=self.behind, error=type(refused).__name__, detail=str(refused)
                )
                self._stream_seq = None
                await pause(AWAY_SECONDS)

    async def flush(self, seconds: float) -> None:
        """Give what is committed a last chance to be published, on the way out."""
        if self.behind:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._level.wait(), seconds)

    async def _resume(self) -> None:
        """Find where the stream ends. What it lost is published again; what it has beyond our log stops us."""
        try:
            messages, first, last = await self._bus.stream_info(self._stream)
            newest = await self._newest(messages, last)
            position = await self._last_of_ours(first, newest, is_whole=messages == last)
        except NotFoundError:
            await self._publish_anew(self.published)
            return
        if messages != last:
            await self._publish_anew(last - messages)
            return
        if position < self.published:
            self.lost = self.published - position
            logger().error(
                "stream_lost_its_end", stream=self._stream, published=self.published, found=position
            )
        self.published = position
        self._stream_seq = last
        self._note_progress()

    async def _newest(self, messages: int, last: int) -> int:
        """The sequence of the newest message there is: below the last one given, if that was deleted."""
        whole = messages in (0, last)
        return last if whole else await self._bus.newest(self._stream)

    async def _publish_anew(self, lost: int) -> None:
        """The stream is gone, or has holes: make it again, empty, and publish everything."""
        self.lost = max(lost, 1)
        logger().error("stream_lost_messages", stream=self._stream, lost=lost, detail="it is made again")
        await make_again(self._bus, self._service)
        self.published = self._stream_seq = 0
        self._note_progress()

    async def _last_of_ours(self, first: int, last: int, *, is_whole: bool) -> int:
        """The position of the newest event in the stream that this service wrote; 0 if there is none.

        Messages that somebody else put there are stepped over and reported: they are not part of any history. Any
        node of a cluster may answer, also one that has not got the newest messages yet: then it is asked again.
        """
        for seq in range(last, max(first, last - FOREIGN_MAX, 1) - 1, -1):
            message = await self._bus.message(self._stream, seq)
            if message is None and is_whole:
                raise BusAway(f"a copy of {self._stream} has no message {seq} yet")
            if message is None:
                continue
            if is_from(self._service, message):
                return await self._recognised(message)
            logger().error("foreign_message", stream=self._stream, stream_seq=seq)
        if last >= first + FOREIGN_MAX:
            raise StreamAhead(
                f"the last {FOREIGN_MAX} messages of {self._stream} are not from {self._service}"
            )
        return 0

    async def _recognised(self, message: Message) -> int:
        """The position at which we wrote this. A store that was set back and decided again gives the same ids to
        other facts, so all of the message must be ours.
        """
        position = int(message.headers["ce-sequence"])
        ours = await self._read(position - 1, 1)
        if not ours or not is_copy(self._service, message, ours[0]):
            raise StreamAhead(never_wrote(message))
        return position

    async def _publish_all(self) -> None:
        self._wake.clear()
        while self.published < self._last_position():
            events = self._at_hand() or await self._read(self.published, BATCH_MAX)
            if not events:
                return
            await self._publish(events)
            self.published = events[-1].position
            self._note_progress()

    def _note_progress(self) -> None:
        behind = self.behind
        if not behind:
            self._behind_since = None
        elif self._behind_since is None or self.published != self._got_to:  # looking again is no progress
            self._behind_since = time.monotonic()
        self._got_to = self.published
        if not behind:
            self.lost = 0
            self._level.set()
        if behind < UNPUBLISHED_MAX // 2:
            self._room.set()

    def _at_hand(self) -> list[Event]:
        """The next events from memory, if they follow what is published without a gap."""
        tail = self._tail
        while tail and tail[0].position <= self.published:
            tail.popleft()
        if not tail or tail[0].position != self.published + 1:
            return []
        return [tail[i] for i in range(min(BATCH_MAX, len(tail)))]

    async def _publish(self, events: Sequence[Event]) -> None:
        assert self._stream_seq is not None
        crash_point("before_publish")
        expected = self._stream_seq
        framed = self._batch if len(events) >= ATOMIC_FROM else self._chain
        self._stream_seq = await self._publisher.publish(framed(events, expected))
        crash_point("after_publish")

    def _chain(self, events: Sequence[Event], expected: int) -> list[Frame]:
        """Each message names the one it follows."""
        return [
            self._frame(event, b"Nats-Expected-Last-Sequence: %d\r\n" % (expected + i))
            for i, event in enumerate(events)
        ]

    def _batch(self, events: Sequence[Event], expected: int) -> list[Frame]:
        """All or none of them; the first names what they follow, the last makes it so."""
        batch = f"{self._service}-{events[0].position}-{expected}".encode()
        controls = [
            b"Nats-Batch-Id: %s\r\nNats-Batch-Sequence: %d\r\n" % (batch, i)
            for i in range(1, len(events) + 1)
        ]
        controls[0] += b"Nats-Expected-Last-Sequence: %d\r\n" % expected
        controls[-1] += b"Nats-Batch-Commit: 1\r\n"
        return [self._frame(event, control) for event, control in zip(events, controls, strict=True)]

    def _frame(self, event: Event, control: bytes) -> Frame:
        return Frame(self._subject(event), control + self._envelope(event), event.data)

    def _envelope(self, event: Event) -> bytes:
        """CloudEvents attributes: the stored ones, and those that follow from where the event stands."""
        stored = event.headers if isinstance(event, NewEvent) else event.raw_headers
        return (
            f"ce-specversion: 1.0\r\nce-id: {event_id(self._service, event.entity, event.version)}\r\n"
            f"ce-type: {event.type}\r\nce-source: {self._source}\r\n"
            f"ce-subject: {percent_encoded(event.entity)}\r\nce-sequence: {event.position}\r\n"
            f"ce-previous: {event.position - 1}\r\ndatacontenttype: application/json\r\n"
        ).encode() + stored

    def _subject(self, event: Event) -> bytes:
        subject = self._subjects.get(event.type)
        if subject is None:
            subject = self._subjects[event.type] = self._bus.names.subject(subject_of(event.type)).encode()
        return subject
