"""What a service's stream tells of its lost store: the events as they were stored, and what they say was applied."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import unquote

from chassis.batch import NewEvent, Position
from chassis.bus import Bus
from chassis.declare import Message
from contracts.catalogue import STREAMS, sources_of
from ops.verify.chain import CAUSE, STREAM_CAUSE

MADE_BY_THE_RELAY = frozenset(
    (
        "ce-specversion",
        "ce-id",
        "ce-type",
        "ce-source",
        "ce-subject",
        "ce-sequence",
        "ce-previous",
        "datacontenttype",
    )
)
"""Headers that follow from where an event stands; the others are stored with it, in this order."""
OF_THE_SERVER = "Nats-"
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
        if message.headers.get("ce-source") != f"/doorstep/{service}":
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


def stored(message: Message) -> NewEvent:
    """The event inside a message of its own service's stream, byte for byte as it was stored."""
    headers = message.headers
    block = "".join(
        f"{name}: {value}\r\n"
        for name, value in headers.items()
        if name not in MADE_BY_THE_RELAY and not name.startswith(OF_THE_SERVER)
    )
    version = int(headers["ce-id"].rpartition("/")[2])
    return NewEvent(
        int(headers["ce-sequence"]),
        unquote(headers["ce-subject"]),
        version,
        headers["ce-type"],
        message.data,
        block.encode(),
    )


class Causes:
    """What a service's events name as their causes, by source stream."""

    def __init__(self, service: str) -> None:
        self.sources = tuple(sources_of(service))
        self._ids: dict[str, set[str]] = {stream: set() for stream in self.sources}
        self.raw = 0

    def note(self, event: NewEvent) -> None:
        """Remember an event's cause, if it came from one of the sources."""
        _, _, rest = event.headers.partition(f"{CAUSE}: ".encode())
        cause = rest.partition(b"\r\n")[0].decode()
        if raw := STREAM_CAUSE.fullmatch(cause):
            self.raw = max(self.raw, int(raw[1]))
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
    newest, source = None, f"/doorstep/{PRODUCERS[stream]}"
    async for message in bus.read(stream):
        headers = message.headers
        if headers.get("ce-id") in missing and headers.get("ce-source") == source:
            missing.discard(headers["ce-id"])
            newest = Position(int(headers["ce-sequence"]), message.stream_seq)
    if missing:
        raise Lost(f"{stream} lacks {min(missing)}, which caused something here: heal that stream first")
    return newest
