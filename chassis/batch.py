"""What one transaction writes: new events, where each source was read to, and what the new states imply."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class NewEvent(NamedTuple):
    """An event on its way into the store. `headers` is the block published with it (`name: value` lines);
    `chain` its link (see `chain.py`).
    """

    position: int
    entity: str
    version: int
    type: str
    data: bytes
    headers: bytes
    chain: bytes = b""


class StoredEvent(NamedTuple):
    """An event as it stands in the store; `version` counts within its entity, `position` within the service."""

    position: int
    entity: str
    version: int
    type: str
    data: bytes
    raw_headers: bytes
    chain: bytes = b""

    @property
    def headers(self) -> dict[str, str]:
        """The stored headers, by name."""
        lines = self.raw_headers.decode().split("\r\n")
        return dict(line.split(": ", 1) for line in lines if line)


class EntityRow(NamedTuple):
    """An entity's newest state. `born` is the position of the first event that touched it."""

    entity: str
    version: int
    born: int
    state: bytes


class Advance(NamedTuple):
    """A source was read from `old` (None: never before) to `new`, which stands at `stream_seq` in the stream."""

    source: str
    old: int | None
    new: int
    stream_seq: int


class Position(NamedTuple):
    """How far a source was read: the producer's sequence, and its place in the stream."""

    position: int
    stream_seq: int


@dataclass(slots=True)
class Batch:
    """Everything one transaction writes. All of it, or nothing."""

    events: list[NewEvent] = field(default_factory=list)
    advances: list[Advance] = field(default_factory=list)
    entities: list[EntityRow] = field(default_factory=list)
    timers_gone: list[tuple[str, str]] = field(default_factory=list)
    timers_due: list[tuple[str, str, str]] = field(default_factory=list)
    calls_gone: list[tuple[str, str]] = field(default_factory=list)
    calls_due: list[tuple[str, str, str]] = field(default_factory=list)
    tags_gone: list[tuple[str, int, str]] = field(default_factory=list)
    tags_new: list[tuple[str, int, str]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def read_to(self) -> dict[str, Position]:
        """How far each source that it moves is read afterwards."""
        return {advance.source: Position(advance.new, advance.stream_seq) for advance in self.advances}

    def is_empty(self) -> bool:
        """True when there is nothing to write."""
        return not (self.events or self.advances or self.entities)
