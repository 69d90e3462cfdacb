"""With certificates in the settings everything speaks TLS 1.3, and whoever speaks plainly is refused."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from pathlib import Path

import aiohttp
import pytest

from chassis import nkeys
from chassis.bus import BusAway, open_bus
from chassis.certificates import in_use, nats_server_end
from chassis.clock import wall_clock
from chassis.login import Login
from chassis.postgres_connections import ConnectionLost, Connections
from chassis.service import Running
from chassis.settings import SERVICE_PORTS, SettingsWrong, System
from chassis.tls import Tls, tls
from deploy.certificates import VALID_DAYS, issue
from ops.asking import NoAnswer, Services
from ops.system import System as Place
from tests.conftest import free_port
from tests.deploy.guarded import SEEDS, GuardedServer
from tests.security.conftest import Orders, Start
from tests.standing_by import standing_by

DAY = 86_400
SSL_REQUEST = bytes.fromhex("00000008 04d2162f")
"""What a PostgreSQL client begins with where it wants TLS."""


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """Our authority with a certificate for localhost, and a stranger's authority."""
    folder = tmp_path / "certificates"
    folder.mkdir()
    for name, text in zip(("ca.crt", "tls.crt", "tls.key"), issue(("localhost",)), strict=True):
        (folder / name).write_text(text)
    (folder / "stranger.crt").write_text(issue(("localhost",)).authority)
    return folder


@pytest.fixture
async def orders(start_orders: Start, certificates: Path) -> Orders:
    """The service with a certificate."""
    return await start_orders(f"""
[tls]
cert_file = "{certificates}/tls.crt"
key_file = "{certificates}/tls.key"
ca_file = "{certificates}/ca.crt"
""")


def place(port: int, data: Path) -> Place:
    return Place(data, port, "", {"orders": f"https://localhost:{port}"})


async def test_a_service_speaks_tls_and_nothing_else(orders: Orders, tmp_path: Path) -> None:
    """The operators' tools ask it over TLS 1.3; plain HTTP, older TLS and a stranger's authority get nowhere."""
    async with Services(place(orders.port, tmp_path)) as services:
        assert (await services.get("orders", "/readyz"))["ready"]
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"http://localhost:{orders.port}/livez")
        old = ssl.create_default_context(cafile=tls().ca_file)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"https://localhost:{orders.port}/livez", ssl=old)


async def test_a_service_tells_for_how_long_its_certificates_hold(orders: Orders) -> None:
    """Its own, and the authority that it believes; nothing of files that it was not given."""
    await orders.running.measures.refresh()
    left = certificates_left(orders.running)
    assert left.keys() == {"cert_file", "ca_file"}
    assert all(VALID_DAYS * DAY - 60 < seconds < VALID_DAYS * DAY for seconds in left.values())


async def test_without_certificates_nothing_is_told_of_any(start_orders: Start) -> None:
    """An alert about what is not there would be one that nobody can end."""
    orders = await start_orders("")
    await orders.running.measures.refresh()
    assert certificates_left(orders.running) == {}


def test_a_chain_ends_with_its_first_certificate_authorities_with_their_last(tmp_path: Path) -> None:
    """While an authority is exchanged the old one stands beside the new one, and may end."""
    young, old = issue(("localhost",)), issue(("localhost",), valid_days=3)
    for name in ("cert", "ca"):
        (tmp_path / name).write_text(young.authority + old.authority)
    (tmp_path / "no-certificate").write_text("-----BEGIN CERTIFICATE-----")
    files = Tls(
        cert_file=tmp_path / "cert", key_file=tmp_path / "key", ca_file=tmp_path / "ca",
        client_ca_file=tmp_path / "no-certificate",
    )  # fmt: skip
    found = {file.setting: file for file in in_use(files, Login())}
    with pytest.raises(ValueError, match="PEM"):
        found.pop("client_ca_file").end()
    days = {name: round((file.end() - wall_clock()).total_seconds() / DAY) for name, file in found.items()}
    assert days == {"cert_file": 3, "ca_file": VALID_DAYS}


def certificates_left(running: Running) -> dict[str, float]:
    (figure,) = (
        found for found in running.meter.figures if found.name == "doorstep_certificate_expires_seconds"
    )
    return {certificate: seconds for (certificate,), seconds in figure.values.items()}


async def test_a_service_that_a_stranger_vouches_for_is_not_asked(
    orders: Orders, certificates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor one whose certificate is for another name; both are said, as nothing is wrong with the service."""
    async with Services(Place(tmp_path, 1, "", {"orders": f"https://127.0.0.1:{orders.port}"})) as services:
        with pytest.raises(NoAnswer, match=r"not valid for '127\.0\.0\.1'"):
            await services.get("orders", "/livez")
    monkeypatch.setenv("DOORSTEP_TLS__CA_FILE", str(certificates / "stranger.crt"))
    async with Services(place(orders.port, tmp_path)) as services:
        with pytest.raises(NoAnswer, match=r"CERTIFICATE_VERIFY_FAILED.*issuer"):
            await services.get("orders", "/livez")


async def test_a_standby_passes_on_over_tls(orders: Orders) -> None:
    """It finds the active one by a name, reaches it by an address, and believes it by its certificate."""
    here = System(port_base=orders.port - SERVICE_PORTS["orders"], host="127.0.0.2", peers="localhost")
    trusting = ssl.create_default_context(cafile=tls().ca_file)
    async with standing_by("orders", here), aiohttp.ClientSession() as session:
        url = f"https://127.0.0.2:{orders.port}"
        async with session.get(f"{url}/readyz", ssl=trusting, server_hostname="localhost") as answer:
            assert (await answer.json())["role"] == "standby"
        async with session.get(f"{url}/orders", ssl=trusting, server_hostname="localhost") as answer:
            assert await answer.json() == {"orders": [], "next": None}


async def test_a_client_may_have_to_show_a_certificate_too(
    start_orders: Start, certificates: Path, tmp_path: Path
) -> None:
    """Whoever has none of our authority does not even get to say something."""
    orders = await start_orders(f"""
[tls]
cert_file = "{certificates}/tls.crt"
key_file = "{certificates}/tls.key"
ca_file = "{certificates}/ca.crt"
client_ca_file = "{certificates}/ca.crt"
""")
    async with Services(place(orders.port, tmp_path)) as services:
        assert (await services.get("orders", "/livez"))["live"]
    nobody = ssl.create_default_context(cafile=certificates / "ca.crt")
    async with aiohttp.ClientSession() as session:
        with pytest.raises((aiohttp.ClientError, ssl.SSLError)):
            await session.get(f"https://localhost:{orders.port}/livez", ssl=nobody)


async def test_the_bus_refuses_who_speaks_plainly(certificates: Path, tmp_path: Path) -> None:
    """With TLS in the server's configuration; a login without an authority's file asks for none and gets nowhere."""
    files = f'cert_file: "{certificates}/tls.crt", key_file: "{certificates}/tls.key"'
    server = GuardedServer(
        tmp_path / "nats", free_port(), free_port(), more=f'tls {{ {files}, min_version: "1.3" }}'
    )
    server.start()
    try:
        said = {"nats_user": "ops", "nats_seed": SEEDS["ops"]}
        with_authority = Login.model_validate(said | {"nats_ca_file": str(certificates / "ca.crt")})
        bus = await open_bus(f"tls://localhost:{server.port}", "tls", login=with_authority)
        assert bus.connected
        (left,) = (end - wall_clock() for end in nats_server_end(bus).values())
        assert VALID_DAYS * DAY - 60 < left.total_seconds() < VALID_DAYS * DAY
        await bus.close()
        assert nats_server_end(bus) == {}
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        info = json.loads((await reader.readline()).removeprefix(b"INFO "))
        assert info["tls_required"] is True
        signed = nkeys.from_seed(SEEDS["ops"].encode()).sign(info["nonce"].encode())
        proof = {
            "nkey": nkeys.public_of(SEEDS["ops"]),
            "sig": base64.b64encode(signed).decode(),
            "verbose": True,
        }
        writer.write(b"CONNECT %s\r\nPING\r\n" % json.dumps(proof).encode())
        assert b"PONG" not in await reader.read()
        writer.close()
        with pytest.raises(BusAway):
            await open_bus(
                f"nats://localhost:{server.port}",
                "plain",
                deadline_seconds=2,
                login=Login.model_validate(said),
            )
    finally:
        server.stop()


@pytest.mark.parametrize("mode", ["require", "verify-full"])
async def test_a_database_that_should_speak_tls_is_told_nothing_without(
    certificates: Path, mode: str
) -> None:
    """Somebody in between could claim that the server has none: then no name and no password is sent."""
    heard: list[bytes] = []

    async def without_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1024))
        writer.write(b"N")
        heard.append(await reader.read())
        writer.close()

    server = await asyncio.start_server(without_tls, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    url = f"postgresql://doorstep:pw@localhost:{port}/x?sslrootcert={certificates}/ca.crt&sslmode={mode}"
    async with server:
        with pytest.raises(ConnectionLost, match="SSL"):
            await asyncio.to_thread(Connections(url, "anything", read_only=True).open)
    assert heard[0] == SSL_REQUEST
    assert not any(heard[1:])


async def test_an_incomplete_pair_of_files_stops_the_start(tmp_path: Path) -> None:
    """Half a pair would mean plain HTTP where somebody meant TLS."""
    with pytest.raises(ValueError, match="cert_file and key_file"):
        Tls(cert_file=tmp_path / "tls.crt")
    with pytest.raises(SettingsWrong, match="none"):
        Tls(cert_file=tmp_path / "none.crt", key_file=tmp_path / "none.key").server()
