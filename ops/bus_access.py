"""The bus, for a command that looks at it and goes: a short deadline."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chassis.bus import Bus, open_bus
from chassis.logs import hush
from ops.system import System

DEADLINE_SECONDS = 3.0


@asynccontextmanager
async def connected(system: System, name: str) -> AsyncIterator[Bus]:
    """A connection for the length of a block. Raises `BusAway` naming the address."""
    hush()
    bus = await open_bus(system.nats_url, name, deadline_seconds=DEADLINE_SECONDS)
    try:
        yield bus
    finally:
        await bus.close()
