"""I10: a service's stream is its store, byte for byte, and consumers keep up with it.

Looked at while the system runs: a relay or a consumer that is behind gets a few seconds to catch up with the
snapshot. One that moves is counted as lag; one that stands still is a fault.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Protocol

from chassis.batch import StoredEvent
from chassis.declare import Message
from chassis.event_store import Store
from contracts.catalogue import BY_TYPE, STREAMS
from ops.verify.evidence import Evidence, spot
from ops.verify.verdict import Tally, Verdict

FULL_UP_TO = 200_000
WINDOW = 2_000
WINDOWS = 12
"""A longer stream is compared in windows of so many messages: its beginning, its end, evenly between."""

PATIENCE_SECONDS = 5.0
LOOK_AGAIN_SECONDS = 0.1


class Bus(Protocol):
    """What is asked of the bus."""

    async def stream_info(self, stream: str) -> tuple[int, int, int]:
        """Messages, first and last sequence."""

    def read(self, stream: str, from_seq: int) -> AsyncIterator[Message]:
        """Messages in order, from a sequence."""


class Copies:
    """Compares each store with its stream. Sees every event to know what consumers are to receive."""

    def __init__(self, evidence: Evidence, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._evidence, self._patience = evidence, patience_seconds
        self._tally = Tally("I10")
        self._due: dict[tuple[str, str], int] = {}

    def witness(self, service: str, event: StoredEvent) -> None:
        """Remember the last event that each consumer needs of each producer."""
        entry = BY_TYPE.get(event.type)
        for consumer in entry.consumers if entry else ():
            self._due[consumer, service] = event.position

    async def compare(self, bus: Bus | None) -> Verdict:
        """The verdict, once all stores were read. Without a bus nothing can be said."""
        if bus is None:
            self._tally.fault("the bus", "is away: start the system, then verify again")
            return self._tally.verdict()
        for service, store in self._evidence.stores.items():
            await self._compare_stream(bus, service, store)
        for consumer, producer in self._due:
            await self._caught_up(consumer, producer)
        return self._tally.verdict()

    async def _compare_stream(self, bus: Bus, service: str, store: Store) -> None:
        stream, last = STREAMS[service], self._evidence.lasts[service]
        if not last:
            return
        behind, _ = await self._wait(lambda: _lag(bus, stream, last))
        if behind:
            self._tally.fault(stream, f"{behind} of {last} events are in the store and not in the stream")
        messages, first, newest = await bus.stream_info(stream)
        live = self._evidence.live[service].last_position()
        self._tally.check(messages <= live, stream, f"has {messages} messages, the store {live} events")
        for start, count in _windows(first, min(newest, first + last - 1)):
            await self._compare_window(bus, stream, store, start, count)

    async def _compare_window(self, bus: Bus, stream: str, store: Store, start: int, count: int) -> None:
        pending: list[Message] = []
        async for message in bus.read(stream, start):
            pending.append(message)
            if len(pending) == min(count, WINDOW):
                self._compare_page(stream, store, pending)
                count -= len(pending)
                pending = []
            if not count:
                return

    def _compare_page(self, stream: str, store: Store, messages: list[Message]) -> None:
        first = int(messages[0].headers.get("ce-sequence", 0))
        events = store.events(after=first - 1, limit=len(messages))
        if len(events) < len(messages):
            self._tally.fault(f"{stream}/{messages[-1].stream_seq}", "is not in the store")
        for event, message in zip(events, messages, strict=False):
            self._tally.checked += 1
            if difference := _difference(event, message):
                self._tally.fault(f"{spot(event)}, {message.id}", difference)

    async def _caught_up(self, consumer: str, producer: str) -> None:
        due, stream, store = self._due[consumer, producer], STREAMS[producer], self._evidence.live[consumer]

        async def behind() -> int:
            at = store.positions().get(stream)
            return max(0, due - (at.position if at else 0))

        lag, moved = await self._wait(behind)
        self._tally.checked += 1
        if lag and moved:
            self._tally.notes.append(f"{consumer} is {lag} behind {stream}")
        elif lag:
            self._tally.fault(consumer, f"is {lag} positions behind {stream} and stands still")

    async def _wait(self, behind: Callable[[], object]) -> tuple[int, bool]:
        """How far behind it still is after some patience, and whether it moved meanwhile."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + self._patience
        at_first = lag = await behind()  # type: ignore[misc]
        while lag and loop.time() < give_up:
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            lag = await behind()  # type: ignore[misc]
        return lag, lag < at_first


async def _lag(bus: Bus, stream: str, last: int) -> int:
    messages, _, _ = await bus.stream_info(stream)
    return max(0, last - messages)


def _windows(first: int, last: int) -> Iterator[tuple[int, int]]:
    """Start and count of the parts to compare: all of a short stream, samples of a long one."""
    total = last - first + 1
    if total <= FULL_UP_TO:
        if total > 0:
            yield first, total
        return
    step = (total - WINDOW) // (WINDOWS - 1)
    yield from ((first + step * number, WINDOW) for number in range(WINDOWS))


def _difference(event: StoredEvent, message: Message) -> str:
    """What of a message is not as stored; empty if nothing."""
    service = event.type.partition(".")[0]
    try:
        kept = event.headers
    except ValueError:
        return "its headers in the store cannot be read"
    expected = {
        "ce-id": f"{service}/{event.entity}/{event.version}",
        "ce-type": event.type,
        "ce-subject": event.entity,
        "ce-sequence": str(event.position),
        **kept,
    }
    for name, value in expected.items():
        if message.headers.get(name) != value:
            return f"{name} is {message.headers.get(name)!r} in the stream, {value!r} in the store"
    return "" if message.data == event.data else "the payload in the stream is not the one in the store"
