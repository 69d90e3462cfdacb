"""The log as a chain: each event's link is a hash over the link before it and everything the event says.

Whoever flips, removes, inserts or reorders one event breaks every link from there on. The bytes hashed have one
reading only: two 8-byte positions and four 4-byte lengths, big-endian, then the texts as they are stored.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from struct import Struct

from chassis.batch import NewEvent, StoredEvent

GENESIS = bytes(32)
"""What the first event's link is made on."""
_head = Struct(">QQIIII").pack


def link(before: bytes, event: NewEvent | StoredEvent) -> bytes:
    """SHA-256 of the link before, the event's position and version, and its entity, type, headers and payload."""
    entity, kind, headers = event.entity.encode(), event.type.encode(), event[5]
    head = _head(event.position, event.version, len(entity), len(kind), len(headers), len(event.data))
    return sha256(b"".join((before, head, entity, kind, headers, event.data))).digest()


def chained(before: bytes, events: Iterable[NewEvent]) -> list[NewEvent]:
    """The events with their links, following `before`."""
    linked = []
    for event in events:
        before = link(before, event)
        linked.append(NewEvent(*event[:-1], before))
    return linked
