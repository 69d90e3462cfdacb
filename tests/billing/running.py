"""Billing in this process: real store, engine, effects and routes; only the bus is left out."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, cast

from aiohttp import ClientSession, web

from chassis.batch import Batch
from chassis.bus import Bus
from chassis.clock import wall_clock
from chassis.declare import Message
from chassis.effects import Effects
from chassis.engine import Engine
from chassis.http import Runtime, errors_as_json
from chassis.items import Incoming
from chassis.metrics import Meter
from chassis.reactor import Reactor
from contracts.catalogue import subject_of
from contracts.event import Event
from services.billing.gateways.gateway import Gateway
from services.billing.http import routes
from services.billing.settings import BillingSettings
from services.billing.wiring import declare
from tests.billing.makers import SHOP
from tests.spec import NOON
from tests.stores import Stores


class Shop:
    """The service's store, engine and routes, and a client of them."""

    def __init__(
        self, stores: Stores, gateway: Gateway | None = None, settings: BillingSettings | None = None
    ) -> None:
        service = declare(settings or BillingSettings(), SHOP, gateway)
        self._store = stores.open("billing")
        self._engine = Engine(Reactor(service, self._store, wall_clock), self._store, Meter("billing"))
        self._effects = Effects(
            service.effects, self._engine.call_of, self._engine.story_of, self._engine.submit
        )
        self._engine.listeners += [self._effects.committed, self._committed]
        self._positions: dict[str, int] = {}
        self._said: list[str] = []
        self._more = asyncio.Event()

    async def open(self) -> None:
        self._running = asyncio.create_task(self._engine.run(self._room))
        app = web.Application(middlewares=[errors_as_json])
        self.runtime = Runtime(self._engine, cast(Bus, None))
        app.add_routes(routes(self.runtime))
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._effects.recover(self._store.calls())
        self._client = ClientSession(f"http://127.0.0.1:{self._runner.addresses[0][1]}")

    async def close(self) -> None:
        await self._client.close()
        await self._runner.cleanup()
        await self._effects.stop(1)
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running
        self._engine.close()
        self._store.close()

    async def _room(self) -> None:
        """No relay behind: there is always room."""

    def _committed(self, batch: Batch) -> None:
        self._said += [event.type.split(".")[1] for event in batch.events]
        self._more.set()

    async def says(self, name: str) -> list[str]:
        """Wait for this event; returns the names of all events since the start."""
        while name not in self._said:
            self._more.clear()
            await self._more.wait()
        return self._said

    async def hears(self, *events: Event) -> None:
        for event in events:
            stream = event.TYPE.split(".")[0].upper()
            position = self._positions[stream] = self._positions.get(stream, 0) + 1
            headers = {"ce-type": event.TYPE, "ce-id": f"{stream}-{position}"}
            message = Message(stream, position, subject_of(event.TYPE), headers, event.to_bytes(), NOON)
            await self._engine.submit([Incoming(message, position)])

    async def get(self, path: str) -> tuple[int, Any]:
        async with self._client.get(path) as answer:
            body = await answer.read()
            return answer.status, await answer.json() if answer.content_type == "application/json" else body

    async def post(self, path: str, **body: Any) -> tuple[int, Any]:
        async with self._client.post(path, **body) as answer:
            return answer.status, await answer.json()
