"""A standby without its process: what it answers, on a port of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chassis.port import Port
from chassis.settings import System
from chassis.standby import stand_by


@asynccontextmanager
async def standing_by(service: str, settings: System) -> AsyncIterator[None]:
    """It answers for the length of a block."""
    async with Port(settings.host, settings.port_of(service)) as port:
        await stand_by(service, settings, port)
        yield
