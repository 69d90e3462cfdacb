"""Make a service's stream whole again from its store, by the service's own relay."""

from __future__ import annotations

import asyncio
from typing import Any

from chassis.bootstrap import bootstrap
from chassis.bus import BusAway
from chassis.relay import Relay, StreamAhead
from contracts.catalogue import STREAMS
from ops.console import CannotDo, Progress
from ops.healing.bus import bus_of
from ops.stores import open_stores
from ops.system import System

LOOK_AGAIN_SECONDS = 0.1


async def heal_stream(system: System, service: str) -> dict[str, Any]:
    """Publish what the store has and the stream lacks. Safe beside a running service: the server fences both.

    Raises `CannotDo` where the bus is away, or the stream holds what the store never wrote.
    """
    store = open_stores(system, (service,))[service]

    async def read(after: int, limit: int) -> list[Any]:
        return await asyncio.to_thread(store.events, after, limit)

    try:
        async with bus_of(system, f"heal-{service}") as bus:
            await bootstrap(bus)
            before, _, _ = await bus.stream_info(STREAMS[service])
            await _catch_up(Relay(bus, service, read, store.last_position), store.last_position())
            after, _, _ = await bus.stream_info(STREAMS[service])
    except (BusAway, StreamAhead) as fault:
        raise CannotDo(str(fault)) from fault
    return {"service": service, "stream": STREAMS[service], "published": after - before, "messages": after}


async def _catch_up(relay: Relay, last: int) -> None:
    """Let the relay run until it has published the store's last event."""
    progress = Progress("publishing", last)
    running = asyncio.create_task(relay.run())
    try:
        while relay.published < last and not running.done():
            await asyncio.wait((running,), timeout=LOOK_AGAIN_SECONDS)
            progress.reached(relay.published)
        if running.done():
            running.result()
    finally:
        running.cancel()
