"""The bus, for a command that looks at it and goes: a short deadline."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chassis.bus import Bus, open_bus
from chassis.login import Login
from chassis.logs import hush
from chassis.names import Names
from chassis.settings import system as settings
from ops.system import System

DEADLINE_SECONDS = 3.0


@asynccontextmanager
async def connected(system: System, name: str, login: Login | None = None) -> AsyncIterator[Bus]:
    """A connection for the length of a block, with the names of the configured cell; as the configured user, or as
    another. Raises `BusAway` naming the address.
    """
    hush()
    names = Names(settings().cell)
    bus = await open_bus(system.nats_url, name, names, deadline_seconds=DEADLINE_SECONDS, login=login)
    try:
        yield bus
    finally:
        await bus.close()
