"""The bus, for a command that looks at it and goes: a short deadline, and nothing logged but what is said."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from chassis.bus import Bus, open_bus
from chassis.logs import hush
from ops.system import System

DEADLINE_SECONDS = 3.0


@asynccontextmanager
async def connected(system: System, name: str) -> AsyncIterator[Bus]:
    """A connection for the length of a block. Raises `BusAway` naming the address."""
    _keep_quiet()
    bus = await open_bus(system.nats_url, name, deadline_seconds=DEADLINE_SECONDS)
    try:
        yield bus
    finally:
        await bus.close()


def _keep_quiet() -> None:
    """The connection's own warnings would stand between the lines of a command's result."""
    hush()
    if not structlog.is_configured():
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
