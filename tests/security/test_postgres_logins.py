"""A login for each service on a server of one's own: its own role and nothing else, with a password that can change."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from chassis.logins import CannotGiveLogins, give_logins
from chassis.migrate import migrate
from chassis.migrations import KEYS
from chassis.postgres_connections import schema_of
from contracts.services import MEETS_NOBODY, SERVICES
from tests.postgres import Database

ROLES = (
    "SELECT role.rolname FROM pg_roles role WHERE pg_has_role(%s, role.oid, 'MEMBER') AND role.rolname <> %s"
)
VERIFIER = "SELECT rolpassword FROM pg_authid WHERE rolname = %s"


@pytest.fixture
def cell(database: Database) -> str:
    """A cell whose stores are made."""
    cell = database.new_cell()
    migrate(database.url, cell)
    return cell


def secrets(folder: Path, cell: str, password: str) -> Path:
    """As `deploy.secrets` writes them, with logins of this cell's own: the server is shared by all tests."""
    for service in SERVICES:
        place = folder / f"postgres-{service}"
        place.mkdir(exist_ok=True)
        (place / "username").write_text(f"{cell}-{service}")
        (place / "password").write_text(f"{password}-{service}")
    return folder


def test_each_login_is_its_service_and_nothing_else(database: Database, cell: str, tmp_path: Path) -> None:
    """A right that somebody gave besides is taken away; the passwords are told to nobody, and new the second time."""
    logins = give_logins(database.url, cell, secrets(tmp_path, cell, "one"))
    assert logins == [f"{cell}-{service}" for service in SERVICES]
    with psycopg.connect(database.url, autocommit=True) as owner:
        first = {login: owner.execute(VERIFIER, [login]).fetchone() for login in logins}
        owner.execute(f'GRANT {schema_of(cell, "billing")} TO "{cell}-orders"')
        give_logins(database.url, cell, secrets(tmp_path, cell, "two"))
        for service, login in zip(SERVICES, logins, strict=True):
            keys = set() if service in MEETS_NOBODY else {schema_of(cell, KEYS)}
            assert {role for (role,) in owner.execute(ROLES, [login, login])} == {
                schema_of(cell, service)
            } | keys
            verifier = owner.execute(VERIFIER, [login]).fetchone()
            assert verifier != first[login]
            assert str(verifier[0]).startswith("SCRAM-SHA-256$")


def test_a_login_may_add_and_not_change(database: Database, cell: str, tmp_path: Path) -> None:
    """It is no owner: of the tables it may use its own, and what is recorded stays."""
    give_logins(database.url, cell, secrets(tmp_path, cell, "pw"))
    url = make_conninfo(database.url, user=f"{cell}-orders", password="pw-orders")
    with psycopg.connect(url, autocommit=True) as orders:
        for statement in (
            f"DELETE FROM {schema_of(cell, 'orders')}.stored_events",
            f"SELECT * FROM {schema_of(cell, 'billing')}.stored_events",
            f"SET ROLE {schema_of(cell, 'billing')}",
            "CREATE ROLE more",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                orders.execute(statement)
        orders.execute(f"SELECT * FROM {schema_of(cell, 'orders')}.stored_events")


def test_a_file_that_is_missing_is_named(database: Database, cell: str, tmp_path: Path) -> None:
    """Before anything is done."""
    folder = secrets(tmp_path, cell, "pw")
    (folder / "postgres-notify" / "password").unlink()
    with pytest.raises(CannotGiveLogins, match="postgres-notify/password"):
        give_logins(database.url, cell, folder)
    with psycopg.connect(database.url) as owner:
        assert (
            owner.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [f"{cell}-orders"]).fetchone() is None
        )
