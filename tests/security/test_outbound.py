"""Calls to the outside go where the settings say and nowhere else (SSRF): against a real server that tries it all."""

from __future__ import annotations

import asyncio
import os
import socket
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import SpanExportResult
from requests import Request, RequestException

from chassis import addresses as addresses_of
from chassis.addresses import AddressRefused, CheckedResolver, require_allowed, with_own_host
from chassis.collecting import session_to
from chassis.outbound import ANSWER_BYTES_MAX, NoAnswer, Outbound
from services.notify.senders.smtp import Server, Smtp
from tests.chassis.collector import Collector
from tests.conftest import free_port, until
from tests.suites.sender_suite import message as mail

NONE = frozenset[str]()


def packed(mebibytes: int) -> bytes:
    """So many zeroes, by gzip."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(mebibytes)), packer.flush()])


PACKED = packed(64)


@dataclass
class Tempter:
    """A server that redirects, never ends, and never begins; it notes who came in where."""

    port: int = field(default_factory=free_port)
    visited: list[str] = field(default_factory=list)
    gave: int = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "0.0.0.0", self.port).start()
        try:
            yield
        finally:
            await runner.cleanup()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.visited.append(request.path)
        if request.path.startswith("/redirect"):
            to = request.query["to"].replace("PORT", str(self.port))
            return web.Response(status=int(request.query["status"]), headers={"Location": to})
        if request.path == "/endless":
            return await self._endless(request)
        if request.path == "/packed":
            return web.Response(body=PACKED, headers={"Content-Encoding": "gzip"})
        if request.path == "/silent":
            await asyncio.Event().wait()
        return web.json_response({"secret": "of the inside"})

    async def _endless(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while self.gave < 64 * ANSWER_BYTES_MAX:
            await response.write(b"x" * 65_536)
            self.gave += 65_536
        return response


@pytest.fixture
async def tempter() -> AsyncIterator[Tempter]:
    server = Tempter()
    async with server.running():
        yield server


@pytest.fixture(autouse=True)
def no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORSTEP_CONFIG", os.devnull)


@asynccontextmanager
async def calling(url: str, seconds: float = 5.0) -> AsyncIterator[Outbound]:
    outbound = Outbound(url, connect_seconds=seconds, total_seconds=seconds)
    await outbound.open()
    try:
        yield outbound
    finally:
        await outbound.close()


REDIRECTS = (
    "http://169.254.169.254/latest/meta-data/",
    "http://127.0.0.1:PORT/admin",
    "http://localhost:PORT/admin",
    "//127.0.0.1:PORT/admin",
    "/admin",
    "file:///etc/passwd",
)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_not_a_way(tempter: Tempter, status: int) -> None:
    """To wherever: it is told to the caller, and nobody goes there."""
    async with calling(f"http://127.0.0.1:{tempter.port}") as outbound:
        for to in REDIRECTS:
            got, body = await outbound.ask("GET", "redirect", params={"to": to, "status": str(status)})
            assert got == status
            assert b"secret" not in body
    assert set(tempter.visited) == {"/redirect"}


@pytest.mark.parametrize("path", ["http://169.254.169.254/x", "@169.254.169.254/x", "..%2f..%2fx"])
async def test_a_path_leads_to_no_other_host(tempter: Tempter, path: str) -> None:
    """Whatever an order's reference may hold."""
    async with calling(f"http://127.0.0.1:{tempter.port}") as outbound:
        assert (await outbound.ask("GET", path))[0] == 200
    assert len(tempter.visited) == 1


async def test_an_answer_is_cut_off_at_its_limit(tempter: Tempter) -> None:
    """A mebibyte, not the memory we have."""
    async with calling(f"http://127.0.0.1:{tempter.port}") as outbound:
        with pytest.raises(NoAnswer, match="larger than"):
            await outbound.ask("GET", "endless")
    assert tempter.gave < 16 * ANSWER_BYTES_MAX


async def test_an_answer_that_is_small_only_on_the_way_is_cut_off_too(tempter: Tempter) -> None:
    """Sixty-four mebibytes in as many thousand bytes: unpacked as far as it is taken, and no further."""
    tracemalloc.start()
    try:
        async with calling(f"http://127.0.0.1:{tempter.port}") as outbound:
            with pytest.raises(NoAnswer, match="larger than"):
                await outbound.ask("GET", "packed")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * ANSWER_BYTES_MAX


async def test_silence_has_an_end(tempter: Tempter) -> None:
    async with calling(f"http://127.0.0.1:{tempter.port}", seconds=0.3) as outbound:
        with pytest.raises(NoAnswer, match="TimeoutError"):
            await outbound.ask("GET", "silent")
    await until(lambda: "/silent" in tempter.visited)


INSIDE = [
    "http://169.254.169.254",
    "http://[fe80::1]",
    "http://[::ffff:169.254.169.254]",
    "http://[64:ff9b::a9fe:a9fe]",
    "http://[2002:a9fe:a9fe::]",
    "http://0.0.0.0:{port}",
    "http://[::]:{port}",
    "http://127.0.0.2:{port}",
    "http://127.1:{port}",
    "http://2130706433:{port}",
    "http://0x7f000001:{port}",
    "http://10.0.0.1",
    "http://172.16.0.1",
    "http://192.168.0.1",
    "http://100.64.0.1",
    "http://[fd00::1]",
    "http://224.0.0.1",
    "http://[::169.254.169.254]",
    "http://[::127.0.0.1]:{port}",
    "http://[::ffff:0:127.0.0.1]:{port}",
    "http://[2600:1f00::5efe:127.0.0.1]:{port}",
    "http://[fec0::1]",
    "http://[3fff::1]",
    "http://[5f00::1]",
    "http://[4000::1]",
    "http://192.88.99.1",
]


@pytest.mark.parametrize("url", INSIDE)
async def test_an_address_inside_is_refused_however_it_is_written(tempter: Tempter, url: str) -> None:
    """Before a connection is made: nobody is visited, and nobody waits for a time-out."""
    async with calling(url.format(port=tempter.port)) as outbound:
        with pytest.raises(NoAnswer, match=r"leads to|not a canonical IPv4"):
            await outbound.ask("GET", "admin")
    assert tempter.visited == []


async def test_a_name_that_leads_inside_is_refused_unless_it_is_meant(
    tempter: Tempter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This machine's own name leads to no public address; naming it in the settings is the way to mean it."""
    name = socket.gethostname()
    if not _is_inside(name):
        pytest.skip("this machine's name leads to a public address")
    async with calling(f"http://{name}:{tempter.port}") as outbound:
        with pytest.raises(NoAnswer, match="private_hosts"):
            await outbound.ask("GET", "admin")
    assert tempter.visited == []
    monkeypatch.setenv("DOORSTEP_OUTBOUND__PRIVATE_HOSTS", name)
    async with calling(f"http://{name}:{tempter.port}") as outbound:
        assert (await outbound.ask("GET", "meant"))[0] == 200
    assert tempter.visited == ["/meant"]


def _is_inside(name: str) -> bool:
    try:
        require_allowed(name, socket.gethostbyname(name), NONE)
    except (AddressRefused, OSError):
        return True
    return False


async def test_only_the_configured_host_is_resolved() -> None:
    """Whatever made a request name another."""
    with pytest.raises(AddressRefused, match="alone was configured"):
        await CheckedResolver("gateway.example", NONE).resolve("evil.example", 443)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fe80::1%eth0",
        "::ffff:169.254.1.1",
        "0.0.0.0",
        "ff02::1",
        "::169.254.169.254",
        "::ffff:0:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::169.254.169.254",
        "2002:a9fe:a9fe::1",
        "2600:1f00::5efe:169.254.169.254",
        "2600:1f00::200:5efe:169.254.169.254",
        "fe80::5efe:8.8.8.8",
        "fd00:ec2::254",
        "fd20:ce::254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "192.88.99.1",
        "2001::1",
        "3fff::1",
        "5f00::1",
        "fec0::1",
    ],
)
def test_some_addresses_cannot_even_be_meant(address: str) -> None:
    with pytest.raises(AddressRefused, match="where no call may go"):
        require_allowed("gateway.internal", address, frozenset({"gateway.internal"}))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700:4700::1111", "64:ff9b::8.8.8.8", "2002:808:808::1"]
)
def test_what_is_outside_may_be_asked(address: str) -> None:
    """The guard does not stand in the way of its purpose."""
    assert require_allowed("gateway.example", address, NONE) is None


OWN = [
    "localhost",
    "10.0.0.5",
    "127.0.0.2",
    "fd00::5",
    "relay",
    "mail.corp.internal",
    "Collector.monitoring.svc.",
]


@pytest.mark.parametrize("host", OWN)
def test_a_relay_that_only_the_operator_can_have_meant_may_be_inside(host: str) -> None:
    """An address, or a name that no public DNS has: whoever set it meant it. The clouds' secrets stay out of reach."""
    allowed = with_own_host(host, NONE)
    assert require_allowed(host, "10.0.0.5", allowed) is None
    with pytest.raises(AddressRefused, match="where no call may go"):
        require_allowed(host, "169.254.169.254", allowed)


@pytest.mark.parametrize(
    "host", ["smtp.shop.example", "relay.example.com.", "10.0.0.5.nip.io", "1.0.0.127.in-addr.arpa"]
)
def test_a_public_name_that_leads_inside_is_refused_for_a_relay_too(host: str) -> None:
    """Its owner decides where it leads, and not the shop; the refusal says what to set if it is meant."""
    with pytest.raises(AddressRefused, match="private_hosts"):
        require_allowed(host, "10.0.0.5", with_own_host(host, NONE))
    assert require_allowed(host, "10.0.0.5", with_own_host(host, frozenset({host}))) is None


def resolved_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Whatever is asked for is at these addresses."""

    def places(_: str, port: int, *__: object, **___: object) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(addresses_of.socket, "getaddrinfo", places)


async def test_no_mail_goes_to_a_server_inside_that_a_public_name_leads_to(
    tempter: Tempter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor where only the second address is one: nothing connects, and the message waits."""
    for places in (["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["169.254.169.254"]):
        resolved_to(monkeypatch, *places)
        relay = Server("smtp.shop.example", tempter.port, "none", "", "", 5.0, "orders@shop.example")
        with pytest.raises(AddressRefused, match=r"smtp\.shop\.example leads to"):
            await Smtp(relay).send(mail())


async def test_no_trace_goes_to_a_collector_inside_that_a_public_name_leads_to(
    tempter: Tempter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real exporter: by the public name nobody is visited, and by one of our own it arrives."""
    resolved_to(monkeypatch, "127.0.0.1")
    for host, refused in (("traces.shop.example", True), ("collector.monitoring.svc.", False)):
        session, way = session_to(f"http://{host}:{tempter.port}/v1/traces", NONE)
        exporter = OTLPSpanExporter(f"http://{host}:{tempter.port}/v1/traces", timeout=1.0, session=session)
        taken = await asyncio.to_thread(exporter.export, [])
        assert (taken is SpanExportResult.SUCCESS, "leads to 127.0.0.1" in way.trouble) == (
            not refused,
            refused,
        )
        assert tempter.visited == ([] if refused else ["/v1/traces"])


async def test_traces_go_past_a_proxy_of_the_environment_and_to_no_other_host(
    tempter: Tempter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would resolve names for us, unseen."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{tempter.port}")
    session, _ = session_to("http://collector.invalid:4318/v1/traces", NONE)
    for url in ("http://collector.invalid:4318/v1/traces", f"http://127.0.0.1:{tempter.port}/v1/traces"):
        with pytest.raises(RequestException):
            await asyncio.to_thread(session.post, url, data=b"")
    assert tempter.visited == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_collector_leads_nowhere_else(tempter: Tempter, status: int) -> None:
    """Not even to another port of its own machine."""
    for to in REDIRECTS:
        url = f"http://127.0.0.1:{tempter.port}/redirect?status={status}&to={to}"
        session, way = session_to(url, NONE)
        exporter = OTLPSpanExporter(url, timeout=1.0, session=session)
        assert await asyncio.to_thread(exporter.export, []) is SpanExportResult.FAILURE
        assert f"it redirects ({status}), which is not followed" in way.trouble
    assert set(tempter.visited) == {"/redirect"}


@pytest.mark.parametrize(("status", "trouble"), [(302, "it redirects"), (304, "it redirects"), (503, "503")])
async def test_a_collector_that_takes_nothing_is_told_why(status: int, trouble: str) -> None:
    """Also one that redirects and does not say where."""
    async with Collector(status=status) as collector:
        session, way = session_to(collector.url, NONE)
        exporter = OTLPSpanExporter(collector.url, timeout=0.5, session=session)
        assert await asyncio.to_thread(exporter.export, []) is SpanExportResult.FAILURE
    assert trouble in way.trouble


@pytest.mark.parametrize(
    "url",
    [
        "http://collector:80/v1/traces",
        "https://collector:443/v1/traces",
        "https://collector/v1/traces",
        "http://shop:secret@collector:4318/v1/traces",
        "HTTP://Collector:4318/v1/traces",
    ],
)
def test_a_collector_is_reached_by_our_way_however_its_url_is_written(url: str) -> None:
    """What stands before the path is written otherwise by the time a request is prepared."""
    session, way = session_to(url, NONE)
    prepared = session.prepare_request(Request("POST", url, data=b""))
    assert session.get_adapter(str(prepared.url)) is way
