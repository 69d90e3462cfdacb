"""Carriers to test against: real servers on a port of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from chassis.truth_log import TruthLog
from services.shipping.carriers.http_carrier import HttpCarrier
from services.shipping.carriers.sandbox import application

TIMEOUT_SECONDS = 0.5


class SandboxHouse:
    """A sandbox listening on a port of its own, with its books in a folder."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.carrier = HttpCarrier("")
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        self._truth = TruthLog(self.log)
        self._runner = web.AppRunner(application(self._truth), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        self.carrier = HttpCarrier(self.url, timeout_seconds=TIMEOUT_SECONDS)
        await self.carrier.open()

    async def stop(self) -> None:
        await self.carrier.close()
        assert self._runner
        await self._runner.cleanup()
        await self._truth.settled()
        self._truth.close()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def behave(self, **behaviour: Any) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/behaviour", json=behaviour) as response,
        ):
            assert response.status == 200

    def truth(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]
