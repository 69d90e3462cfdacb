"""A service's whole state, folded again from its events: nothing is called, nothing is published.

What comes out must equal, byte for byte, what the live service keeps beside its log; where an earlier release wrote
that, what it says.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from chassis.batch import StoredEvent
from chassis.clock import rfc3339
from chassis.declare import Service, kind_of
from chassis.decoding import decode
from chassis.event_store import Store
from chassis.parking import with_parking
from chassis.state_cache import UNKNOWN, Held

_encode = msgspec.json.Encoder().encode
CHUNK = 5000


@dataclass(slots=True)
class Rebuilt:
    """Everything that follows from a log: states by entity, and how many events made them."""

    service: Service
    held: dict[str, Held] = field(default_factory=dict)
    events: int = 0

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Every row of the store's derived tables, in the order `live_rows` gives them."""
        kinds = {kind.name: kind for kind in self.service.kinds}
        timers: list[tuple[Any, ...]] = []
        calls: list[tuple[Any, ...]] = []
        tags: list[tuple[Any, ...]] = []
        for entity in sorted(self.held):
            held = self.held[entity]
            state: Any = held.state
            kind = kinds[kind_of(entity)]
            yield ("entity", entity, held.version, held.born, _encode(state))
            timers += [("timer", entity, name, rfc3339(due)) for name, due in kind.timers(state).items()]
            calls += [("call", entity, key, call.kind) for key, call in kind.calls(state).items()]
            tags += [("tag", tag, held.born, entity) for tag in kind.tags(state)]
        yield from sorted(timers)
        yield from sorted(calls)
        yield from sorted(set(tags))


def fold(service: Service, events: Iterable[StoredEvent]) -> Rebuilt:
    """Apply events in order to nothing. An event that the service's tables do not know raises `KeyError`."""
    rebuilt = Rebuilt(with_parking(service))
    evolve = {kind.name: kind.evolve for kind in rebuilt.service.kinds}
    places = rebuilt.service.places
    held: dict[str, Held] = rebuilt.held
    version: int
    born: int
    state: Any
    gc.disable()  # states hold no cycles; looking for some would take a third of the time
    try:
        for stored in events:
            position = stored.position
            event = decode(stored.type, stored.data)
            step = 1
            for entity in places[type(event)](event):
                version, born, state, _ = held.get(entity, UNKNOWN)
                state = evolve[entity.partition("/")[0]](state, event, entity)
                held[entity] = Held(version + step, born or position, state)
                step = 0
            rebuilt.events += 1
    finally:
        gc.enable()
    return rebuilt


def all_events(store: Store) -> Iterator[StoredEvent]:
    """Every event of a store, in order, a chunk at a time."""
    after = 0
    while events := store.events(after=after, limit=CHUNK):
        yield from events
        after = events[-1].position


def live_rows(store: Store) -> Iterator[tuple[Any, ...]]:
    """Every row of the derived tables as the live service keeps them. Call inside `store.snapshot()`."""
    yield from (("entity", *row) for row in store.entities())
    yield from (("timer", *row) for row in store.timers())
    yield from (("call", *row) for row in sorted(store.calls()))
    yield from (("tag", *row) for row in store.tags())


def as_read_today(service: Service, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Live rows as this release reads and would write them: what an earlier one did not know has its default.

    A state that this release cannot read stays as it is.
    """
    decoders: dict[str, msgspec.json.Decoder[Any]] = {
        kind.name: msgspec.json.Decoder(kind.state) for kind in with_parking(service).kinds
    }
    for row in rows:
        if row[0] != "entity":
            yield row
            continue
        *known, state = row
        with suppress(msgspec.DecodeError):
            state = _encode(decoders[kind_of(row[1])].decode(state))
        yield (*known, state)


def state_hash(rows: Iterable[tuple[Any, ...]]) -> str:
    """SHA-256 over the rows in order."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()
