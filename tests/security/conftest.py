"""Real services to be attacked: real nats-server, real store, the settings a test asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import pytest

from chassis.bus import Bus, open_bus
from chassis.service import Assembly, Running
from chassis.settings import SERVICE_PORTS, System
from chassis.sqlite_store import SQLiteStore
from services.orders.wiring import build
from tests.conftest import NatsServer, free_port

PASSWORD = "correct-horse-battery-staple"
CHANNELS = """
[channels.shop]
kind = "canonical"
secret = "s3cret"
previous_secret = "secret-before"

[channels.shopify]
kind = "shopify"
secret = "hush"

[channels.woocommerce]
kind = "woocommerce"
secret = "wc_test_secret"

[channels.closed]
kind = "canonical"
"""
LOCKED = f"""
[access]
password = "{PASSWORD}"
loopback = []
groups = {{ "shop-finance" = "finance" }}
"""


@dataclass
class Served:
    """A running service, a session to ask it, and the bus behind it."""

    running: Running
    session: aiohttp.ClientSession
    bus: Bus
    port: int

    async def ask(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        async with self.session.request(method, path, **more) as answer:
            return answer.status, await answer.json()


class Orders(Served):
    """The orders service."""

    async def stored(self) -> tuple[int, int]:
        """The last message of CHANNELS and the position of the store: whether anything was touched."""
        return (await self.bus.stream_info("CHANNELS"))[2], self.running.reactor.last_position


class StartService(Protocol):
    """Starts a service with a configuration."""

    async def __call__[S: Served](
        self, kind: type[S], build: Callable[[], Assembly], configuration: str
    ) -> S: ...


type Start = Callable[[str], Awaitable[Orders]]


@pytest.fixture
async def start_service(
    bus: Bus, nats_server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[StartService]:
    """Starts any; what was started ends with the test."""
    async with AsyncExitStack() as stack:

        async def start[S: Served](kind: type[S], build: Callable[[], Assembly], configuration: str) -> S:
            config = tmp_path / "doorstep.toml"
            config.write_text(configuration)
            monkeypatch.setenv("DOORSTEP_CONFIG", str(config))
            assembly, port = build(), free_port()
            name = assembly.service.name
            settings = System(data=tmp_path, port_base=port - SERVICE_PORTS[name], nats_url=nats_server.url)
            own_bus = await open_bus(nats_server.url, f"test-{name}")
            running = Running(assembly, settings, own_bus, SQLiteStore(tmp_path / f"{name}.sqlite"))
            await running.start()
            stack.push_async_callback(running.stop)
            session = await stack.enter_async_context(aiohttp.ClientSession(f"http://127.0.0.1:{port}"))
            return kind(running, session, bus, port)

        yield start


@pytest.fixture
def start_orders(start_service: StartService) -> Start:
    """Starts the orders service with a few channels and a configuration."""
    return lambda configuration: start_service(Orders, build, CHANNELS + configuration)
