"""What a service's stream tells of its lost store: the events as they were stored, and what they say was applied."""

from __future__ import annotations

from collections.abc import AsyncIterator

from chassis.batch import NewEvent, Position
from chassis.bus import Bus
from chassis.causes import cause_of, goes_on, place_in_channels
from chassis.stream_copy import is_from, stored
from contracts.catalogue import STREAMS, sources_of

PRODUCERS = {stream: producer for producer, stream in STREAMS.items()}


class Lost(Exception):
    """The stream does not hold what is needed. Says what is missing, and what to do."""


async def events_of(bus: Bus, service: str) -> AsyncIterator[NewEvent]:
    """Every event of a service's stream, in its order, not linked. Raises `Lost` at the first one missing."""
    stream, position = STREAMS[service], 0
    _, _, last = await bus.stream_info(stream)
    read = 0
    async for message in bus.read(stream):
        read = message.stream_seq
        if not is_from(service, message):
            continue  # somebody else's: part of no history
        event = stored(message)
        if event.position > position + 1:
            raise Lost(
                f"{stream} lacks the events {position + 1} to {event.position - 1}: restore a backup instead"
            )
        if event.position == position + 1:
            position = event.position
            yield event
    if read < last:
        raise Lost(f"{stream} could be read up to {read} of {last} only: try again")
    if not position:
        raise Lost(f"{stream} holds no event of {service}: there is nothing to rebuild it from")


class Decisions:
    """A history, decision by decision."""

    def __init__(self) -> None:
        self.begun: list[NewEvent] = []
        """What stands behind the last whole one: the beginning of one whose other events were never published."""

    async def whole(self, events: AsyncIterator[NewEvent]) -> AsyncIterator[NewEvent]:
        """The events but for those: the service finishes what has begun as soon as it starts. With nothing before
        it there would be no store to start from, so then it is taken as it is.
        """
        is_empty = True
        async for event in events:
            self.begun.append(event)
            if goes_on(event):
                continue
            is_empty = False
            for known in self._taken():
                yield known
        for known in self._taken() if is_empty else ():
            yield known

    def _taken(self) -> list[NewEvent]:
        taken, self.begun = self.begun, []
        return taken


class Causes:
    """What a service's events name as their causes, by source stream."""

    def __init__(self, service: str) -> None:
        self.sources = tuple(sources_of(service))
        self._ids: dict[str, set[str]] = {stream: set() for stream in self.sources}
        self.raw = 0

    def note(self, event: NewEvent) -> None:
        """Remember an event's cause, if it came from one of the sources."""
        cause = cause_of(event)
        if (raw := place_in_channels(cause)) is not None:
            self.raw = max(self.raw, raw)
            return
        stream = STREAMS.get(cause.partition("/")[0], "")
        if stream in self._ids:
            self._ids[stream].add(cause)

    def of(self, stream: str) -> set[str]:
        """The ids of the events of a source that caused something."""
        return set(self._ids[stream])


async def read_to(bus: Bus, stream: str, causes: Causes) -> Position | None:
    """The newest message of a source that caused something; None where none did.

    Raises `Lost` where the source does not hold every cause: then nobody knows where it was.
    """
    if PRODUCERS[stream] == "channels":
        return Position(causes.raw, causes.raw) if causes.raw else None
    if not (missing := causes.of(stream)):
        return None
    newest, producer = None, PRODUCERS[stream]
    async for message in bus.read(stream):
        headers = message.headers
        if headers.get("ce-id") in missing and is_from(producer, message):
            missing.discard(headers["ce-id"])
            newest = Position(int(headers["ce-sequence"]), message.stream_seq)
    if missing:
        raise Lost(f"{stream} lacks {min(missing)}, which caused something here: heal that stream first")
    return newest
