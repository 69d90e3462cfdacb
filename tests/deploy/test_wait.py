"""Waiting for the bus, and for what a service needs of it: over when it is there, with a reason when it never comes."""

from __future__ import annotations

import asyncio

import pytest

from chassis.bootstrap import bootstrap
from chassis.bus import BusAway, connect
from chassis.settings import System
from deploy.wait import wait_for
from tests.conftest import NatsServer, free_port


async def test_it_waits_for_streams_and_consumers(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bus is there at once; orders has what it needs only after the bootstrap."""
    monkeypatch.setattr("deploy.wait.system", lambda: System(nats_url=nats_server.url))
    await wait_for("bus", within_seconds=5)
    waiting = asyncio.create_task(wait_for("orders", within_seconds=30))
    async with connect(nats_server.url, "bootstrap") as bus:
        assert not waiting.done()
        await bootstrap(bus)
    await waiting


async def test_it_says_what_never_came(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong address is named, and the job fails."""
    url = f"nats://127.0.0.1:{free_port()}"
    monkeypatch.setattr("deploy.wait.system", lambda: System(nats_url=url))
    with pytest.raises(BusAway, match=url):
        await wait_for("bus", within_seconds=0)
