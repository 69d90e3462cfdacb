"""The HTTP gateway against the sandbox: a real server, started on a free port, with its own truth log."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from chassis.outbound import ANSWER_BYTES_MAX
from services.billing.domain.answers import CaptureCall, Captured, Declined
from services.billing.gateways.gateway import GatewayContradicts, GatewayUnavailable
from services.billing.gateways.http_gateway import HttpGateway
from tests.billing.sandbox_twin import SandboxTwin
from tests.suites.gateway_suite import BACK, PAY, GatewaySuite

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def twin(tmp_path: Path) -> AsyncIterator[SandboxTwin]:
    sandbox = SandboxTwin(tmp_path / "truth.jsonl")
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


class TestHttpGateway(GatewaySuite):
    """The suite, on HTTP."""


async def test_a_torn_line_is_no_charge(tmp_path: Path) -> None:
    """Killed while writing: that charge was never answered, and the log goes on after the last whole line."""
    sandbox = SandboxTwin(tmp_path / "truth.jsonl")
    await sandbox.start()
    await sandbox.gateway.capture(PAY)
    await sandbox.stop()
    with (tmp_path / "truth.jsonl").open("a") as log:
        log.write('{"kind": "charge", "refer')
    await sandbox.start()
    await sandbox.gateway.refund(BACK)
    assert (len(await sandbox.truth("charge")), len(await sandbox.truth("refund"))) == (1, 1)
    await sandbox.stop()


async def test_magic_addresses_and_amounts(tmp_path: Path) -> None:
    """A demo can show a refusal and a lost answer without an administrator."""
    sandbox = SandboxTwin(tmp_path / "truth.jsonl", magic_amounts=True)
    await sandbox.start()
    assert isinstance(
        await sandbox.gateway.capture(CaptureCall("a", 100, "EUR", "declined@example.org")), Declined
    )
    assert isinstance(await sandbox.gateway.capture(CaptureCall("b", 2013, "EUR")), Declined)
    with pytest.raises(GatewayUnavailable):
        await sandbox.gateway.capture(CaptureCall("c", 100, "EUR", "lost@example.org"))
    assert isinstance(await sandbox.gateway.look_up(CaptureCall("c", 100, "EUR")), Captured)
    await sandbox.stop()


async def test_the_preview_is_a_statement_that_adds_up(twin: SandboxTwin) -> None:
    """Charges with 2.9 % and 30, refunds without a fee, the total, and where the next one begins."""
    await twin.gateway.capture(PAY)
    await twin.gateway.refund(BACK)
    await twin.gateway.capture(CaptureCall("usd", 500, "USD"))
    async with (
        aiohttp.ClientSession() as shop,
        shop.get(f"{twin.url}/payouts/preview?payout_id=po_7") as answer,
    ):
        payout = await answer.json()
    assert payout == {
        "provider": "sandbox",
        "payout_id": "po_7",
        "currency": "EUR",
        "total_minor": -375,
        "lines": [
            {
                "kind": "charge",
                "reference": PAY.reference,
                "gross_minor": 11900,
                "fee_minor": 375,
                "net_minor": 11525,
            },
            {
                "kind": "refund",
                "reference": BACK.reference,
                "gross_minor": -11900,
                "fee_minor": 0,
                "net_minor": -11900,
            },
        ],
        "next": 3,
    }


async def answering(handler: Any) -> tuple[web.AppRunner, HttpGateway]:
    """A gateway that gives one fixed answer."""
    app = web.Application()
    app.add_routes([web.post("/charges", handler), web.get("/charges", handler)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    gateway = HttpGateway(f"http://127.0.0.1:{runner.addresses[0][1]}", read_seconds=2)
    await gateway.open()
    return runner, gateway


FINE = {
    "reference": PAY.reference,
    "status": "captured",
    "amount_minor": 11900,
    "currency": "EUR",
    "id": "ch",
}
ODD_ANSWERS = {
    "huge": (lambda _: web.Response(body=b"x" * (ANSWER_BYTES_MAX + 1)), GatewayUnavailable, "larger than"),
    "redirect": (
        lambda _: web.Response(status=302, headers={"Location": "/else"}),
        GatewayUnavailable,
        "answered 302",
    ),
    "no json": (lambda _: web.Response(text="<html>"), GatewayUnavailable, "cannot be read"),
    "another reference": (
        lambda _: web.json_response(FINE | {"reference": "x"}),
        GatewayContradicts,
        "answered about x",
    ),
    "another amount": (
        lambda _: web.json_response(FINE | {"amount_minor": 1}),
        GatewayContradicts,
        "answered 1 EUR",
    ),
}


@pytest.mark.parametrize("odd", ODD_ANSWERS)
async def test_an_answer_that_cannot_be_trusted_is_none(odd: str) -> None:
    """Too large, elsewhere, unreadable or about something else: in doubt, never taken for a capture."""
    give, error, said = ODD_ANSWERS[odd]

    async def handler(request: web.Request) -> web.Response:
        assert request.headers["Idempotency-Key"] == PAY.reference
        return give(request)

    runner, gateway = await answering(handler)
    with pytest.raises(error, match=said):
        await gateway.capture(PAY)
    await gateway.close()
    await runner.cleanup()


@pytest.mark.parametrize(
    ("odd", "said"),
    [({"amount_minor": 6000}, "answered 6000 EUR"), ({"currency": "USD"}, "answered 11900 USD")],
)
async def test_what_a_look_up_finds_has_to_be_what_was_asked_for(odd: dict[str, Any], said: str) -> None:
    """After a lost answer, a part of the money is not the money: nobody releases goods for it."""

    async def handler(_: web.Request) -> web.Response:
        return web.json_response(FINE | odd)

    runner, gateway = await answering(handler)
    with pytest.raises(GatewayContradicts, match=said):
        await gateway.look_up(PAY)
    await gateway.close()
    await runner.cleanup()


async def test_a_gateway_that_is_not_there_is_no_answer() -> None:
    """Refused connections and an adapter that was not opened alike."""
    gateway = HttpGateway("http://127.0.0.1:9")
    with pytest.raises(GatewayUnavailable, match="not open"):
        await gateway.capture(PAY)
    await gateway.open()
    with pytest.raises(GatewayUnavailable):
        await gateway.look_up(PAY)
    await gateway.close()


async def test_the_sandbox_is_a_program_that_keeps_its_books(tmp_path: Path) -> None:
    """One line when it listens, clean on SIGTERM, and after a kill it still knows what it charged."""
    charges = []
    for signum, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 0)):
        program = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.billing.gateways.sandbox",
            "--port",
            "0",
            "--log",
            tmp_path / "t.jsonl",
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        assert program.stdout is not None
        said = (await program.stdout.readline()).decode()
        assert said.startswith("sandbox gateway listening on http://127.0.0.1:")
        gateway = HttpGateway(said.split()[-1])
        await gateway.open()
        charges.append(await gateway.capture(PAY))
        await gateway.close()
        program.send_signal(signum)
        assert await program.wait() == code
    assert charges[0] == charges[1]
    assert len((tmp_path / "t.jsonl").read_text().splitlines()) == 1
