"""The event store of one service in one SQLite file: write-ahead log, `synchronous=FULL`, append-only triggers.

Built on the recorders of the `eventsourcing` library, with a batch where it writes one aggregate.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Self

from eventsourcing.persistence import IntegrityError
from eventsourcing.persistence import StoredEvent as LibraryEvent
from eventsourcing.sqlite import SQLiteCursor, SQLiteProcessRecorder

from chassis.batch import Advance, Batch, EntityRow, Position, StoredEvent
from chassis.chain import GENESIS
from chassis.event_store import AGAIN, DamagedStore, OldStore, StalePosition
from chassis.sqlite_connections import Connections, told

READ_CHUNK = 2000
WINDOW = 50_000
"""Positions that one statement looks through for rare events: other readers come in between."""

TABLES = (
    "CREATE TABLE IF NOT EXISTS stored_events (originator_id TEXT, originator_version INTEGER, topic TEXT,"
    " state BLOB, headers BLOB, chain BLOB, PRIMARY KEY (originator_id, originator_version))",
    "CREATE TABLE IF NOT EXISTS entities (id TEXT PRIMARY KEY, version INTEGER, born INTEGER, state BLOB)"
    " WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS timers (entity TEXT, name TEXT, due TEXT, PRIMARY KEY (entity, name)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS timers_due ON timers (due)",
    "CREATE TABLE IF NOT EXISTS calls (entity TEXT, key TEXT, kind TEXT, PRIMARY KEY (entity, key)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS tags (tag TEXT, born INTEGER, entity TEXT, PRIMARY KEY (tag, born, entity))"
    " WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS tag_counts (tag TEXT PRIMARY KEY, entities INTEGER) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS positions (source TEXT PRIMARY KEY, position INTEGER, stream_seq INTEGER)"
    " WITHOUT ROWID",
    "CREATE TRIGGER IF NOT EXISTS stored_events_no_update BEFORE UPDATE ON stored_events"
    " BEGIN SELECT RAISE(ABORT, 'stored_events is append-only'); END",
    "CREATE TRIGGER IF NOT EXISTS stored_events_no_delete BEFORE DELETE ON stored_events"
    " BEGIN SELECT RAISE(ABORT, 'stored_events is append-only'); END",
)

EVENT_COLUMNS = "rowid, originator_id, originator_version, topic, state, headers, chain"
INSERT_EVENT = f"INSERT INTO stored_events ({EVENT_COLUMNS}) VALUES (?,?,?,?,?,?,?)"  # noqa: S608

WRITES = (
    (
        "entities",
        "INSERT INTO entities VALUES (?,?,?,?)"
        " ON CONFLICT (id) DO UPDATE SET version=excluded.version, state=excluded.state",
    ),
    ("timers_gone", "DELETE FROM timers WHERE entity=? AND name=?"),
    ("timers_due", "INSERT OR REPLACE INTO timers VALUES (?,?,?)"),
    ("calls_gone", "DELETE FROM calls WHERE entity=? AND key=?"),
    ("calls_due", "INSERT OR REPLACE INTO calls VALUES (?,?,?)"),
    ("tags_gone", "DELETE FROM tags WHERE tag=? AND born=? AND entity=?"),
    ("tags_new", "INSERT OR IGNORE INTO tags VALUES (?,?,?)"),
)
COUNT = "INSERT INTO tag_counts VALUES (?,?) ON CONFLICT (tag) DO UPDATE SET entities = entities + excluded.entities"


class LogRecorder(SQLiteProcessRecorder):
    """The library's process recorder, writing a whole batch where it writes one aggregate and one tracking row."""

    def construct_create_table_statements(self) -> list[str]:
        return list(TABLES)

    def _insert_events(
        self,
        c: SQLiteCursor,
        stored_events: Sequence[LibraryEvent],
        *,
        batch: Batch | None = None,
        **more: Any,
    ) -> Sequence[int] | None:
        if batch is None:
            return super()._insert_events(c, stored_events, **more)
        for advance in batch.advances:
            self._advance(c, advance)
        c.executemany(INSERT_EVENT, batch.events)
        for part, statement in WRITES:
            if rows := getattr(batch, part):
                c.executemany(statement, rows)
        if batch.counts:
            c.executemany(COUNT, list(batch.counts.items()))
        return None

    @staticmethod
    def _advance(c: SQLiteCursor, advance: Advance) -> None:
        """Compare and set: the position must be the one this process last saw."""
        if advance.old is None:
            c.execute(
                "INSERT INTO positions VALUES (?,?,?)", (advance.source, advance.new, advance.stream_seq)
            )
            return
        c.execute(
            "UPDATE positions SET position=?, stream_seq=? WHERE source=? AND position=?",
            (advance.new, advance.stream_seq, advance.source, advance.old),
        )
        if c.sqlite_cursor.rowcount != 1:
            raise StalePosition(f"{advance.source} is no longer at {advance.old}: another process moved it")


class SQLiteStore:
    """A `Store` in the file at `path`. Opened read-only it must exist.

    Raises `DamagedStore` where the file is no event store, `OldStore` where an earlier release made it.
    """

    in_process = True

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._datastore = Connections(path, read_only=read_only)
        self._recorder = LogRecorder(self._datastore)
        self._pinned: sqlite3.Connection | None = None
        if not read_only:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._datastore.transaction(commit=True) as cursor:
                for statement in TABLES:
                    cursor.execute(statement)
        self._require_chain()

    def _require_chain(self) -> None:
        columns = [row[1] for row in self._read("PRAGMA table_info(stored_events)")]
        if not columns:
            raise DamagedStore(f"{self.path} holds no event store: {AGAIN}")
        if "chain" not in columns:
            raise OldStore(
                f"{self.path} was made by an earlier release, without a hash chain: move it away and rebuild it"
                " from its stream (`doorstep heal SERVICE --store`), or go back to that release"
            )

    def commit(self, batch: Batch) -> None:
        """Write the batch in one transaction, durable on return. Raises `StalePosition` if another process wrote."""
        try:
            self._recorder.insert_events([], batch=batch)
        except IntegrityError as collision:
            raise StalePosition(f"another process wrote to {self.path.name}: {collision}") from collision

    def load(self, entities: Sequence[str]) -> dict[str, EntityRow]:
        """The newest state of each entity that exists."""
        found: dict[str, EntityRow] = {}
        for start in range(0, len(entities), 500):
            some = entities[start : start + 500]
            marks = ",".join("?" * len(some))
            rows = self._read(f"SELECT id, version, born, state FROM entities WHERE id IN ({marks})", some)  # noqa: S608
            found.update((row[0], EntityRow(*row)) for row in rows)
        return found

    def last_position(self) -> int:
        """The position of the newest event; 0 in an empty store."""
        return int(self._read("SELECT COALESCE(MAX(rowid), 0) FROM stored_events")[0][0])

    def last_link(self) -> bytes:
        """The newest event's link; the one to begin with in an empty store."""
        rows = self._read("SELECT chain FROM stored_events ORDER BY rowid DESC LIMIT 1")
        return bytes(rows[0][0]) if rows else GENESIS

    def positions(self) -> dict[str, Position]:
        """How far each source stream was read."""
        rows = self._read("SELECT source, position, stream_seq FROM positions")
        return {source: Position(position, stream_seq) for source, position, stream_seq in rows}

    def events(self, after: int = 0, limit: int = 1000, entity: str | None = None) -> list[StoredEvent]:
        """Events in order, from the position after `after`; of one entity if given."""
        where, values = (
            ("AND originator_id=? ORDER BY originator_version", [entity])
            if entity
            else ("ORDER BY rowid", [])
        )
        statement = f"SELECT {EVENT_COLUMNS} FROM stored_events WHERE rowid>? {where} LIMIT ?"  # noqa: S608
        return [StoredEvent(*row) for row in self._read(statement, [after, *values, limit])]

    def recent(
        self, types: Sequence[str], limit: int, before: int | None = None, back: int | None = None
    ) -> list[StoredEvent]:
        """The newest events of these types (of any, if none), newest first, from below the position `before`.

        Looks at `back` positions at most, at all of them where it is not given.
        """
        top = self.last_position() + 1 if before is None else before
        bottom = 1 if back is None else max(1, top - back)
        found: list[StoredEvent] = []
        while top > bottom and len(found) < limit:
            under = max(bottom, top - WINDOW)
            found += self._between(under, top, types, limit - len(found))
            top = under
        return found

    def _between(self, bottom: int, top: int, types: Sequence[str], limit: int) -> list[StoredEvent]:
        which = f"AND topic IN ({','.join('?' * len(types))})" if types else ""
        statement = (
            f"SELECT {EVENT_COLUMNS} FROM stored_events WHERE rowid<? AND rowid>=? {which}"  # noqa: S608
            " ORDER BY rowid DESC LIMIT ?"
        )
        return [StoredEvent(*row) for row in self._read(statement, [top, bottom, *types, limit])]

    def tagged(self, tag: str, limit: int, after: str = "") -> list[str]:
        """Entities with the tag, oldest first; `after` is the last entity of the page before."""
        start = 0
        if after:
            rows = self._read("SELECT born FROM entities WHERE id=?", [after])
            start = rows[0][0] if rows else 0
        statement = (
            "SELECT entity FROM tags WHERE tag=? AND (born, entity) > (?, ?) ORDER BY born, entity LIMIT ?"
        )
        return [row[0] for row in self._read(statement, [tag, start, after, limit])]

    def counts(self, prefix: str) -> dict[str, int]:
        """How many entities carry each tag `prefix=…`, without those that nobody carries."""
        first, last = f"{prefix}=", f"{prefix}>"
        rows = self._read(
            "SELECT tag, entities FROM tag_counts WHERE tag>=? AND tag<? AND entities>0", [first, last]
        )
        return {tag[len(first) :]: count for tag, count in rows}

    def due_timers(self, until: str, limit: int) -> list[tuple[str, str, str]]:
        """(entity, name, due) of timers due by then, earliest first."""
        return [
            tuple(r)
            for r in self._read(
                "SELECT entity, name, due FROM timers WHERE due<=? ORDER BY due LIMIT ?", [until, limit]
            )
        ]

    def next_due(self) -> str | None:
        """When the next timer is due."""
        found: str | None = self._read("SELECT MIN(due) FROM timers")[0][0]
        return found

    def calls(self, limit: int | None = None) -> list[tuple[str, str, str]]:
        """(entity, key, kind) of every call still to be made, or of the first so many, ordered."""
        listed = "SELECT entity, key, kind FROM calls ORDER BY entity, key LIMIT ?"
        return [tuple(row) for row in self._read(listed, [-1 if limit is None else limit])]

    def count_of(self, table: str) -> int:
        """Rows in `timers` or `calls`."""
        return int(self._read(f"SELECT COUNT(*) FROM {table}")[0][0])  # noqa: S608

    def entities(self) -> Iterator[EntityRow]:
        """All entities, ordered by id."""
        return (
            EntityRow(*row) for row in self._scan("SELECT id, version, born, state FROM entities ORDER BY id")
        )

    def timers(self) -> Iterator[tuple[str, str, str]]:
        """All timers, ordered."""
        return self._scan("SELECT entity, name, due FROM timers ORDER BY entity, name")

    def tags(self) -> Iterator[tuple[str, int, str]]:
        """All tags, ordered."""
        return self._scan("SELECT tag, born, entity FROM tags ORDER BY tag, born, entity")

    @contextmanager
    def snapshot(self) -> Iterator[Self]:
        """One consistent moment of the store for everything read inside, while others go on writing."""
        connection = sqlite3.connect(
            f"file:{self.path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )
        try:
            with told(self.path):
                connection.execute("BEGIN")
                connection.execute("SELECT COUNT(*) FROM positions").fetchone()
            view = object.__new__(type(self))
            view.__dict__.update(self.__dict__)
            view._pinned = connection
            yield view
        finally:
            connection.close()

    def backup(self, target: Path) -> None:
        """A consistent copy of the whole store, made while it is written to; of a snapshot's moment, if it is one.

        Pages are copied as they are. Raises `DamagedStore` where they make no whole store.
        """
        with told(target), closing(sqlite3.connect(target)) as copy:
            if self._pinned is not None:
                self._pinned.backup(copy)
            else:
                with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as source:
                    source.backup(copy)
            (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise DamagedStore(f"{self.path} is damaged ({found.splitlines()[-1]}): {AGAIN}")

    def close(self) -> None:
        """Close every connection."""
        self._datastore.close()

    def _read(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        if self._pinned is not None:
            with told(self.path):
                return self._pinned.execute(statement, values).fetchall()
        with self._datastore.get_connection(commit=False) as connection, told(self.path):
            cursor = connection.cursor()
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    def _scan(self, statement: str) -> Iterator[Any]:
        if self._pinned is None:
            raise RuntimeError("scan a store inside `with store.snapshot()`, so that it stands still")
        with told(self.path):
            cursor = self._pinned.execute(statement)
            while rows := cursor.fetchmany(READ_CHUNK):
                yield from rows
