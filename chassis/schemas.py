"""A service's schema in PostgreSQL as a whole, for those who make it anew: empty in its place, or as it was before.

Whoever does so owns the store (`session_lock.py`) and is the database's owner, as for `migrate.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from chassis.migrate import CannotMigrate, migrate
from chassis.postgres_connections import (
    Connection,
    ConnectionLost,
    aside_of,
    first_line,
    parameters,
    schema_of,
    told,
)
from chassis.postgres_store import PostgresStore


@contextmanager
def replaced(url: str, cell: str, service: str) -> Iterator[PostgresStore]:
    """A new, empty store for the length of a block; it takes the old one's place unless the block fails.

    The old one is put aside in one step, and dropped at the end in another. If we are cut off in between, the next
    one puts it back before it begins. Raises `ConnectionLost`, or `CannotMigrate` for one who is not the owner.
    """
    schema = schema_of(cell, service)
    aside = aside_of(schema)
    with _connected(url) as connection:
        _undo(connection, schema, aside)
        if _is_there(connection, schema):
            connection.execute(_say("ALTER SCHEMA {} RENAME TO {}", schema, aside))
    try:
        migrate(url, cell, (service,))
        store = PostgresStore(url, schema)
        try:
            yield store
        finally:
            store.close()
    except BaseException:
        with _connected(url) as connection:
            connection.execute(_say("DROP SCHEMA IF EXISTS {} CASCADE", schema))
            _undo(connection, schema, aside)
        raise
    with _connected(url) as connection:
        connection.execute(_say("DROP SCHEMA IF EXISTS {} CASCADE", aside))


def aside_holds_events(url: str, cell: str, service: str) -> bool:
    """Whether the store that waits to be replaced, by an attempt that was cut off, has a history. Raises as above."""
    events = sql.Identifier(aside_of(schema_of(cell, service)), "stored_events")
    with _connected(url) as connection:
        found = connection.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(events)).fetchone()
    return found == (True,)


def _undo(connection: Connection, schema: str, aside: str) -> None:
    if not _is_there(connection, aside):
        return
    with connection.transaction():
        connection.execute(_say("DROP SCHEMA IF EXISTS {} CASCADE", schema))
        connection.execute(_say("ALTER SCHEMA {} RENAME TO {}", aside, schema))


def _is_there(connection: Connection, schema: str) -> bool:
    return connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", [schema]).fetchone() is not None


def _say(statement: str, *names: str) -> sql.Composed:
    return sql.SQL(statement).format(*map(sql.Identifier, names))


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    try:
        connection = psycopg.connect(parameters(url, "doorstep_schemas"), autocommit=True)
    except psycopg.OperationalError as trouble:
        raise ConnectionLost(first_line(trouble)) from trouble
    with connection, told(connection):
        try:
            yield connection
        except psycopg.errors.InsufficientPrivilege as refused:
            raise CannotMigrate(f"{first_line(refused)}: do this as the database's owner") from refused
