"""The whole service, running: real HTTP, a real store, the real nats-server, a real carrier."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from chassis.bus import Bus, open_bus
from chassis.declare import Kind, Service, Step, World
from chassis.service import Assembly, Running
from chassis.settings import SERVICE_PORTS, System
from contracts.catalogue import decode
from contracts.event import Event
from contracts.orders import CancellationRequested, OrderReleased
from services.shipping.wiring import build
from tests.conftest import NatsServer, free_port, until
from tests.shipping.houses import SandboxHouse
from tests.stores import Stores
from tests.stores import stores_one_of_them_later as stores_one_of_them_later


@dataclass(frozen=True, slots=True)
class Say:
    """Have the orders service say something."""

    event: Event


@dataclass(frozen=True, slots=True)
class Said:
    """Nothing is remembered."""


def say(command: Say, world: World) -> Iterable[Event]:
    return (command.event,)


def orders() -> Service:
    """The orders service, as far as shipping hears it."""
    home = dict.fromkeys((OrderReleased, CancellationRequested), lambda event: (f"said/{event.order_id}",))
    return Service(
        name="orders",
        kinds=(Kind("said", Said, lambda *_: Said()),),
        places=home,
        on_command={Say: Step(say)},
    )


@dataclass
class Client:
    """Speaks to shipping over HTTP, and to its consumer through the orders stream."""

    session: aiohttp.ClientSession
    running: Running
    orders: Running

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.session.get(path) as answer:
            return answer.status, await answer.json()

    async def raw(self, path: str) -> tuple[str, bytes]:
        async with self.session.get(path) as answer:
            assert answer.status == 200, await answer.text()
            return answer.content_type, await answer.read()

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        async with self.session.post(path, json=body) as answer:
            return answer.status, await answer.json()

    async def say(self, *events: Event) -> None:
        for event in events:
            await self.orders.engine.command(Say(event), "test")

    async def in_state(self, order_id: str, state: str) -> dict[str, Any]:
        """The fulfilment, once it is in this state."""
        shown: dict[str, Any] = {}

        async def reached() -> bool:
            _, found = await self.get(f"/fulfilments/{order_id}")
            shown.update(found)
            return shown.get("state") == state

        await until(reached)
        return shown

    def said(self) -> list[Event]:
        """Everything shipping has said so far."""
        return [decode(stored.type, stored.data) for stored in self.running.store.events(limit=100_000)]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[SandboxHouse]:
    """A carrier that can be told to misbehave."""
    running = SandboxHouse(tmp_path / "carrier.log")
    await running.start()
    yield running
    await running.stop()


SETTINGS = """
[shop]
name = "Lamp Shop"
country = "DE"
[shipping.carriers.sandbox]
kind = "http"
url = "{carrier}"
timeout_seconds = 0.5
[shipping.carriers.small]
kind = "own_range"
prefix = "DP"
last = 1
"""


@pytest.fixture
async def client(
    bus: Bus,
    nats_server: NatsServer,
    tmp_path: Path,
    stores: Stores,
    house: SandboxHouse,
    monkeypatch: pytest.MonkeyPatch,
    own_data: Path,
) -> AsyncIterator[Client]:
    """A service of its own for one test. Its carrier is `DOORSTEP_SHIPPING__CARRIER`, set before."""
    config = tmp_path / "doorstep.toml"
    config.write_text(SETTINGS.format(carrier=house.url))
    monkeypatch.setenv("DOORSTEP_CONFIG", str(config))
    running = {}
    for name, assembly in (("orders", Assembly(orders(), lambda _: [])), ("shipping", build())):
        own_bus = await open_bus(nats_server.url, f"test-{name}")
        settings = System(
            data=tmp_path, port_base=free_port() - SERVICE_PORTS[name], nats_url=nats_server.url
        )
        running[name] = Running(assembly, settings, own_bus, stores.open(name))
        await running[name].start()
    shipping = running["shipping"]
    async with aiohttp.ClientSession(f"http://127.0.0.1:{shipping.settings.port_of('shipping')}") as session:
        yield Client(session, shipping, running["orders"])
    for service in running.values():
        await service.stop()
