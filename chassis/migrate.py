"""`python -m chassis.migrate`: make each service's schema, role and tables in PostgreSQL, and those of the keys, or
bring them up to date.

Forward only, one at a time whoever calls it, each step in a transaction of its own. Run it as the database's owner,
before the services: they may only use what it makes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

import psycopg
from eventsourcing.persistence import PersistenceError
from psycopg import sql

from chassis.event_store import OldStore
from chassis.migrations import KEYS, Applied, Migration, migrations, outstanding
from chassis.postgres_connections import (
    Connection,
    ConnectionLost,
    again,
    eraser_of,
    first_line,
    parameters,
    schema_of,
    told,
)
from chassis.settings import SettingsWrong, system
from contracts.parking import SERVICES

LOCK = "SELECT pg_advisory_lock(hashtextextended('doorstep migrations', 0))"
LOCK_WAIT = "SET lock_timeout = '60s'"
STORES = (KEYS, *SERVICES)
"""The keys first: a service whose store is there finds them, too."""
VERSION_MIN = 140_000
DURABLE = ("fsync", "full_page_writes")
BOOK = """
CREATE TABLE IF NOT EXISTS applied_migrations (
    number integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
)
"""
MISSING_ROLES = """
SELECT name FROM unnest(%s::text[]) AS wanted (name) LEFT JOIN pg_roles ON rolname = name
WHERE rolname IS NULL OR NOT pg_has_role(oid, %s)
"""
MAY_MAKE_ROLES = "SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user"


class CannotMigrate(Exception):
    """The database cannot be used, or not by this user; the message says what to do."""


def migrate(
    url: str,
    cell: str = "default",
    stores: Sequence[str] = STORES,
    steps: Sequence[Migration] | None = None,
) -> dict[str, list[str]]:
    """Bring the schemas of these stores to the newest step; returns what was applied to each.

    Raises `CannotMigrate`, `OldStore` where an applied step was changed since, `PersistenceError` for anything else.
    """
    connection = again(lambda: _connect(url))
    with connection, told(connection):
        _require_fit(connection)
        connection.execute(LOCK_WAIT)
        connection.execute(LOCK)
        return {
            schema_of(cell, store): _bring_up(
                connection, cell, store, migrations(store) if steps is None else steps
            )
            for store in stores
        }


def require_roles(url: str, cell: str = "default") -> None:
    """Return if `migrate` can begin: the database answers, and has the cell's roles for us or lets us make them.

    Raises `ConnectionLost`, and `CannotMigrate` naming the first role that is missing.
    """
    roles = [role for store in STORES for role in roles_of(cell, store)]
    with _connect(url) as connection, told(connection):
        missing = connection.execute(MISSING_ROLES, [roles, _membership(connection)]).fetchall()
        if missing and not _ask(connection, MAY_MAKE_ROLES):
            raise CannotMigrate(
                f"{connection.info.user} may not act as the role {missing[0][0]}, nor make it"
            )


def roles_of(cell: str, store: str) -> tuple[str, ...]:
    """Whom a store is made for: the role of its service, and with the keys whoever may destroy them."""
    schema = schema_of(cell, store)
    return (schema, eraser_of(schema)) if store == KEYS else (schema,)


def _connect(url: str) -> Connection:
    try:
        return psycopg.connect(parameters(url, "doorstep_migrate"), autocommit=True)
    except psycopg.OperationalError as trouble:
        raise ConnectionLost(first_line(trouble)) from trouble


def _require_fit(connection: Connection) -> None:
    if connection.info.server_version < VERSION_MIN:
        raise CannotMigrate(f"PostgreSQL {VERSION_MIN // 10_000} or newer is needed")
    if connection.info.parameter_status("server_encoding") != "UTF8":
        raise CannotMigrate("the database does not keep its texts as UTF-8: create it with ENCODING 'UTF8'")
    for setting in DURABLE:
        if _ask(connection, "SELECT current_setting(%s)", setting) != "on":
            raise CannotMigrate(f"{setting} is off: what was acknowledged would not be on disk. Switch it on")


def _bring_up(connection: Connection, cell: str, store: str, known: Sequence[Migration]) -> list[str]:
    schema = schema_of(cell, store)
    for role in roles_of(cell, store):
        _have_role(connection, role)
    if not _ask(connection, "SELECT count(*) FROM pg_namespace WHERE nspname = %s", schema):
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    connection.execute("SELECT set_config('search_path', quote_ident(%s), false)", [schema])
    connection.execute(BOOK)
    due = outstanding(schema, _applied(connection), known)
    for step in due:
        _apply(connection, step)
    return [step.name for step in due]


def _applied(connection: Connection) -> Applied:
    return connection.execute(
        "SELECT number, name, sha256 FROM applied_migrations ORDER BY number"
    ).fetchall()


def _apply(connection: Connection, step: Migration) -> None:
    with connection.transaction():
        connection.execute(step.statements.encode())
        connection.execute(
            "INSERT INTO applied_migrations (number, name, sha256) VALUES (%s, %s, %s)",
            [step.number, step.name, step.sha256],
        )


def _have_role(connection: Connection, role: str) -> None:
    """The role that the service acts as, which we and its login user must be members of."""
    create = sql.SQL("CREATE ROLE {}").format(sql.Identifier(role))
    grant = sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role))
    try:
        if not _ask(connection, "SELECT count(*) FROM pg_roles WHERE rolname = %s", role):
            connection.execute(create)
        if not _ask(connection, "SELECT pg_has_role(%s, %s)", role, _membership(connection)):
            connection.execute(grant)
    except psycopg.errors.InsufficientPrivilege:
        user = connection.info.user
        raise CannotMigrate(
            f"{user} may not create roles: have an administrator run"
            f" `CREATE ROLE {role}; GRANT {role} TO {user};` for each service, then migrate again"
        ) from None


def _membership(connection: Connection) -> str:
    """What the server calls the right to act as a role."""
    return "SET" if connection.info.server_version >= 160_000 else "MEMBER"


def _ask(connection: Connection, question: str, *values: str) -> Any:
    row = connection.execute(question, values).fetchone()
    assert row is not None
    return row[0]


def main() -> None:
    """Migrate the database of `DOORSTEP_DATABASE_URL`; exit 1 with one clear line if that cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m chassis.migrate", description=__doc__)
    parser.add_argument("--json", action="store_true", help="machine-readable output")
    chosen = parser.parse_args()
    try:
        settings = system()
        if not settings.database_url:
            raise CannotMigrate(
                "no database: set DOORSTEP_DATABASE_URL, e.g. postgresql://owner@host/doorstep"
            )
        done = migrate(settings.database_url, settings.cell)
    except (CannotMigrate, OldStore, PersistenceError, SettingsWrong) as known:
        sys.exit(f"migrate: {known}")
    newest = {schema_of(settings.cell, store): migrations(store)[-1].name for store in STORES}
    told_as = {schema: {"applied": applied, "at": newest[schema]} for schema, applied in done.items()}
    lines = (f"{schema}: {', '.join(applied) or 'nothing to do'}" for schema, applied in done.items())
    print(json.dumps(told_as) if chosen.json else "\n".join(lines))  # noqa: T201 - the command's result


if __name__ == "__main__":
    main()
