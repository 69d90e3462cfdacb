"""The tables in PostgreSQL: made by numbered steps, once each; and what the role that uses them may not do."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from chassis.batch import Batch, NewEvent
from chassis.event_store import OldStore
from chassis.migrate import CannotMigrate, migrate
from chassis.migrations import Migration, migrations, read
from chassis.postgres_connections import schema_of
from chassis.postgres_store import PostgresStore
from tests.postgres import Database

NEXT = Migration(2, "0002_more", "CREATE TABLE more (id bigint);")


@pytest.fixture
def cell(database: Database) -> str:
    return database.new_cell()


@pytest.fixture
def application(database: Database, cell: str) -> Iterator[psycopg.Connection]:
    """A session of the service's role, with one event stored."""
    store = database.store(cell)
    store.commit(Batch(events=[NewEvent(1, "order/a", 1, "t", b"{}", b"")]))
    store.close()
    with psycopg.connect(database.url, autocommit=True) as session:
        role = schema_of(cell, "orders")
        session.execute(f"SET ROLE {role}".encode())
        session.execute(f"SET search_path TO {role}".encode())
        yield session


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE stored_events SET topic = 'x'",
        "DELETE FROM stored_events",
        "TRUNCATE stored_events",
        "DROP TABLE stored_events",
        "ALTER TABLE stored_events DISABLE TRIGGER ALL",
        "ALTER TABLE stored_events ADD COLUMN more text",
        "CREATE TABLE mine (id bigint)",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "DROP TRIGGER stored_events_no_change ON stored_events",
        "TRUNCATE entities",
        "DELETE FROM positions",
        "UPDATE applied_migrations SET sha256 = ''",
    ],
)
def test_the_services_role_may_only_add_and_read_events(
    application: psycopg.Connection, statement: str
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        application.execute(statement.encode())
    assert application.execute("SELECT count(*) FROM stored_events").fetchone() == (1,)


def test_a_service_cannot_look_into_another_ones_store(database: Database, cell: str) -> None:
    migrate(database.url, cell, ("billing",))
    database.store(cell, "orders").close()
    with psycopg.connect(database.url, autocommit=True) as session:
        session.execute(f"SET ROLE {schema_of(cell, 'orders')}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute(f"SELECT * FROM {schema_of(cell, 'billing')}.stored_events".encode())


@pytest.mark.parametrize("trick", ["", "SET session_replication_role = replica"])
@pytest.mark.parametrize(
    "change", ["UPDATE stored_events SET topic='x'", "DELETE FROM stored_events", "TRUNCATE stored_events"]
)
def test_not_even_the_owner_changes_what_was_said(
    database: Database, application: psycopg.Connection, change: str, trick: str
) -> None:
    """Nor where triggers are switched off for the session."""
    application.execute("RESET ROLE")
    application.execute(trick.encode())
    with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
        application.execute(change.encode())


def test_each_step_is_applied_once_and_new_ones_follow(database: Database, cell: str) -> None:
    schema = schema_of(cell, "orders")
    first = [step.name for step in migrations()]
    assert migrate(database.url, cell, ("orders",)) == {schema: first}
    assert migrate(database.url, cell, ("orders",)) == {schema: []}
    assert migrate(database.url, cell, ("orders",), (*migrations(), NEXT)) == {schema: ["0002_more"]}


def test_many_at_once_apply_each_step_once(database: Database, cell: str) -> None:
    """Every replica may migrate when it starts: one does it, the others wait and find it done."""
    with ThreadPoolExecutor(6) as replicas:
        done = list(replicas.map(lambda _: migrate(database.url, cell, ("orders",)), range(6)))
    applied = [name for result in done for names in result.values() for name in names]
    assert applied == [step.name for step in migrations()]


def test_a_step_that_fails_leaves_nothing_of_itself(database: Database, cell: str) -> None:
    broken = replace(NEXT, statements="CREATE TABLE half (id bigint); SELECT 1/0;")
    with pytest.raises(Exception, match="division by zero"):
        migrate(database.url, cell, ("orders",), (*migrations(), broken))
    assert migrate(database.url, cell, ("orders",), (*migrations(), NEXT)) != {}
    with psycopg.connect(database.url) as owner:
        found = owner.execute("SELECT to_regclass(%s)", [f"{schema_of(cell, 'orders')}.half"]).fetchone()
    assert found == (None,)


def test_a_changed_or_missing_step_is_refused(database: Database, cell: str) -> None:
    """What made a database is part of its history."""
    migrate(database.url, cell, ("orders",), (*migrations(), NEXT))
    changed = replace(migrations()[0], statements="SELECT 1;")
    with pytest.raises(OldStore, match=r"0001_event_store .* was changed or removed"):
        migrate(database.url, cell, ("orders",), (changed, NEXT))
    with pytest.raises(OldStore, match="later release"):
        migrate(database.url, cell, ("orders",))
    with pytest.raises(OldStore, match="later release"):
        PostgresStore(database.url, schema_of(cell, "orders"))


def test_a_store_that_was_never_made_is_refused_with_what_to_do(database: Database, cell: str) -> None:
    with pytest.raises(OldStore, match=r"python -m chassis\.migrate"):
        PostgresStore(database.url, schema_of(cell, "orders"))


def test_a_schema_that_nobody_finished_is_refused_with_what_to_do(database: Database, cell: str) -> None:
    """Whoever made it died before the first table: it is migrated like a new one."""
    schema = schema_of(cell, "orders")
    migrate(database.url, cell, ("orders",))
    with psycopg.connect(database.url, autocommit=True) as owner:
        owner.execute(
            f"DROP SCHEMA {schema} CASCADE; CREATE SCHEMA {schema}; GRANT USAGE ON SCHEMA {schema} TO {schema}".encode()
        )
    with pytest.raises(OldStore, match=r"lacks 0001_event_store: run `python -m chassis\.migrate` first"):
        PostgresStore(database.url, schema)
    database.store(cell).close()


def test_who_may_not_create_roles_is_told_what_to_ask_for(database: Database, cell: str) -> None:
    with psycopg.connect(database.url, autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {cell} LOGIN PASSWORD 'pw'".encode())
    url = psycopg.conninfo.make_conninfo(database.url, user=cell, password="pw")
    with pytest.raises(CannotMigrate, match=rf"CREATE ROLE {schema_of(cell, 'orders')}; GRANT"):
        migrate(url, cell, ("orders",))


def test_an_owner_without_superpowers_can_do_it_all(database: Database, cell: str) -> None:
    """With roles prepared by an administrator, or with the right to create them."""
    with psycopg.connect(database.url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {cell} LOGIN PASSWORD 'pw' CREATEROLE".encode())
        admin.execute(f"GRANT CREATE ON DATABASE {admin.info.dbname} TO {cell}".encode())
    url = psycopg.conninfo.make_conninfo(database.url, user=cell, password="pw")
    migrate(url, cell, ("orders",))
    store = PostgresStore(url, schema_of(cell, "orders"))
    store.commit(Batch(events=[NewEvent(1, "order/a", 1, "t", b"{}", b"")]))
    assert store.last_position() == 1
    store.close()


def test_a_login_of_its_own_needs_no_more_than_the_services_role(database: Database, cell: str) -> None:
    """Production: each service logs in as itself, and the owner's password is nowhere near it."""
    migrate(database.url, cell, ("orders", "billing"))
    with psycopg.connect(database.url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {cell} LOGIN PASSWORD 'pw' IN ROLE {schema_of(cell, 'orders')}".encode())
    url = psycopg.conninfo.make_conninfo(database.url, user=cell, password="pw")
    store = PostgresStore(url, schema_of(cell, "orders"))
    store.commit(Batch(events=[NewEvent(1, "order/a", 1, "t", b"{}", b"")]))
    assert store.last_position() == 1
    store.close()
    with pytest.raises(OldStore, match="permission denied"):
        PostgresStore(url, schema_of(cell, "billing"))


def test_a_gap_in_the_numbers_is_a_fault_of_the_release(tmp_path: Path) -> None:
    for name in ("0001_a.sql", "0003_c.sql"):
        (tmp_path / name).write_text("SELECT 1;")
    with pytest.raises(AssertionError, match="gap"):
        read(tmp_path)
