"""A store in memory: what is committed is committed whole, and a crash leaves exactly that.

It does what `chassis/sqlite_store.py` does, with an interruption before, within and after every transaction. What is
committed is never changed in place, so a backup is the value itself.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Self

from chassis.batch import Advance, Batch, EntityRow, Position, StoredEvent
from chassis.chain import GENESIS
from chassis.declare import Service
from chassis.event_store import StalePosition
from chassis.rebuild import fold

type Interrupt = Callable[[str], None]
"""Called at a named point; raises where the process is to die there, or the store is to refuse."""


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything in a store at one moment."""

    log: tuple[StoredEvent, ...] = ()
    versions: dict[str, int] = field(default_factory=dict)
    entities: dict[str, EntityRow] = field(default_factory=dict)
    timers: dict[tuple[str, str], str] = field(default_factory=dict)
    calls: dict[tuple[str, str], str] = field(default_factory=dict)
    tags: frozenset[tuple[str, int, str]] = frozenset()
    counts: dict[str, int] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)


EMPTY = Tables()


class MemoryStore:
    """A `Store`. `ever_asked` is every call that any transaction has asked for, restored away or not."""

    def __init__(self, interrupt: Interrupt = lambda point: None) -> None:
        self.tables = EMPTY
        self.ever_asked: set[tuple[str, str]] = set()
        self._interrupt = interrupt

    def commit(self, batch: Batch) -> None:
        """The whole batch or nothing. Raises `StalePosition` if another process wrote."""
        self._interrupt("before_commit")
        self.write(batch)
        self._interrupt("after_commit")

    def write(self, batch: Batch) -> None:
        """One transaction."""
        written = with_derived(with_events(with_positions(self.tables, batch.advances), batch), batch)
        self._interrupt("within_transaction")
        self.tables = written
        self.ever_asked.update((entity, key) for entity, key, _ in batch.calls_due)

    def load(self, entities: Sequence[str]) -> dict[str, EntityRow]:
        """The newest state of each entity that exists."""
        return {e: self.tables.entities[e] for e in entities if e in self.tables.entities}

    def last_position(self) -> int:
        """The position of the newest event; 0 in an empty store."""
        return len(self.tables.log)

    def last_link(self) -> bytes:
        """The newest event's link."""
        return self.tables.log[-1].chain if self.tables.log else GENESIS

    def positions(self) -> dict[str, Position]:
        """How far each source stream was read."""
        return dict(self.tables.positions)

    def events(self, after: int = 0, limit: int = 1000, entity: str | None = None) -> list[StoredEvent]:
        """Events in order, from the position after `after`; of one entity if given."""
        if entity is None:
            return list(self.tables.log[after : after + limit])
        return [e for e in self.tables.log[after:] if e.entity == entity][:limit]

    def recent(
        self, types: Sequence[str], limit: int, before: int | None = None, back: int | None = None
    ) -> list[StoredEvent]:
        """The newest events of these types (of any, if none), newest first, from below the position `before`."""
        top = self.last_position() + 1 if before is None else before
        bottom = 1 if back is None else max(1, top - back)
        found = [e for e in self.tables.log[bottom - 1 : top - 1] if not types or e.type in types]
        return found[::-1][:limit]

    def tagged(self, tag: str, limit: int, after: str = "") -> list[str]:
        """Entities with the tag, oldest first; `after` is the last entity of the page before."""
        known = self.tables.entities.get(after)
        carriers = sorted((born, entity) for name, born, entity in self.tables.tags if name == tag)
        start = bisect_left(carriers, (known.born, after + "\0")) if known else 0
        return [entity for _, entity in carriers[start : start + limit]]

    def counts(self, prefix: str) -> dict[str, int]:
        """How many entities carry each tag `prefix=…`."""
        first = f"{prefix}="
        return {tag[len(first) :]: n for tag, n in self.tables.counts.items() if tag.startswith(first) and n}

    def due_timers(self, until: str, limit: int) -> list[tuple[str, str, str]]:
        """(entity, name, due) of timers due by then, earliest first."""
        due = sorted((due, *key) for key, due in self.tables.timers.items() if due <= until)
        return [(entity, name, moment) for moment, entity, name in due[:limit]]

    def next_due(self) -> str | None:
        """When the next timer is due."""
        return min(self.tables.timers.values(), default=None)

    def calls(self) -> list[tuple[str, str, str]]:
        """(entity, key, kind) of every call still to be made."""
        return [(*key, kind) for key, kind in sorted(self.tables.calls.items())]

    def count_of(self, table: str) -> int:
        """Rows in `timers` or `calls`."""
        return len(getattr(self.tables, table))

    def entities(self) -> Iterator[EntityRow]:
        """All entities, ordered by id."""
        return iter([self.tables.entities[entity] for entity in sorted(self.tables.entities)])

    def timers(self) -> Iterator[tuple[str, str, str]]:
        """All timers, ordered."""
        return iter([(*key, due) for key, due in sorted(self.tables.timers.items())])

    def tags(self) -> Iterator[tuple[str, int, str]]:
        """All tags, ordered."""
        return iter(sorted(self.tables.tags))

    @contextmanager
    def snapshot(self) -> Iterator[Self]:
        """This moment."""
        still = type(self)()
        still.tables = self.tables
        yield still

    def close(self) -> None:
        """Nothing is open."""


def with_positions(tables: Tables, advances: Sequence[Advance]) -> Tables:
    """Compare and set, as `LogRecorder._advance` does."""
    positions = dict(tables.positions)
    for source, old, new, stream_seq in advances:
        known = positions.get(source)
        if (known.position if known else None) != old:
            raise StalePosition(f"{source} is no longer at {old}: another process moved it")
        positions[source] = Position(new, stream_seq)
    return replace(tables, positions=positions)


def with_events(tables: Tables, batch: Batch) -> Tables:
    """The log with the batch's events, each at its own place."""
    versions = dict(tables.versions)
    for place, event in enumerate(batch.events, len(tables.log) + 1):
        if event.position != place or event.version <= versions.get(event.entity, 0):
            raise StalePosition(f"position {event.position} is taken, or {event.entity} is further")
        versions[event.entity] = event.version
    log = (*tables.log, *(StoredEvent(*event) for event in batch.events))
    return replace(tables, log=log, versions=versions)


def with_derived(tables: Tables, batch: Batch) -> Tables:
    """The rows that follow from the events."""
    entities = tables.entities | {row.entity: row for row in batch.entities}
    gone, unasked = set(batch.timers_gone), set(batch.calls_gone)
    timers = {key: due for key, due in tables.timers.items() if key not in gone}
    calls = {key: kind for key, kind in tables.calls.items() if key not in unasked}
    counts = dict(tables.counts)
    for tag, by in batch.counts.items():
        counts[tag] = counts.get(tag, 0) + by
    return replace(
        tables,
        entities=entities,
        timers=timers | {(entity, name): due for entity, name, due in batch.timers_due},
        calls=calls | {(entity, key): kind for entity, key, kind in batch.calls_due},
        tags=(tables.tags - set(batch.tags_gone)) | set(batch.tags_new),
        counts=counts,
    )


def rebuilt(service: Service, tables: Tables) -> Tables:
    """The same log with every derived row made anew from it, by the chassis's own fold."""
    rows = list(fold(service, tables.log).rows())
    of = {kind: [row[1:] for row in rows if row[0] == kind] for kind in ("entity", "timer", "call", "tag")}
    counts: dict[str, int] = {}
    for tag, _, _ in of["tag"]:
        if "=" in tag:
            counts[tag] = counts.get(tag, 0) + 1
    return replace(
        tables,
        entities={row[0]: EntityRow(*row) for row in of["entity"]},
        timers={(entity, name): due for entity, name, due in of["timer"]},
        calls={(entity, key): kind for entity, key, kind in of["call"]},
        tags=frozenset(of["tag"]),
        counts=counts,
    )
