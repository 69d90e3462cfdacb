"""Waiting for the bus, the database, and what a service needs of them: over when it is there, else with the reason."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from chassis.bootstrap import bootstrap
from chassis.bus import connect
from chassis.migrate import STORES, CannotMigrate, migrate, require_roles, roles_of
from chassis.names import Names
from chassis.settings import SettingsWrong, System
from deploy.wait import NeverCame, wait_for
from tests.conftest import NatsServer, free_port
from tests.postgres import Database


async def test_it_waits_for_streams_and_consumers(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bus is there at once; orders has what it needs only after the bootstrap."""
    monkeypatch.setattr("deploy.wait.system", lambda: System(nats_url=nats_server.url))
    await wait_for("bus", within_seconds=5)
    waiting = asyncio.create_task(wait_for("orders", within_seconds=30))
    async with connect(nats_server.url, "bootstrap") as bus:
        assert not waiting.done()
        await bootstrap(bus)
    await waiting


def test_it_ends_at_once_when_it_is_told_to() -> None:
    """Also as the first process of a container, which hears only what it listens for."""
    environment = os.environ | {"DOORSTEP_NATS_URL": f"nats://127.0.0.1:{free_port()}"}
    waiting = [sys.executable, "-m", "deploy.wait", "bus"]
    with subprocess.Popen(waiting, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("waiting: ")
        process.terminate()
        assert process.wait(2) == 128 + signal.SIGTERM


async def test_it_says_what_never_came(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong address is named, and the job fails."""
    url = f"nats://127.0.0.1:{free_port()}"
    monkeypatch.setattr("deploy.wait.system", lambda: System(nats_url=url))
    with pytest.raises(NeverCame, match=url):
        await wait_for("bus", within_seconds=0)


async def test_it_waits_for_the_schema_of_a_service(
    nats_server: NatsServer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streams alone are not enough where events are kept in PostgreSQL."""
    cell = database.new_cell()
    settings = System(nats_url=nats_server.url, database_url=database.url, cell=cell)
    for module in ("deploy.wait", "chassis.stores"):
        monkeypatch.setattr(f"{module}.system", lambda: settings)
    async with connect(nats_server.url, "bootstrap", Names(cell)) as bus:
        await bootstrap(bus)
    with pytest.raises(NeverCame, match=r"python -m chassis\.migrate"):
        await wait_for("orders", within_seconds=0)
    await asyncio.to_thread(migrate, database.url, cell)
    await wait_for("orders", within_seconds=5)


def test_migrations_can_begin_when_the_roles_are_there(database: Database) -> None:
    """An owner who may make none waits for all of them; the keys' eraser is one."""
    cell = database.new_cell()
    roles = [role for store in STORES for role in roles_of(cell, store)]
    owner = f"{cell}_owner"
    url = make_conninfo(database.url, user=owner, password="pw")
    with psycopg.connect(database.url, autocommit=True) as session:
        session.execute(f"CREATE ROLE {owner} LOGIN PASSWORD 'pw'".encode())
        for role in roles:
            with pytest.raises(CannotMigrate, match="may not act as the role"):
                require_roles(url, cell)
            session.execute(f"CREATE ROLE {role} ROLE {owner}".encode())
        session.execute(f"GRANT CREATE ON DATABASE {session.info.dbname} TO {owner}".encode())
    require_roles(url, cell)
    migrate(url, cell)


async def test_a_database_that_nobody_named_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing setting never mends itself."""
    monkeypatch.setattr("deploy.wait.system", System)
    with pytest.raises(SettingsWrong, match="DOORSTEP_DATABASE_URL"):
        await wait_for("database", within_seconds=60)
