"""A service that is there and does not work yet is no refusal: what it waits for is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from chassis.starting import Starting
from ops.asking import NotYet, Services
from ops.doctor.looking import look
from ops.system import System
from tests.conftest import free_port

WAITS = "billing waits for NATS at nats:4222"


async def test_a_service_that_starts_is_not_taken_for_one_that_refuses(tmp_path: Path) -> None:
    """It lives, has no answer yet, and the doctor names what it waits for, apart from those that are gone."""
    runner = web.AppRunner(Starting("billing", "NATS at nats:4222").application())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port := free_port())
    nobody = f"http://127.0.0.1:{free_port()}"
    services = dict.fromkeys(("orders", "inventory", "shipping", "notify"), nobody)
    system = System(tmp_path, 1, "nats://127.0.0.1:1", services | {"billing": f"http://127.0.0.1:{port}"})
    try:
        await site.start()
        async with Services(system) as asked:
            assert await asked.is_live("billing")
            assert not await asked.is_ready("billing")
            assert await asked.why_not_ready("billing") == WAITS
            assert (await asked.why_not_ready("orders")).startswith(f"orders does not answer at {nobody} (")
            with pytest.raises(NotYet, match=WAITS):
                await asked.get("billing", "/invoices/1")
            with pytest.raises(NotYet, match=WAITS):
                await asked.document("billing", "/invoices/1/document")
        found = await look(system)
    finally:
        await runner.cleanup()
    assert found.starting == {"billing": WAITS}
    assert found.silent.keys() == services.keys()


async def test_a_service_whose_checks_fail_is_told_in_words(tmp_path: Path) -> None:
    """`doorstep up` waits for it, and says for what: each check that fails, none that holds."""
    checks = {"started": {"ok": True}, "bus": {"ok": False}, "relay": {"ok": False, "behind": 7}}

    async def readyz(_: web.Request) -> web.Response:
        return web.json_response({"ready": False, "checks": checks}, status=503)

    app = web.Application()
    app.router.add_get("/readyz", readyz)
    async with TestServer(app) as served:
        system = System(tmp_path, 1, "nats://127.0.0.1:1", {"billing": str(served.make_url("")).rstrip("/")})
        async with Services(system) as asked:
            why = await asked.why_not_ready("billing")
    assert why == "billing has no connection to NATS, cannot publish what it decided (behind 7)"
