"""The bus, for healing: that of the running system, or the embedded one of a stopped system, started for the while."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chassis.bus import Bus, BusAway
from ops.bus_access import connected
from ops.console import CannotDo, note
from ops.running.preflight import lock_folder
from ops.running.supervisor import PATIENCE_SECONDS, Supervisor
from ops.running.up import Wishes, environment_of
from ops.system import HOST, System


@asynccontextmanager
async def bus_of(system: System, name: str) -> AsyncIterator[Bus]:
    """A connection for the length of a block. Raises `CannotDo` where there is no bus and none of ours to start."""
    try:
        async with connected(system, name) as bus:
            yield bus
            return
    except BusAway as away:
        if not _is_embedded(system):
            raise CannotDo(str(away)) from None
    with lock_folder(system.data):
        note("the system is stopped: starting its bus for the while")
        supervisor = Supervisor(system, environment_of(system, {}, Wishes()))
        try:
            await supervisor.start_nats()
            async with connected(system, name) as bus:
                yield bus
        finally:
            if supervisor.nats is not None:
                await supervisor.nats.stop(PATIENCE_SECONDS["nats"])


def _is_embedded(system: System) -> bool:
    """Whether the bus would be our own child, and its files are here."""
    own = system.nats_url == f"nats://{HOST}:{system.port('nats')}"
    return own and (system.data / "nats").is_dir()
