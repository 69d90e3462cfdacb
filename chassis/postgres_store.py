"""The event store of one service in a schema of PostgreSQL: one transaction per batch, in two round trips.

All rows of a batch go in as arrays, one statement per table: as quick as COPY, and pipelined. Tables and rights are
made by `migrate.py`, never here.
"""

from __future__ import annotations

import select
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, Self

import psycopg
from eventsourcing.persistence import OperationalError, PersistenceError

from chassis.batch import Advance, Batch, EntityRow, Position, StoredEvent
from chassis.chain import GENESIS
from chassis.event_store import InDoubt, StalePosition
from chassis.migrations import Applied, require_newest
from chassis.postgres_connections import (
    Connection,
    ConnectionLost,
    Connections,
    Unreachable,
    again,
    aside_of,
    told,
)

READ_CHUNK = 2000

EVENT_COLUMNS = "notification_id, originator_id, originator_version, topic, state, headers, chain"
ADVANCE = "UPDATE positions SET position = %b, stream_seq = %b WHERE source = %b AND position = %b"
FIRST_ADVANCE = "INSERT INTO positions (position, stream_seq, source) VALUES (%b, %b, %b)"
WRITES = (
    (
        "events",
        f"INSERT INTO stored_events ({EVENT_COLUMNS})"  # noqa: S608
        " SELECT * FROM unnest(%b::bigint[], %b::text[], %b::bigint[], %b::text[],"
        " %b::bytea[], %b::bytea[], %b::bytea[])",
    ),
    (
        "entities",
        "INSERT INTO entities SELECT * FROM unnest(%b::text[], %b::bigint[], %b::bigint[], %b::bytea[])"
        " ON CONFLICT (id) DO UPDATE SET version = excluded.version, state = excluded.state",
    ),
    (
        "timers_gone",
        "DELETE FROM timers USING unnest(%b::text[], %b::text[]) AS gone (entity, name)"
        " WHERE timers.entity = gone.entity AND timers.name = gone.name",
    ),
    (
        "timers_due",
        "INSERT INTO timers SELECT * FROM unnest(%b::text[], %b::text[], %b::text[])"
        " ON CONFLICT (entity, name) DO UPDATE SET due = excluded.due",
    ),
    (
        "calls_gone",
        "DELETE FROM calls USING unnest(%b::text[], %b::text[]) AS gone (entity, key)"
        " WHERE calls.entity = gone.entity AND calls.key = gone.key",
    ),
    (
        "calls_due",
        "INSERT INTO calls SELECT * FROM unnest(%b::text[], %b::text[], %b::text[])"
        " ON CONFLICT (entity, key) DO UPDATE SET kind = excluded.kind",
    ),
    (
        "tags_gone",
        "DELETE FROM tags USING unnest(%b::text[], %b::bigint[], %b::text[]) AS gone (tag, born, entity)"
        " WHERE tags.tag = gone.tag AND tags.born = gone.born AND tags.entity = gone.entity",
    ),
    (
        "tags_new",
        "INSERT INTO tags SELECT * FROM unnest(%b::text[], %b::bigint[], %b::text[]) ON CONFLICT DO NOTHING",
    ),
)
COUNT = (
    "INSERT INTO tag_counts SELECT * FROM unnest(%b::text[], %b::bigint[])"
    " ON CONFLICT (tag) DO UPDATE SET entities = tag_counts.entities + excluded.entities"
)


class PostgresStore:
    """A `Store` in the schema `schema` of the database at `url`. Raises `OldStore` where it was not migrated."""

    in_process = False

    def __init__(self, url: str, schema: str, *, read_only: bool = False) -> None:
        self.schema = schema
        self._connections = Connections(url, schema, read_only=read_only)
        self._pinned: Connection | None = None
        self._in_doubt: Batch | None = None
        self._scans = count(1)
        require_newest(schema, self._applied())

    def _applied(self) -> Applied:
        try:
            return self._read("SELECT number, name, sha256 FROM applied_migrations ORDER BY number")
        except PersistenceError as trouble:
            if isinstance(trouble.__cause__, psycopg.errors.UndefinedTable):
                return ()  # whoever made the schema got no further
            raise

    def is_half_made(self) -> bool:
        """Whether another one waits beside it for this one to be whole: whoever made it was cut off."""
        return bool(self._read("SELECT 1 FROM pg_namespace WHERE nspname = %s", [aside_of(self.schema)]))

    def commit(self, batch: Batch) -> None:
        """Write the batch in one transaction, durable on return. Raises `StalePosition` if another process wrote.

        A connection lost on the way leaves open whether the batch went in: the store is asked, and only what is
        not there is written again. Raises `InDoubt` if that cannot be found out within a few seconds: then it is found
        out when the same batch is committed again. Raises `Unreachable` if it never was sent.
        """
        try:
            again(lambda: self._attempt(batch))
        except OperationalError as trouble:
            if self._in_doubt is batch:
                raise InDoubt(str(trouble)) from trouble
            raise
        self._in_doubt = None

    def _attempt(self, batch: Batch) -> None:
        if self._in_doubt is batch and self._holds(batch):
            return
        try:
            self._write(batch)
        except Unreachable:
            raise
        except ConnectionLost as lost:
            if not (batch.events or batch.advances):
                raise OperationalError(f"{lost}, and a batch that moves nothing leaves no trace") from lost
            self._in_doubt = batch
            raise
        except StalePosition:
            # The lost attempt may have got through between the question and this one.
            if not (self._in_doubt is batch and self._holds(batch)):
                raise

    def _holds(self, batch: Batch) -> bool:
        """Whether exactly this batch, which has events or advances, is in the store."""
        if batch.events:
            last = batch.events[-1]
            return self._events("WHERE notification_id = %b", [last.position]) == [StoredEvent(*last)]
        return self.positions().items() >= batch.read_to.items()

    def _write(self, batch: Batch) -> None:
        with self._connections.use() as connection:
            try:
                with connection.pipeline() as pipeline, connection.transaction():
                    moves = [(advance, _advance(connection, advance)) for advance in batch.advances]
                    for part, statement in WRITES:
                        if rows := getattr(batch, part):
                            connection.execute(statement, _columns(rows))
                    if batch.counts:
                        connection.execute(COUNT, _columns(batch.counts.items()))
                    _send_to_its_end(connection)
                    pipeline.sync()
                    _require_moved(moves)
            except psycopg.errors.UniqueViolation as collision:
                raise StalePosition(
                    f"another process wrote to {self.schema}: {collision.diag.message_detail}"
                ) from collision

    def load(self, entities: Sequence[str]) -> dict[str, EntityRow]:
        """The newest state of each entity that exists."""
        rows = self._read(
            "SELECT id, version, born, state FROM entities WHERE id = ANY(%b)", [list(entities)]
        )
        return {row[0]: EntityRow(*row) for row in rows}

    def last_position(self) -> int:
        """The position of the newest event; 0 in an empty store."""
        return int(self._read("SELECT COALESCE(MAX(notification_id), 0) FROM stored_events")[0][0])

    def last_link(self) -> bytes:
        """The newest event's link; the one to begin with in an empty store."""
        rows = self._read("SELECT chain FROM stored_events ORDER BY notification_id DESC LIMIT 1")
        return bytes(rows[0][0]) if rows else GENESIS

    def positions(self) -> dict[str, Position]:
        """How far each source stream was read."""
        rows = self._read("SELECT source, position, stream_seq FROM positions")
        return {source: Position(position, stream_seq) for source, position, stream_seq in rows}

    def events(self, after: int = 0, limit: int = 1000, entity: str | None = None) -> list[StoredEvent]:
        """Events in order, from the position after `after`; of one entity if given."""
        if entity is None:
            which = "WHERE notification_id > %b ORDER BY notification_id LIMIT %b"
            return self._events(which, [after, limit])
        which = "WHERE notification_id > %b AND originator_id = %b ORDER BY originator_version LIMIT %b"
        return self._events(which, [after, entity, limit])

    def recent(
        self, types: Sequence[str], limit: int, before: int | None = None, back: int | None = None
    ) -> list[StoredEvent]:
        """The newest events of these types (of any, if none), newest first, from below the position `before`.

        Looks at `back` positions at most, at all of them where it is not given.
        """
        top = self.last_position() + 1 if before is None else before
        bottom = 1 if back is None else max(1, top - back)
        of_type = "AND topic = ANY(%b)" if types else ""
        return self._events(
            f"WHERE notification_id < %b AND notification_id >= %b {of_type} ORDER BY notification_id DESC LIMIT %b",
            [top, bottom, *([list(types)] if types else []), limit],
        )

    def tagged(self, tag: str, limit: int, after: str = "") -> list[str]:
        """Entities with the tag, oldest first; `after` is the last entity of the page before."""
        rows = self._read(
            "SELECT entity FROM tags WHERE tag = %b AND"
            " (born, entity) > (COALESCE((SELECT born FROM entities WHERE id = %b), 0), %b)"
            " ORDER BY born, entity LIMIT %b",
            [tag, after, after, limit],
        )
        return [row[0] for row in rows]

    def counts(self, prefix: str) -> dict[str, int]:
        """How many entities carry each tag `prefix=…`, without those that nobody carries."""
        first, last = f"{prefix}=", f"{prefix}>"
        rows = self._read(
            "SELECT tag, entities FROM tag_counts WHERE tag >= %b AND tag < %b AND entities > 0 ORDER BY tag",
            [first, last],
        )
        return {tag[len(first) :]: entities for tag, entities in rows}

    def due_timers(self, until: str, limit: int) -> list[tuple[str, str, str]]:
        """(entity, name, due) of timers due by then, earliest first."""
        return self._read(
            "SELECT entity, name, due FROM timers WHERE due <= %b ORDER BY due, entity, name LIMIT %b",
            [until, limit],
        )

    def next_due(self) -> str | None:
        """When the next timer is due."""
        found: str | None = self._read("SELECT MIN(due) FROM timers")[0][0]
        return found

    def calls(self, limit: int | None = None) -> list[tuple[str, str, str]]:
        """(entity, key, kind) of every call still to be made, or of the first so many, ordered."""
        return self._read("SELECT entity, key, kind FROM calls ORDER BY entity, key LIMIT %s", [limit])

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
        connection = again(self._connections.open)
        try:
            with told(connection):
                connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
                connection.execute("SELECT FROM positions")  # the moment is that of the first question
            view = object.__new__(type(self))
            view.__dict__.update(self.__dict__)
            view._pinned = connection
            yield view
        finally:
            connection.close()

    def close(self) -> None:
        """Close every connection."""
        self._connections.close()

    def _events(self, which: str, values: Sequence[Any]) -> list[StoredEvent]:
        rows = self._read(f"SELECT {EVENT_COLUMNS} FROM stored_events {which}", values)  # noqa: S608
        return [StoredEvent(*row) for row in rows]

    def _read(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        if self._pinned is not None:
            with told(self._pinned):
                return self._pinned.execute(statement, values, binary=True).fetchall()

        def look() -> list[Any]:
            with self._connections.use() as connection:
                return connection.execute(statement, values, binary=True).fetchall()

        return again(look)

    def _scan(self, statement: str) -> Iterator[Any]:
        if self._pinned is None:
            raise RuntimeError("scan a store inside `with store.snapshot()`, so that it stands still")
        with told(self._pinned), self._pinned.cursor(f"scan_{next(self._scans)}", binary=True) as cursor:
            cursor.execute(statement)
            while rows := cursor.fetchmany(READ_CHUNK):
                yield from rows


def _columns(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _advance(connection: Connection, advance: Advance) -> psycopg.Cursor[Any]:
    """Compare and set: the position must be the one this process last saw."""
    values = [advance.new, advance.stream_seq, advance.source]
    if advance.old is None:
        return connection.execute(FIRST_ADVANCE, values)
    return connection.execute(ADVANCE, [*values, advance.old])


def _send_to_its_end(connection: Connection) -> None:
    """Before an answer is waited for: psycopg would only read, and the server waits for the rest of a large batch.

    The connection breaks where it takes nothing for longer than `tcp_user_timeout`.
    """
    writable = select.poll()
    writable.register(connection.fileno(), select.POLLOUT)
    while connection.pgconn.flush():
        writable.poll()


def _require_moved(moves: Iterable[tuple[Advance, psycopg.Cursor[Any]]]) -> None:
    for advance, moved in moves:
        if moved.rowcount != 1:
            raise StalePosition(f"{advance.source} is no longer at {advance.old}: another process moved it")
