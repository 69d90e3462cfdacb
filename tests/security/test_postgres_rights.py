"""What a service's role may not do in PostgreSQL, tried statement by statement: nothing of it changes anything."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from chassis.batch import Batch, NewEvent
from chassis.migrate import migrate
from chassis.postgres_connections import schema_of
from tests.postgres import Database

ITS_OWN = (
    "UPDATE stored_events SET topic = 'x'",
    "UPDATE stored_events SET state = '' WHERE false",
    "DELETE FROM stored_events",
    "DELETE FROM stored_events WHERE false",
    "TRUNCATE stored_events",
    "INSERT INTO stored_events VALUES (1, 'order/a', 1, 't', '', '', '')"
    " ON CONFLICT (notification_id) DO UPDATE SET topic = 'x'",
    "MERGE INTO stored_events s USING (SELECT 1::bigint AS id) x ON s.notification_id = x.id"
    " WHEN MATCHED THEN DELETE",
    "SELECT * FROM stored_events FOR UPDATE",
    "DROP TABLE stored_events",
    "DROP TABLE stored_events CASCADE",
    "ALTER TABLE stored_events RENAME TO other",
    "ALTER TABLE stored_events ADD COLUMN more text",
    "ALTER TABLE stored_events DISABLE TRIGGER ALL",
    "ALTER TABLE stored_events OWNER TO CURRENT_USER",
    "DROP TRIGGER stored_events_no_change ON stored_events",
    "CREATE TRIGGER mine BEFORE INSERT ON stored_events FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE RULE mine AS ON INSERT TO stored_events DO INSTEAD NOTHING",
    "CREATE INDEX ON stored_events (topic)",
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "TRUNCATE entities",
    "DELETE FROM positions",
    "UPDATE applied_migrations SET sha256 = ''",
    "DELETE FROM applied_migrations",
    "CREATE TABLE mine (id bigint)",
    "CREATE VIEW mine AS SELECT 1",
    "DROP SCHEMA CURRENT_SCHEMA CASCADE",
)
OF_THE_SERVER = (
    "SET session_replication_role = replica",
    "CREATE ROLE mine",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "CREATE DATABASE mine",
    "CREATE SCHEMA mine",
    "COPY stored_events TO PROGRAM 'cat'",
    "COPY entities FROM PROGRAM 'id'",
    "COPY stored_events TO '/tmp/doorstep-stolen'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_ls_dir('/')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT * FROM pg_authid",
    "ALTER SYSTEM SET fsync = off",
    "SELECT pg_reload_conf()",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE c AS '/tmp/x.so', 'x'",
    "SET ROLE {billing}",
    "SELECT * FROM {billing}.stored_events",
    "INSERT INTO {billing}.stored_events VALUES (1, 'a', 1, 't', '', '', '')",
    "UPDATE {billing}.entities SET state = ''",
    "DROP SCHEMA {billing} CASCADE",
    "SELECT schema_to_xml('{billing}', true, true, '')",
    "ALTER ROLE {billing} PASSWORD 'x'",
    "ALTER ROLE {billing} SET search_path = pg_temp",
    "GRANT {billing} TO CURRENT_USER",
    "CREATE TABLE public.mine (id bigint)",
    "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)",
    "CREATE CAST (text AS int) WITHOUT FUNCTION",
    "CREATE EVENT TRIGGER mine ON ddl_command_start EXECUTE FUNCTION refuse_change()",
    "CREATE PUBLICATION mine FOR TABLE stored_events",
    "SELECT pg_create_physical_replication_slot('mine')",
    "SELECT pg_create_logical_replication_slot('mine', 'test_decoding')",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename <> CURRENT_USER",
    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename <> CURRENT_USER",
    "SELECT pg_switch_wal()",
    "SELECT pg_promote()",
    "SELECT pg_read_binary_file('/etc/passwd')",
    "SELECT passwd FROM pg_shadow",
    "SELECT * FROM pg_largeobject",
    "SELECT * FROM pg_hba_file_rules",
    "SET log_statement = 'none'",
    "LOAD 'auto_explain'",
    "CHECKPOINT",
    "CREATE TABLESPACE mine LOCATION '/tmp'",
)


@pytest.fixture
def cell(database: Database) -> str:
    return database.new_cell()


@pytest.fixture
def session(database: Database, cell: str) -> Iterator[psycopg.Connection]:
    """A login of the service, as in production: not the owner, and no member of any other role."""
    store = database.store(cell)
    store.commit(Batch(events=[NewEvent(1, "order/a", 1, "t", b"{}", b"")]))
    store.close()
    migrate(database.url, cell, ("billing",))
    role = schema_of(cell, "orders")
    with psycopg.connect(database.url, autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {role}_login LOGIN IN ROLE {role}".encode())
        with psycopg.connect(database.url, autocommit=True) as login:
            login.execute(f"SET SESSION AUTHORIZATION {role}_login".encode())
            login.execute(f"SET search_path TO {role}".encode())
            yield login
        owner.execute(f"DROP ROLE {role}_login".encode())


@pytest.mark.parametrize("statement", [*ITS_OWN, *OF_THE_SERVER])
def test_it_is_refused(session: psycopg.Connection, cell: str, statement: str) -> None:
    """By the server, whatever our code would do."""
    said = statement.format(billing=schema_of(cell, "billing")).replace(
        "CURRENT_SCHEMA", schema_of(cell, "orders")
    )
    before = _seen(session)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        session.execute(said.encode())
    assert _seen(session) == before


def _seen(session: psycopg.Connection) -> list[tuple[object, ...]]:
    return session.execute("SELECT * FROM stored_events ORDER BY notification_id").fetchall()


def test_there_are_attempts_enough() -> None:
    """Thirty were asked for."""
    assert len({*ITS_OWN, *OF_THE_SERVER}) >= 68


def test_what_others_ask_the_server_is_not_shown(session: psycopg.Connection) -> None:
    """Their statements may hold what they store; the owner's session is there, and says nothing."""
    found = session.execute(
        "SELECT DISTINCT query FROM pg_stat_activity WHERE usename <> CURRENT_USER"
    ).fetchall()
    assert found == [("<insufficient privilege>",)]


def test_the_owner_cannot_rewrite_history_either(
    database: Database, session: psycopg.Connection, cell: str
) -> None:
    """Whoever migrates may change tables, and is refused by the trigger when it comes to what was said."""
    schema = schema_of(cell, "orders")
    with psycopg.connect(database.url, autocommit=True) as owner:
        for change in ("UPDATE {0} SET topic = 'x'", "DELETE FROM {0}", "TRUNCATE {0}"):
            with pytest.raises(psycopg.errors.RestrictViolation):
                owner.execute(change.format(f"{schema}.stored_events").encode())
    assert len(_seen(session)) == 1
