"""The event store of one service: an append-only log, and beside it, in the same transaction, what follows from it.

What every store can do is here; `sqlite_store.py` and `postgres_store.py` do it. Positions are given by the single
writer and contiguous from 1, so that a second writer collides on them and is refused. Nothing above the stores knows
which database it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from eventsourcing.persistence import OperationalError, PersistenceError

from chassis.batch import Batch, EntityRow, Position, StoredEvent


class UnusableStore(Exception):
    """A store that cannot be opened; the text says why, and what to do."""


class OldStore(UnusableStore):
    """The store was made by an earlier release, or a later one, and cannot be used by this one."""


class HalfMadeStore(OldStore):
    """The store was being made anew, from a backup or a stream, and that was cut off."""


class DamagedStore(UnusableStore):
    """What is there is no event store, or none any more."""


AGAIN = "`doorstep heal SERVICE --store --force` makes it again from its stream"
UNREADABLE = (UnusableStore, PersistenceError)
"""What opening a store, or reading it, may raise."""


class StalePosition(Exception):
    """Another process wrote to this store: this one must stop, its picture is out of date."""


class InDoubt(OperationalError):
    """The store went away during a commit, before it said whether the batch is in: commit the same one again."""


class Store(Protocol):
    """What the chassis and the operators' tools ask of a store."""

    in_process: bool
    """Whether it answers from within this process; if not, a commit waits for a server, away from the event loop."""

    def commit(self, batch: Batch) -> None: ...
    def load(self, entities: Sequence[str]) -> dict[str, EntityRow]: ...
    def last_position(self) -> int: ...
    def last_link(self) -> bytes: ...
    def positions(self) -> dict[str, Position]: ...
    def events(self, after: int = 0, limit: int = 1000, entity: str | None = None) -> list[StoredEvent]: ...
    def recent(
        self, types: Sequence[str], limit: int, before: int | None = None, back: int | None = None
    ) -> list[StoredEvent]: ...
    def tagged(self, tag: str, limit: int, after: str = "") -> list[str]: ...
    def counts(self, prefix: str) -> dict[str, int]: ...
    def due_timers(self, until: str, limit: int) -> list[tuple[str, str, str]]: ...
    def next_due(self) -> str | None: ...
    def calls(self, limit: int | None = None) -> list[tuple[str, str, str]]: ...
    def count_of(self, table: str) -> int: ...
    def entities(self) -> Iterator[EntityRow]: ...
    def timers(self) -> Iterator[tuple[str, str, str]]: ...
    def tags(self) -> Iterator[tuple[str, int, str]]: ...
    def snapshot(self) -> Any: ...
    def close(self) -> None: ...
