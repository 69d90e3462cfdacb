"""What the roles of the key store may not do in PostgreSQL: who reads keys destroys none, who has none reads none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from chassis.clock import rfc3339
from chassis.keys.master import MasterKey
from chassis.keys.store import Wanted
from chassis.migrate import migrate
from chassis.migrations import KEYS
from chassis.postgres_connections import eraser_of, schema_of
from tests.postgres import Database

THEN, NOW = "2026-01-21T12:00:00.000000Z", "2026-01-22T12:00:00.000000Z"
SERVICES_MAY_NOT = (
    "UPDATE keys SET wrapped = NULL, destroyed_at = 'now'",
    "UPDATE keys SET wrapped = NULL, destroyed_at = 'now' WHERE false",
    "DELETE FROM keys",
    "DELETE FROM owners",
    "UPDATE ties SET entity = 'x'",
    "TRUNCATE keys",
    "DROP TABLE keys",
    "ALTER TABLE keys DISABLE TRIGGER ALL",
    "SELECT * FROM accesses",
    "DELETE FROM accesses",
    "UPDATE masters SET fingerprint = 'x'",
    "UPDATE keys SET wrapped = wrapped",
    "INSERT INTO rotations VALUES (1, 'now', 'me', 'mine', 'x', '')",
    "UPDATE rotations SET fingerprint = 'x'",
    "DELETE FROM rotations",
    "CREATE OR REPLACE FUNCTION refuse_other_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "INSERT INTO keys (key_id, kind, made_at, wrapped) SELECT key_id, kind, made_at, wrapped FROM keys"
    " ON CONFLICT (key_id) DO UPDATE SET wrapped = ''",
    "CREATE OR REPLACE FUNCTION forget_bodies(text, text, text, text) RETURNS bigint LANGUAGE sql AS 'SELECT 1'",
    "CREATE OR REPLACE FUNCTION forget_accesses(text) RETURNS bigint LANGUAGE sql AS 'SELECT 1'",
    "UPDATE accesses SET who = 'somebody else'",
    "TRUNCATE accesses",
    "INSERT INTO accesses (at, who, key_id, login) VALUES ('now', 'billing', 'key', 'somebody_else')",
    "INSERT INTO accesses (at, who, key_id, noted_at) VALUES ('now', 'billing', 'key', '2001-01-01')",
    "UPDATE accesses SET noted_at = '2001-01-01'",
    "SELECT forget_bodies('2026-01-01', 'doorstep', 'kept for 90 days', 'now')",
    "SELECT forget_accesses('2001-01-01')",
    "SELECT require_keeper()",
    "CREATE TABLE mine (id bigint)",
    "SET ROLE {eraser}",
)
ERASERS_MAY_NOT = (
    "DELETE FROM keys",
    "UPDATE keys SET key_id = 'x'",
    "UPDATE owners SET owner = 'x'",
    "UPDATE masters SET fingerprint = 'x'",
    "UPDATE rotations SET fingerprint = 'x'",
    "DELETE FROM rotations",
    "TRUNCATE rotations",
    "ALTER TABLE keys DISABLE TRIGGER ALL",
    "DELETE FROM accesses",
    "TRUNCATE accesses",
    "SELECT forget_accesses('2026-01-01')",
    "DROP TABLE keys",
)
NOTED = b"INSERT INTO accesses (at, who, key_id) VALUES (%s, 'shipping', 'key')"
NOBODY_MAY = (
    "DELETE FROM keys",
    "TRUNCATE keys",
    "UPDATE keys SET wrapped = 'x'",
    "UPDATE keys SET made_at = 'x', wrapped = NULL, destroyed_at = 'now'",
)


@pytest.fixture
def schema(database: Database) -> str:
    """The keys of a cell: a person's, and a body's."""
    cell = database.new_cell()
    with closing(database.keys(cell, lambda: MasterKey(bytes(32)))) as store:
        store.issue([Wanted(owner="ada@example.com", entity="order/shop:1")], THEN)
        store.issue_bodies(["shop:1"], THEN)
    migrate(database.url, cell, ("inventory",))
    return schema_of(cell, KEYS)


@pytest.fixture
def owner(database: Database) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database.url, autocommit=True) as session:
        yield session


def acting(session: psycopg.Connection, role: str, schema: str) -> psycopg.Connection:
    """As a login in production would: with this role, and no way back to another."""
    session.execute(f"CREATE ROLE {role}_login LOGIN IN ROLE {role}".encode())
    session.execute(f"SET SESSION AUTHORIZATION {role}_login".encode())
    session.execute(f"SET search_path TO {schema}".encode())
    return session


def keeping(owner: psycopg.Connection, schema: str) -> psycopg.Connection:
    """As the service that takes bodies in."""
    keeper = schema.removesuffix(KEYS) + "orders"
    owner.execute(f"CREATE ROLE {keeper}_login LOGIN IN ROLE {keeper}, {schema}".encode())
    owner.execute(f"SET SESSION AUTHORIZATION {keeper}_login".encode())
    owner.execute(f"SET ROLE {schema}".encode())
    owner.execute(f"SET search_path TO {schema}".encode())
    return owner


def usable(session: psycopg.Connection, schema: str) -> list[str]:
    session.execute(b"RESET SESSION AUTHORIZATION")
    rows = session.execute(f"SELECT kind FROM {schema}.keys WHERE wrapped IS NOT NULL ORDER BY kind".encode())
    return [str(kind) for (kind,) in rows.fetchall()]


@pytest.mark.parametrize("statement", SERVICES_MAY_NOT)
def test_a_service_reads_and_makes_keys_and_nothing_else(
    owner: psycopg.Connection, schema: str, statement: str
) -> None:
    """Whatever is wrong with its code, or whoever has got hold of it."""
    session = acting(owner, schema, schema)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        session.execute(statement.format(eraser=eraser_of(schema)).encode())
    assert usable(session, schema) == ["body", "person"]


@pytest.mark.parametrize("statement", ERASERS_MAY_NOT)
def test_the_eraser_destroys_keys_and_nothing_else(
    owner: psycopg.Connection, schema: str, statement: str
) -> None:
    """What is left of a key answers for it."""
    session = acting(owner, eraser_of(schema), schema)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        session.execute(statement.encode())
    session.execute(b"UPDATE keys SET wrapped = NULL, destroyed_at = 'now' WHERE kind = 'person'")
    assert usable(session, schema) == ["body"]


@pytest.mark.parametrize("statement", NOBODY_MAY)
def test_not_even_the_owner_does_more_than_destroy(
    owner: psycopg.Connection, schema: str, statement: str
) -> None:
    """The server's triggers see to that."""
    owner.execute(f"SET search_path TO {schema}".encode())
    with pytest.raises(psycopg.errors.RestrictViolation):
        owner.execute(statement.encode())
    assert usable(owner, schema) == ["body", "person"]


WRAPPED = "UPDATE keys SET wrapped = set_byte(wrapped, 0, 255 - get_byte(wrapped, 0))"
RECORDED = "INSERT INTO rotations VALUES (1, 'now', 'dpo', 'leaked', 'x', '')"
NO_ROTATIONS = (
    (WRAPPED,),
    (RECORDED, "COMMIT", "BEGIN", WRAPPED),
    ("CREATE TEMP TABLE rotations (number bigint)", "INSERT INTO rotations VALUES (1)", WRAPPED),
    (RECORDED, "UPDATE keys SET wrapped = 'short'"),
    (RECORDED, f"{WRAPPED}, destroyed_at = 'now'"),
)
"""What looks like a rotation and is none: not recorded, recorded before, recorded elsewhere, or something else."""


@pytest.mark.parametrize("statements", NO_ROTATIONS)
def test_a_key_is_wrapped_anew_by_a_recorded_rotation_only(
    owner: psycopg.Connection, schema: str, statements: tuple[str, ...]
) -> None:
    """Also by the role that may: whoever reads `rotations` sees every time that it was done."""
    session = acting(owner, eraser_of(schema), schema)
    session.execute(f"SET ROLE {eraser_of(schema)}".encode())
    before = wrapped_in(session)
    session.execute(b"BEGIN")
    for statement in statements[:-1]:
        session.execute(statement.encode())
    with pytest.raises((psycopg.errors.RestrictViolation, psycopg.errors.CheckViolation)):
        session.execute(statements[-1].encode())
    session.execute(b"ROLLBACK")
    assert wrapped_in(session) == before


def test_the_eraser_wraps_anew_and_what_is_recorded_stays(owner: psycopg.Connection, schema: str) -> None:
    """In one transaction with the record, which not even the owner takes back; nobody else wraps, not even with one."""
    session = acting(owner, eraser_of(schema), schema)
    session.execute(f"SET ROLE {eraser_of(schema)}".encode())
    before = wrapped_in(session)
    for statement in ("BEGIN", RECORDED, WRAPPED, "COMMIT"):
        session.execute(statement.encode())
    assert not set(wrapped_in(session)) & set(before)
    session.execute(b"RESET SESSION AUTHORIZATION")
    for statement in ("DELETE FROM rotations", "UPDATE rotations SET actor = 'x'", "TRUNCATE rotations"):
        with pytest.raises(psycopg.errors.RestrictViolation):
            owner.execute(statement.encode())
    owner.execute(b"BEGIN")
    owner.execute(RECORDED.replace("(1,", "(2,").encode())
    with pytest.raises(psycopg.errors.RestrictViolation):
        owner.execute(WRAPPED.encode())
    owner.execute(b"ROLLBACK")


def wrapped_in(session: psycopg.Connection) -> list[bytes]:
    return [bytes(one) for (one,) in session.execute(b"SELECT wrapped FROM keys ORDER BY key_id").fetchall()]


def test_a_service_without_personal_data_has_no_keys(owner: psycopg.Connection, schema: str) -> None:
    """Inventory knows goods, not people."""
    session = acting(owner, schema.removesuffix(KEYS) + "inventory", schema)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        session.execute(f"SELECT * FROM {schema}.keys".encode())


def test_accesses_of_the_last_month_are_forgotten_by_nobody(
    owner: psycopg.Connection, schema: str, database: Database
) -> None:
    """The service that keeps them may tidy up what is old; what was fetched today stays for whoever asks tomorrow."""
    today = datetime.now(UTC)
    for days in (0, 28, 31, 500):
        owner.execute(f"SET search_path TO {schema}".encode())
        owner.execute(NOTED, [rfc3339(today - timedelta(days=days))])
    database.note_accesses_when_they_say(schema)
    session = keeping(owner, schema)
    forget = b"SELECT forget_accesses(%s)"
    for days in (-1, 0, 28):
        with pytest.raises(psycopg.errors.RestrictViolation):
            session.execute(forget, [rfc3339(today - timedelta(days=days))])
    assert session.execute(forget, [rfc3339(today - timedelta(days=400))]).fetchone() == (1,)
    assert session.execute(forget, [rfc3339(today - timedelta(days=30))]).fetchone() == (1,)
    session.execute(b"RESET SESSION AUTHORIZATION")
    assert owner.execute(f"SELECT count(*) FROM {schema}.accesses".encode()).fetchone() == (2,)


def test_an_access_that_is_said_to_be_old_is_not_forgotten(owner: psycopg.Connection, schema: str) -> None:
    """Whoever writes down a wrong day for what it fetched would otherwise have it wiped away at once."""
    session = keeping(owner, schema)
    session.execute(NOTED, ["2001-01-01T00:00:00.000000Z"])
    assert session.execute(b"SELECT forget_accesses('2002-01-01T00:00:00Z')").fetchone() == (0,)


def test_who_fetched_a_key_is_what_the_server_saw(owner: psycopg.Connection, schema: str) -> None:
    """Whatever a service says of itself: each has a login of its own in a cluster."""
    session = acting(owner, schema, schema)
    session.execute(f"SET ROLE {schema}".encode())
    session.execute(NOTED, [NOW])
    session.execute(b"RESET SESSION AUTHORIZATION")
    noted = owner.execute(f"SELECT who, login FROM {schema}.accesses".encode()).fetchall()
    assert noted == [("shipping", f"{schema}_login")]


FORGET = b"SELECT forget_bodies(%s, 'somebody', 'kept for 90 days', '2001-01-01T00:00:00.000000Z')"


def test_bodies_that_are_too_old_can_be_forgotten_by_whoever_keeps_them(
    owner: psycopg.Connection, schema: str
) -> None:
    """And no person with them. Who did it and when is the server's word."""
    made = datetime.fromisoformat(THEN)
    session = keeping(owner, schema)
    assert session.execute(FORGET, [rfc3339(made)]).fetchone() == (0,)
    assert session.execute(FORGET, [rfc3339(made + timedelta(seconds=1))]).fetchone() == (1,)
    assert usable(session, schema) == ["person"]
    said = owner.execute(f"SELECT actor, destroyed_at FROM {schema}.keys WHERE wrapped IS NULL".encode())
    ((actor, destroyed_at),) = said.fetchall()
    assert actor == schema.removesuffix(KEYS) + "orders_login"
    assert abs(datetime.now(UTC) - datetime.fromisoformat(destroyed_at)) < timedelta(minutes=1)


@pytest.mark.parametrize("before", ["9999", "2999-01-01T00:00:00Z", "now"])
def test_bodies_of_the_last_day_are_forgotten_by_nobody(
    owner: psycopg.Connection, schema: str, before: str
) -> None:
    """Not even by whoever keeps them: the newest are still to be read."""
    session = keeping(owner, schema)
    with pytest.raises(psycopg.errors.RestrictViolation):
        session.execute(FORGET, [rfc3339(datetime.now(UTC)) if before == "now" else before])
    assert usable(session, schema) == ["body", "person"]
