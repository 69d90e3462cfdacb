"""The keys in a schema of PostgreSQL of their own, made by `migrate.py`.

Who needs a field may look keys up and make new ones, as the role `doorstep_<cell>_keys`; to destroy one takes the role
`doorstep_<cell>_keys_eraser`. The server sees to that, not this code. Only a body or a note of an access that is kept
too long may be forgotten by whoever keeps it, through functions of the schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from eventsourcing.persistence import PersistenceError

from chassis.event_store import OldStore
from chassis.keys.away import KeysAway
from chassis.keys.master import MasterKey
from chassis.keys.store import KeyStore
from chassis.keys.tables import Purpose, Row
from chassis.postgres_connections import Connection, Connections, eraser_of

BEGIN = {
    Purpose.READ: "SET LOCAL synchronous_commit = off",
    Purpose.ISSUE: "SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), 0))",
    Purpose.ERASE: "SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), 0))",
}
TYPES = {"wrapped": "bytea", "naming": "bytea", "number": "bigint"}
WRAP_ANEW = """
UPDATE keys SET wrapped = anew.wrapped FROM unnest(%s::bytea[], %s::text[]) AS anew (wrapped, key_id)
    WHERE keys.key_id = anew.key_id
"""
FORGET_BODIES = "SELECT forget_bodies(%s, %s, %s, %s)"
FORGET_ACCESSES = "SELECT forget_accesses(%s)"


class PostgresKeys(KeyStore):
    """The keys in the schema `schema` of the database at `url`."""

    def __init__(self, url: str, schema: str, master: Callable[[], MasterKey]) -> None:
        super().__init__(master)
        self.place = f"the database's schema {schema}"
        self._uses = Connections(url, schema, read_only=False)
        self._erases = Connections(url, schema, read_only=False, role=eraser_of(schema))

    @contextmanager
    def transaction(self, purpose: Purpose) -> Iterator[PostgresSession]:
        """See `KeyStore`."""
        connections = self._erases if purpose is Purpose.ERASE else self._uses
        with self._told(), connections.use() as connection, connection.transaction():
            connection.execute(BEGIN[purpose].encode())
            yield PostgresSession(connection)

    def expire_bodies(self, before: str, reason: str, now: str) -> int:
        """See `KeyStore`. Takes no more than the right to use keys."""
        with self.transaction(Purpose.ISSUE) as sql:
            return int(sql.rows(FORGET_BODIES, before, "", reason, now)[0][0])

    def forget_accesses(self, before: str) -> int:
        """See `KeyStore`. Takes no more than the right to use keys."""
        with self.transaction(Purpose.READ) as sql:
            return int(sql.rows(FORGET_ACCESSES, before)[0][0])

    def sweep(self) -> None:
        """Nothing: old versions of rows are PostgreSQL's own to clear away, as is its write-ahead log."""

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self._uses.close()
        self._erases.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (PersistenceError, OldStore) as trouble:
            is_old = isinstance(trouble.__cause__, psycopg.errors.UndefinedTable)
            what_to_do = ": run `python -m chassis.migrate` first" if is_old else ""
            raise KeysAway(f"the keys in {self.place} cannot be used: {trouble}{what_to_do}") from trouble


class PostgresSession:
    """One transaction in the schema."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows(self, statement: str, *values: Any) -> list[Row]:
        """See `key_tables.Session`."""
        return self._connection.execute(statement.encode(), values).fetchall()

    def change(self, statement: str, *values: Any) -> int:
        """See `key_tables.Session`."""
        return self._connection.execute(statement.encode(), values).rowcount

    def wrap_anew(self, rows: Sequence[tuple[bytes, str]]) -> None:
        """See `key_tables.Session`. One statement, however many rows."""
        if rows:
            self._connection.execute(WRAP_ANEW.encode(), [list(column) for column in zip(*rows, strict=True)])

    def add(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """See `key_tables.Session`. One statement, however many rows."""
        if not rows:
            return
        arrays = ", ".join(f"%s::{TYPES.get(column, 'text')}[]" for column in columns)
        self._connection.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM unnest({arrays})"  # noqa: S608
            " ON CONFLICT DO NOTHING".encode(),
            [list(column) for column in zip(*rows, strict=True)],
        )
