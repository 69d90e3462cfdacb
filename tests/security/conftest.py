"""A real orders service to be attacked: real nats-server, real store, the settings a test asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from chassis.bus import Bus, open_bus
from chassis.service import Running
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
class Orders:
    """The service, a session to ask it, and the bus behind it."""

    running: Running
    session: aiohttp.ClientSession
    bus: Bus
    port: int

    async def stored(self) -> tuple[int, int]:
        """The last message of CHANNELS and the position of the store: whether anything was touched."""
        return (await self.bus.stream_info("CHANNELS"))[2], self.running.reactor.last_position

    async def ask(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        async with self.session.request(method, path, **more) as answer:
            return answer.status, await answer.json()


type Start = Callable[[str], Awaitable[Orders]]


@pytest.fixture
async def start_orders(
    bus: Bus, nats_server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Start]:
    """Starts the service with a configuration."""
    async with AsyncExitStack() as stack:

        async def start(configuration: str) -> Orders:
            config = tmp_path / "doorstep.toml"
            config.write_text(CHANNELS + configuration)
            monkeypatch.setenv("DOORSTEP_CONFIG", str(config))
            port = free_port()
            settings = System(
                data=tmp_path, port_base=port - SERVICE_PORTS["orders"], nats_url=nats_server.url
            )
            own_bus = await open_bus(nats_server.url, "test-orders")
            running = Running(build(), settings, own_bus, SQLiteStore(tmp_path / "orders.sqlite"))
            await running.start()
            stack.push_async_callback(running.stop)
            session = await stack.enter_async_context(aiohttp.ClientSession(f"http://127.0.0.1:{port}"))
            return Orders(running, session, bus, port)

        yield start
