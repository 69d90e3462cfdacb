"""A real PostgreSQL for tests: from the wheel, or a container where a Docker engine answers; one for the whole run.

`TEST_BACKEND=docker` or `local` forces one of them: then a test fails where it is missing. `.ci/containers` runs the
suites in a container, with an engine and an image of its own where there is none.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import pytest

from chassis.keys.master import MasterKey
from chassis.keys.postgres import PostgresKeys
from chassis.migrate import migrate
from chassis.migrations import KEYS
from chassis.postgres_connections import schema_of
from chassis.postgres_store import PostgresStore
from ops.running.postgres_server import command, prepare, servant, url_of, wait_until_accepting
from ops.running.processes import as_user

IMAGE = os.environ.get("TEST_POSTGRES_IMAGE", "postgres:17")


@dataclass
class LocalPostgres:
    """A server of our own, which can be killed, paused, and started again on the same files."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return url_of(self.folder)

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def start(self, *settings: str) -> None:
        """With more `settings`, as `name=value`, beside the usual ones."""
        prepare(self.folder, "--no-sync")
        more = [part for setting in settings for part in ("-c", setting)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command(self.folder), *more],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                **as_user(servant()),
            )
        asyncio.run(wait_until_accepting(self.folder, self.log))

    def kill(self) -> None:
        """As a crash would end it: at once, with everything it has running."""
        assert self.process
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(30)


@dataclass
class Database:
    """Where stores can be made: each in a cell of its own, so that tests do not see each other's."""

    url: str
    _cells: Iterator[int] = field(default_factory=lambda: count(1))

    def new_cell(self) -> str:
        return f"t{os.getpid()}_{next(self._cells)}"

    def keys(self, cell: str, master: Callable[[], MasterKey]) -> PostgresKeys:
        """The store of keys in a cell, made if need be, and the role of who looks after it."""
        migrate(self.url, cell, (KEYS,))
        with psycopg.connect(self.url, autocommit=True) as owner:
            keeper = schema_of(cell, "orders")
            if not owner.execute(b"SELECT FROM pg_roles WHERE rolname = %s", [keeper]).fetchall():
                owner.execute(f"CREATE ROLE {keeper}".encode())
        return PostgresKeys(self.url, schema_of(cell, KEYS), master)

    def note_accesses_when_they_say(self, schema: str) -> None:
        """As if the server had noted each access when its caller says that it was."""
        with psycopg.connect(self.url, autocommit=True) as owner:
            owner.execute(f"UPDATE {schema}.accesses SET noted_at = at::timestamptz".encode())

    def store(self, cell: str, service: str = "orders", *, url: str = "") -> PostgresStore:
        """The store of a service in a cell, made if need be. `url` may lead there by a detour."""
        migrate(self.url, cell, (service,))
        return PostgresStore(url or self.url, schema_of(cell, service))


@contextmanager
def local_postgres() -> Iterator[LocalPostgres]:
    """A server in a folder of its own, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="doorstep-pg-"))
    server = LocalPostgres(folder)
    try:
        server.start()
        yield server
    finally:
        if server.process and server.process.poll() is None:
            server.kill()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def container_postgres() -> Iterator[str]:
    """The URL of a server in a container."""
    from testcontainers.community.postgres import PostgresContainer

    with PostgresContainer(IMAGE, driver=None) as container:
        yield container.get_connection_url()


def docker_answers() -> bool:
    """Whether a Docker engine runs here, with the image at hand."""
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=2)
        return bool(client.images.list(IMAGE))
    except DockerException:
        return False


def is_in_a_container() -> bool:
    """Whether this run's database is: as `TEST_BACKEND` says, else where an engine answers."""
    forced = os.environ.get("TEST_BACKEND", "")
    return forced == "docker" or (not forced and docker_answers())


@pytest.fixture(scope="session")
def database() -> Iterator[Database]:
    """The database of this test run."""
    if is_in_a_container():
        with container_postgres() as url:
            yield Database(url)
    else:
        with local_postgres() as server:
            yield Database(server.url)
