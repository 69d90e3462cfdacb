"""The HTTP carrier against the sandbox, a real server; and what its answers may not be."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from chassis.outbound import ANSWER_BYTES_MAX
from chassis.truth_log import TruthLog
from services.shipping.carriers.carrier import NoAnswer
from services.shipping.carriers.desk import LabelDesk
from services.shipping.carriers.http_carrier import HttpCarrier
from services.shipping.carriers.sandbox_books import Books, Purchase
from services.shipping.domain.answers import Label, Refused, Voided, VoidRequest
from tests.shipping.houses import SandboxHouse
from tests.shipping.makers import is_sound
from tests.suites.carrier_suite import CarrierSuite, request


class TestHttpCarrier(CarrierSuite):
    """Our adapter keeps the promises of the protocol against a carrier that misbehaves."""


async def test_the_sandbox_is_a_process_that_says_where_it_listens_and_ends_when_asked(
    tmp_path: Path,
) -> None:
    """A supervisor can start and stop it like any service; what it sold is on disk when it is gone."""
    log = tmp_path / "carrier.log"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.shipping.carriers.sandbox", "--port", "0", "--log", str(log),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    line = (await process.stdout.readline()).decode()
    assert line.startswith("sandbox carrier listening on http://127.0.0.1:")
    carrier = HttpCarrier(line.split()[-1])
    await carrier.open()
    label = await carrier.buy(request())
    await carrier.close()
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    assert label.tracking_number in log.read_text()


async def test_the_sandbox_serves_scans_and_its_log(house: SandboxHouse) -> None:
    """What a test or a demo told it happened on the road can be fetched, and survives a restart."""
    scan = {"scan_id": "s1", "code": "in_transit", "at": "2026-11-22T08:00:00Z", "place": "Malmö"}
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{house.url}/parcels/SB1/scans", json=scan) as posted:
            assert posted.status == 201
        async with session.post(f"{house.url}/parcels/SB1/scans", json={"code": 1}) as wrong:
            assert wrong.status == 422
        await house.restart()
        async with session.get(f"{house.url}/parcels/SB1/scans") as got:
            (kept,) = (await got.json())["scans"]
        async with session.get(f"{house.url}/log") as log:
            assert [entry["kind"] for entry in (await log.json())["records"]] == ["scan"]
    assert kept.items() >= scan.items()


async def test_every_second_purchase_can_be_spoilt(house: SandboxHouse) -> None:
    """Faults that come now and then are the ones that happen."""
    await house.behave(mode="refuse", every=2, count=2)
    answers = [await house.carrier.buy(request(f"a:{n}-p1-l1")) for n in range(6)]
    assert [isinstance(answer, Refused) for answer in answers] == [False, True, False, True, False, False]


async def test_a_torn_last_line_is_what_never_happened(tmp_path: Path) -> None:
    """A crash in the middle of a write leaves half a line: it was never answered, so it is cut off."""
    path = tmp_path / "carrier.log"
    log = TruthLog(path)
    sold = await Books(log).sell(Purchase("a-l1", "a", 500))
    log.close()
    path.write_bytes(path.read_bytes() + b'{"kind": "label", "refer')
    again = Books(TruthLog(path))
    assert await again.answer_to("a-l1") == sold
    assert (await again.sell(Purchase("b-l1", "b")))["tracking_number"] != sold["tracking_number"]
    assert path.read_bytes().count(b"\n") == 2
    assert is_sound(sold["tracking_number"])


async def test_a_carrier_that_is_away_gives_no_answer() -> None:
    """Nobody listens: it is asked again later, nothing is decided."""
    carrier = HttpCarrier("http://127.0.0.1:9", timeout_seconds=1.0)
    await carrier.open()
    with pytest.raises(NoAnswer):
        await carrier.buy(request())
    await carrier.close()


GARBLED = {
    "not_json": (201, b"<html>thank you</html>"),
    "no_number": (201, b'{"reference": "shopify:1001-p1-l1"}'),
    "another_reference": (201, b'{"reference": "x", "tracking_number": "SB1"}'),
    "too_long": (201, b'{"reference": "' + b"x" * ANSWER_BYTES_MAX + b'"}'),
    "redirect": (302, b""),
    "busy": (429, b'{"error": "slow down"}'),
    "nothing_known_here": (404, b""),
}


@pytest.mark.parametrize("kind", GARBLED)
async def test_an_answer_that_says_nothing_is_no_answer(kind: str) -> None:
    """The label may exist: neither bought nor refused may be recorded."""
    status, body = GARBLED[kind]
    async with serving(status, body) as carrier:
        with pytest.raises(NoAnswer):
            await carrier.buy(request())


async def test_a_refusal_without_a_reason_still_is_one() -> None:
    """A plain 422 tells that nothing was made."""
    async with serving(422, b"no") as carrier:
        assert await carrier.buy(request()) == Refused("refused with status 422")
        assert await carrier.void("x") == Refused("refused with status 422")


async def test_a_label_nobody_knows_counts_as_given_back() -> None:
    """404 to a void: there is nothing to pay for."""
    async with serving(404, b"") as carrier:
        assert await carrier.void("x") == Voided()


async def test_the_desk_asks_the_carrier_that_the_request_names(house: SandboxHouse) -> None:
    """And a carrier that is configured no longer keeps its calls pending instead of losing them."""
    desk = LabelDesk({"sandbox": house.carrier})
    assert isinstance(await desk.buy("key", request()), Label)
    assert isinstance(await desk.look_up("key", request()), Label)
    assert await desk.void("key", VoidRequest("sandbox", request().reference)) == Voided()
    with pytest.raises(NoAnswer, match=r"add \[shipping.carriers.hermez\]"):
        await desk.void("key", VoidRequest("hermez", "x"))


class serving:  # noqa: N801 - reads as a phrase
    """A server that answers everything alike, and a carrier that asks it."""

    def __init__(self, status: int, body: bytes) -> None:
        self._status, self._body = status, body

    async def __aenter__(self) -> HttpCarrier:
        async def say(_: web.Request) -> web.Response:
            return web.Response(status=self._status, body=self._body, headers={"Location": "/elsewhere"})

        app = web.Application()
        app.router.add_route("*", "/labels", say)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self._carrier = HttpCarrier(f"http://{host}:{port}", token="secret", timeout_seconds=2.0)
        await self._carrier.open()
        return self._carrier

    async def __aexit__(self, *_: object) -> None:
        await self._carrier.close()
        await self._runner.cleanup()
