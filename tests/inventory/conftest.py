"""The whole service, running: real HTTP, a real store, the real nats-server."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from chassis.bus import Bus, open_bus
from chassis.service import Running
from chassis.settings import SERVICE_PORTS, System
from services.inventory.wiring import build
from tests.conftest import NatsServer, free_port
from tests.stores import Stores
from tests.stores import stores_one_of_them_later as stores_one_of_them_later

SKU_ROW = {"line": 2, "sku": "LAMP", "price_minor": 3990, "currency": "EUR"}
STOCK_ROW = {"line": 2, "sku": "LAMP", "location": "MAIN", "quantity": 5}


@dataclass
class Client:
    """Speaks to the service as `doorstep import` and the page do."""

    session: aiohttp.ClientSession
    running: Running

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.session.get(path) as answer:
            return answer.status, await answer.json()

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        async with self.session.post(path, json=body) as answer:
            return answer.status, await answer.json()

    async def bring_in(self, sheet: str, *rows: dict[str, Any]) -> dict[str, Any]:
        """Import rows; the answer."""
        body = {"rows": list(rows), "actor": "anna", "reference": f"{sheet}.csv"}
        status, answer = await self.post(f"/imports/{sheet}", body)
        assert status == 200, answer
        return answer

    async def with_stock(self, quantity: int) -> None:
        """A lamp, and so many of it."""
        await self.bring_in("skus", SKU_ROW)
        await self.bring_in("stock", {**STOCK_ROW, "quantity": quantity})


@pytest.fixture
async def client(
    bus: Bus, nats_server: NatsServer, tmp_path: Path, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Client]:
    """A service of its own for one test."""
    monkeypatch.setenv("DOORSTEP_CONFIG", os.devnull)
    port_base = free_port() - SERVICE_PORTS["inventory"]
    settings = System(data=tmp_path, port_base=port_base, nats_url=nats_server.url)
    own_bus = await open_bus(nats_server.url, "test-inventory")
    running = Running(build(), settings, own_bus, stores.open("inventory"))
    await running.start()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{settings.port_of('inventory')}") as session:
        yield Client(session, running)
    await running.stop()
