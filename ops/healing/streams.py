"""Make a service's stream whole again from its store, by the service's own relay."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from chassis.bootstrap import bootstrap
from chassis.bus import AWAY, BusAway
from chassis.login import configured
from chassis.relay import Relay, StreamAhead
from contracts.catalogue import STREAMS
from ops.console import CannotDo, Progress
from ops.healing.bus import bus_of
from ops.stores import open_stores
from ops.system import System

LOOK_AGAIN_SECONDS = 0.1
PATIENCE_SECONDS = 20.0
"""Without a message more in the stream: four attempts of the relay, which itself would go on for ever."""


async def heal_stream(system: System, service: str) -> dict[str, Any]:
    """Publish what the store has and the stream lacks. Safe beside a running service: the server fences both.

    Raises `CannotDo` where the bus is away or refuses us, or the stream holds what the store never wrote.
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
    except StreamAhead as fault:
        raise CannotDo(str(fault)) from fault
    except AWAY as away:
        raise CannotDo(f"{STREAMS[service]} could not be mended ({away}): {_what_next(service)}") from away
    return {"service": service, "stream": STREAMS[service], "published": after - before, "messages": after}


def _what_next(service: str) -> str:
    if not (user := configured().nats_user):
        return "look at nats-server's log, and run this again"
    return (
        f"the NATS user {user} may not do that. Run the job `bootstrap` again, which makes the stream, and start"
        f" {service}: it publishes what is missing (docs/runbooks/stream-lost.md)"
    )


async def _catch_up(relay: Relay, last: int) -> None:
    """Let the relay run until it has published the store's last event. Raises `BusAway` where it gets no further."""
    progress, got_to, until = Progress("publishing", last), -1, 0.0
    running = asyncio.create_task(relay.run())
    try:
        while relay.published < last and not running.done():
            if relay.published != got_to:
                got_to, until = relay.published, time.monotonic() + PATIENCE_SECONDS
            if time.monotonic() > until:
                raise BusAway(f"nothing behind {got_to:,} was stored for {PATIENCE_SECONDS:.0f} s")
            await asyncio.wait((running,), timeout=LOOK_AGAIN_SECONDS)
            progress.reached(relay.published)
        if running.done():
            running.result()
    finally:
        running.cancel()
