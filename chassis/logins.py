"""`python -m chassis.logins DIR`: each service's own login on a PostgreSQL server that no operator looks after.

After `python -m chassis.migrate`, as somebody who may make roles. `DIR/postgres-<service>/` has the files `username`
and `password`, as `python -m deploy.secrets --folder` draws them. A login is a member of its service's role, where the
service meets people of that of the keys, and of nothing else. Done again it sets the passwords that the files have by
then.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import psycopg
from eventsourcing.persistence import PersistenceError
from psycopg import sql

from chassis.migrations import KEYS
from chassis.postgres_connections import Connection, ConnectionLost, first_line, parameters, schema_of, told
from chassis.settings import SettingsWrong, system
from contracts.services import MEETS_NOBODY, SERVICES

ALGORITHM = b"scram-sha-256"
MEMBER_OF = """
SELECT role.rolname FROM pg_auth_members JOIN pg_roles role ON role.oid = roleid
    JOIN pg_roles login ON login.oid = member WHERE login.rolname = %s
"""


class CannotGiveLogins(Exception):
    """A file or a setting is missing; the message says which."""


def give_logins(url: str, cell: str, folder: Path) -> list[str]:
    """Make or renew the login of every service, all or none; returns their names.

    Raises `CannotGiveLogins`, and `PersistenceError` where the server goes away or refuses.
    """
    said = {service: _read(folder / f"postgres-{service}") for service in SERVICES}
    try:
        connection = psycopg.connect(parameters(url, "doorstep_logins"), autocommit=True)
    except psycopg.OperationalError as trouble:
        raise ConnectionLost(first_line(trouble)) from trouble
    with connection, told(connection), connection.transaction():
        for service, (login, password) in said.items():
            _give(connection, login, password, _roles_of(cell, service))
    return [login for login, _ in said.values()]


def _roles_of(cell: str, service: str) -> set[str]:
    """What a service acts as."""
    keys = set() if service in MEETS_NOBODY else {schema_of(cell, KEYS)}
    return {schema_of(cell, service)} | keys


def _give(connection: Connection, login: str, password: str, roles: set[str]) -> None:
    name = sql.Identifier(login)
    if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [login]).fetchone():
        connection.execute(sql.SQL("CREATE ROLE {}").format(name))
    verifier = connection.pgconn.encrypt_password(password.encode(), login.encode(), ALGORITHM).decode()
    connection.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(name, sql.Literal(verifier)))
    has = {str(role) for (role,) in connection.execute(MEMBER_OF, [login])}
    for role in sorted(roles - has):
        connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), name))
    for role in sorted(has - roles):
        connection.execute(sql.SQL("REVOKE {} FROM {}").format(sql.Identifier(role), name))


def _read(folder: Path) -> tuple[str, str]:
    try:
        login, password = ((folder / key).read_text().strip() for key in ("username", "password"))
    except OSError as fault:
        raise CannotGiveLogins(f"{fault.filename}: {fault.strerror}") from None
    if not login or not password:
        raise CannotGiveLogins(f"{folder}: a file is empty")
    return login, password


def main() -> None:
    """Give the logins in the database of `DOORSTEP_DATABASE_URL`; exit 1 with one clear line if that cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m chassis.logins", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR")
    said = parser.parse_args()
    try:
        settings = system()
        if not settings.database_url:
            raise CannotGiveLogins("no database: set DOORSTEP_DATABASE_URL to its owner's")
        given = give_logins(settings.database_url, settings.cell, said.folder)
    except (CannotGiveLogins, PersistenceError, SettingsWrong) as known:
        sys.exit(f"logins: {known}")
    print("\n".join(given))  # noqa: T201 - the command's result


if __name__ == "__main__":
    main()
