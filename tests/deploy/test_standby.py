"""Two processes behind one address: the standby answers its probes, and what it is asked is answered by the active."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from chassis.settings import System
from chassis.standby import PASSED_ON
from tests.conftest import free_port
from tests.standing_by import standing_by

STANDBY, ACTIVE = "127.0.0.1", "127.0.0.2"


class Active:
    """What an active process answers: its probe, and what it was sent, with the headers as often as they came."""

    def __init__(self, port: int) -> None:
        app = web.Application()
        app.router.add_get("/livez", self.live)
        app.router.add_get("/metrics", self.live)
        app.router.add_post("/echo/{rest:.*}", self.echo)
        self.runner, self.port = web.AppRunner(app, auto_decompress=False), port

    async def start(self) -> None:
        await self.runner.setup()
        await web.TCPSite(self.runner, ACTIVE, self.port).start()

    async def live(self, _: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def echo(self, request: web.Request) -> web.Response:
        body = await request.read()
        twice = request.headers.getall("X-Twice", [])
        said: dict[str, object] = {"path": request.path_qs, "bytes": len(body), "twice": twice}
        if packed := request.headers.get("Content-Encoding"):
            said |= {packed: body.hex()}
        if "Via" in request.headers:
            said["via"] = request.headers["Via"]
        return web.json_response(said, status=202, headers={"X-Mine": "kept"})


@pytest.fixture
def system() -> System:
    """Orders on a free port, whose peers are both addresses."""
    return System(port_base=free_port() - 1, host=STANDBY, peers=f"{STANDBY}, {ACTIVE}, nobody.invalid")


@pytest.fixture
async def active(system: System) -> AsyncIterator[Active]:
    process = Active(system.port_of("orders"))
    await process.start()
    yield process
    await process.runner.cleanup()


async def test_it_passes_on_what_it_is_asked(system: System, active: Active) -> None:
    """Body, query, status and headers arrive as they were sent, in both directions."""
    async with standing_by("orders", system), aiohttp.ClientSession() as session:
        url = f"http://{STANDBY}:{active.port}/echo/a%2Fb?q=1"
        headers = [("X-Twice", "1"), ("X-Twice", "2")]
        async with session.post(url, data=b"x" * 300_000, headers=headers) as answer:
            assert answer.status == 202
            assert answer.headers["X-Mine"] == "kept"
            said = await answer.json()
    assert said == {"path": "/echo/a%2Fb?q=1", "bytes": 300_000, "twice": ["1", "2"]}


async def test_what_is_packed_stays_packed(system: System, active: Active) -> None:
    """A signature is over the bytes that were sent."""
    body = gzip.compress(b"an order")
    async with standing_by("orders", system), aiohttp.ClientSession() as session:
        url, headers = f"http://{STANDBY}:{active.port}/echo/x", {"Content-Encoding": "gzip"}
        async with session.post(url, data=body, headers=headers) as answer:
            assert (await answer.json())["gzip"] == body.hex()


async def test_it_hides_no_proxy_from_the_door(system: System, active: Active) -> None:
    """HTTP/1.0 is how a proxy that says nothing is known; passed on it is 1.1."""
    asked = b"POST /echo/x HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n"
    async with standing_by("orders", system):
        reader, writer = await asyncio.open_connection(STANDBY, active.port)
        writer.write(asked)
        answer = await reader.read()
        writer.close()
    assert b'"via": "1.0 standby"' in answer


async def test_it_is_measured_as_itself(system: System, active: Active) -> None:
    """Prometheus asks every pod: with the active one's figures from both, each order would be counted twice."""
    async with (
        standing_by("orders", system),
        aiohttp.ClientSession() as session,
        session.get(f"http://{STANDBY}:{active.port}/metrics") as answer,
    ):
        (family,) = text_string_to_metric_families(await answer.text())
    assert [(sample.name, sample.labels, sample.value) for sample in family.samples] == [
        ("doorstep_standby", {"service": "orders"}, 1.0)
    ]


async def test_it_is_ready_when_the_active_one_is_there(system: System) -> None:
    """Alone it lives and is not ready; a request then is refused for now, not lost."""
    async with (
        standing_by("orders", system),
        aiohttp.ClientSession(f"http://{STANDBY}:{system.port_of('orders')}") as me,
    ):
        assert [(await me.get(path)).status for path in ("/livez", "/readyz", "/orders")] == [200, 503, 503]
        process = Active(system.port_of("orders"))
        await process.start()
        assert (await me.get("/readyz")).status == 200
        await process.runner.cleanup()
        assert (await me.post("/echo/late", data=b"x")).status == 503
        assert (await me.get("/readyz")).status == 503


async def test_two_standbys_pass_nothing_in_a_circle(system: System) -> None:
    """Between two terms nobody is active: the question ends at the second one."""
    async with standing_by("orders", system), aiohttp.ClientSession() as session:
        answer = await session.get(
            f"http://{STANDBY}:{system.port_of('orders')}/orders", headers={PASSED_ON: "1"}
        )
        assert answer.status == 503


async def test_without_peers_nothing_listens(system: System) -> None:
    """Embedded, the port is the active process's: a second one must not take it."""
    async with standing_by("orders", system.model_copy(update={"peers": ""})):
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(STANDBY, system.port_of("orders"))
