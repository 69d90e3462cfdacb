"""PostgreSQL over TLS, on a real server: our authority is believed, a stranger's is not, and nothing goes in plain."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psycopg
import pytest

from chassis.bus import open_bus
from chassis.migrate import migrate
from chassis.postgres_connections import ConnectionLost, Connections, schema_of
from chassis.postgres_store import PostgresStore
from chassis.service import Running
from chassis.settings import SERVICE_PORTS, System
from deploy.certificates import issue
from ops.running import postgres_server
from services.orders.wiring import build
from tests.conftest import NatsServer, free_port
from tests.orders.test_orders_running import CONFIG, PLACED
from tests.postgres import LocalPostgres

TLS_ONLY = """\
local   all all trust
hostssl all all 127.0.0.1/32 scram-sha-256
"""
"""Who may come in how: over the network with TLS and a password, or not at all."""
PASSWORD = "correct-horse"
CELL = "tls"
ROLE = schema_of(CELL, "orders")


def speaks_tls(folder: Path) -> bool:
    """Whether the PostgreSQL of a folder was built with OpenSSL."""
    said = subprocess.run([folder / "pg_config", "--configure"], capture_output=True, text=True, check=False)
    return any(option in said.stdout for option in ("--with-openssl", "--with-ssl"))


def with_openssl() -> Path | None:
    """A PostgreSQL of this machine that speaks TLS; the one of the embedded wheel does not."""
    on_path = shutil.which("pg_config")
    installed = [
        Path(on_path).resolve().parent if on_path else None,
        *sorted((Path("/") / pattern.lstrip("/")).parent for pattern in _folders()),
        postgres_server.programs(),
    ]
    return next((folder for folder in installed if folder and _is_whole(folder)), None)


def _folders() -> Iterator[str]:
    for pattern in postgres_server.ELSEWHERE:
        yield from (str(found) for found in Path("/").glob(f"{pattern.lstrip('/')}/postgres"))


def _is_whole(folder: Path) -> bool:
    return (folder / "postgres").exists() and (folder / "pg_config").exists() and speaks_tls(folder)


PROGRAMS = with_openssl()
pytestmark = pytest.mark.skipif(PROGRAMS is None, reason="no PostgreSQL here was built with OpenSSL")


@dataclass(frozen=True)
class Encrypted:
    """A server that takes TLS only, and the files with the authorities."""

    port: int
    owner: str
    ours: Path
    strangers: Path

    def url(self, host: str = "localhost", **parameters: object) -> str:
        """As the login of the orders service."""
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"postgresql://{ROLE}_login:{PASSWORD}@{host}:{self.port}/postgres?{query}"

    @property
    def verified(self) -> str:
        """As production says it."""
        return self.url(sslmode="verify-full", sslrootcert=self.ours)


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encrypted]:
    """A PostgreSQL with a certificate of an authority made for this test, the orders service's store in it."""
    folder = tmp_path_factory.mktemp("certificates")
    authority, certificate, key = issue(("localhost",))
    ours, strangers = folder / "ca.crt", folder / "stranger.crt"
    ours.write_text(authority)
    strangers.write_text(issue(("localhost",)).authority)
    with pytest.MonkeyPatch.context() as patch, _server(patch, certificate, key) as server:
        port = free_port()
        patch.setenv("PGPORT", str(port))
        server.start("listen_addresses=127.0.0.1", "ssl=on", "ssl_cert_file=tls.crt", "ssl_key_file=tls.key")
        migrate(server.url, CELL, ("orders",))
        with psycopg.connect(server.url, autocommit=True) as owner:
            owner.execute(f"CREATE ROLE {ROLE}_login LOGIN PASSWORD '{PASSWORD}' IN ROLE {ROLE}".encode())
        yield Encrypted(port, server.url, ours, strangers)


@contextmanager
def _server(patch: pytest.MonkeyPatch, certificate: str, key: str) -> Iterator[LocalPostgres]:
    """Its files made and not yet started: gone afterwards."""
    patch.setattr(postgres_server, "programs", lambda: PROGRAMS)
    folder = Path(postgres_server.tempfile.mkdtemp(prefix="doorstep-pg-tls-"))
    server = LocalPostgres(folder)
    try:
        postgres_server.prepare(folder, "--no-sync")
        data = folder / "data"
        (data / "pg_hba.conf").write_text(TLS_ONLY)
        for name, text in (("tls.crt", certificate), ("tls.key", key)):
            (data / name).write_text(text)
            (data / name).chmod(0o600)
            shutil.chown(data / name, data.stat().st_uid, data.stat().st_gid)
        yield server
    finally:
        if server.process and server.process.poll() is None:
            server.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def orders(
    encrypted: Encrypted, nats_server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[[], aiohttp.ClientSession]]:
    """The orders service on that database, as its own login."""
    from chassis.bootstrap import bootstrap

    config = tmp_path / "doorstep.toml"
    config.write_text(CONFIG)
    monkeypatch.setenv("DOORSTEP_CONFIG", str(config))
    port = free_port()
    settings = System(data=tmp_path, port_base=port - SERVICE_PORTS["orders"], nats_url=nats_server.url)
    bus = await open_bus(nats_server.url, "test-orders")
    await bootstrap(bus)
    running = Running(build(), settings, bus, PostgresStore(encrypted.verified, ROLE))
    await running.start()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        yield lambda: session
    await running.stop()


async def test_a_service_works_over_tls(
    orders: Callable[[], aiohttp.ClientSession], encrypted: Encrypted
) -> None:
    """An order goes in and comes out; every connection of the service is encrypted, by TLS 1.3."""
    async with orders().post("/orders", json=PLACED) as answer:
        assert answer.status == 201
        placed = (await answer.json())["order_id"]
    async with orders().get(f"/orders/{placed}") as answer:
        assert answer.status == 200
    with psycopg.connect(encrypted.owner) as owner:
        seen = owner.execute(
            "SELECT s.ssl, s.version FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.usename = %s",
            [f"{ROLE}_login"],
        ).fetchall()
    assert seen
    assert set(seen) == {(True, "TLSv1.3")}


def opened(url: str) -> None:
    """Open a connection as a store does, and close it."""
    connections = Connections(url, ROLE, read_only=True)
    connections.open().close()


def test_the_right_authority_is_believed(encrypted: Encrypted) -> None:
    """The counterpart of all that is refused below."""
    opened(encrypted.verified)


@pytest.mark.parametrize(
    ("how", "host", "authority", "says"),
    [
        ("verify-full", "localhost", "strangers", "certificate verify failed"),
        ("verify-full", "127.0.0.1", "ours", "does not match host name"),
        ("verify-full", "localhost", "nowhere", "does not exist"),
        ("verify-ca", "localhost", "strangers", "certificate verify failed"),
        ("disable", "localhost", "ours", "no encryption"),
    ],
    ids=["a stranger's authority", "another name", "no authority", "a stranger's, by its name", "plain"],
)
def test_whatever_is_not_proved_is_refused(
    encrypted: Encrypted, how: str, host: str, authority: str, says: str, tmp_path: Path
) -> None:
    """By our side where the server is not who it should be; by the server where somebody wants to speak plainly."""
    file = getattr(encrypted, authority, tmp_path / "nowhere.crt")
    with pytest.raises(ConnectionLost, match=says):
        opened(encrypted.url(host, sslmode=how, sslrootcert=file))


def test_a_service_does_not_start_on_a_server_that_a_stranger_vouches_for(encrypted: Encrypted) -> None:
    """Refused when the store is opened: nothing is read from it, and nothing told to it."""
    with pytest.raises(ConnectionLost, match="certificate verify failed"):
        PostgresStore(encrypted.url(sslmode="verify-full", sslrootcert=encrypted.strangers), ROLE)
