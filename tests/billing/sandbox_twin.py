"""A sandbox gateway in this process, on a free port, with an open adapter to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from chassis.truth_log import TruthLog
from services.billing.gateways.http_gateway import HttpGateway
from services.billing.gateways.sandbox import Sandbox


class SandboxTwin:
    """The adapter and a sandbox in this process, on a free port."""

    def __init__(self, path: Path, *, magic_amounts: bool = False) -> None:
        self._path = path
        self._magic_amounts = magic_amounts
        self._port = 0

    async def start(self) -> None:
        self._log = TruthLog(self._path)
        self._runner = web.AppRunner(
            Sandbox(self._log, magic_amounts=self._magic_amounts).application(), shutdown_timeout=0.1
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}"
        self.gateway = HttpGateway(self.url, read_seconds=0.3)
        await self.gateway.open()

    async def stop(self) -> None:
        await self.gateway.close()
        await self._runner.cleanup()
        await self._log.settled()
        self._log.close()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def behave(self, **behaviour: Any) -> None:
        async with (
            aiohttp.ClientSession() as admin,
            admin.post(f"{self.url}/behaviour", json=behaviour) as answer,
        ):
            assert answer.status == 200

    async def truth(self, kind: str) -> list[dict[str, Any]]:
        async with aiohttp.ClientSession() as admin, admin.get(f"{self.url}/log") as answer:
            shown = (await answer.json())["records"]
        written = [json.loads(line) for line in self._path.read_text().splitlines()]
        assert written == shown
        return [record for record in written if record["kind"] == kind]
