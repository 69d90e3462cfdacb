"""The life of a service's process: it waits for its store, catches up, serves, drains, and ends with one clear line.

One process at a time owns a store: the second waits for the first one's lock and takes over when it is gone.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from chassis.bus import Bus, BusAway, open_bus
from chassis.catching_up import catch_up
from chassis.event_store import UNREADABLE, StalePosition, Store
from chassis.inbox import StreamLost
from chassis.keys.away import KeysAway
from chassis.logs import set_up
from chassis.names import Names
from chassis.ownership import own
from chassis.port import Port
from chassis.pulse import Owned
from chassis.relay import StreamAhead
from chassis.service import Assembly, Running
from chassis.settings import SettingsWrong, System, system
from chassis.standby import stand_by
from chassis.starting import Starting
from chassis.stores import open_store

NOT_FOR_OTHERS = 0o077
"""The umask: what is stored and said here is for the account that runs it."""
SWITCH_INTERVAL_SECONDS = 0.001
"""How soon the event loop gets the interpreter back from the writer's thread."""
KNOWN = (
    *UNREADABLE,
    BusAway,
    KeysAway,
    SettingsWrong,
    StalePosition,
    StreamAhead,
    StreamLost,
    OSError,
)
"""What ends a service with one line that says why."""
GARBAGE_THRESHOLDS = (50_000, 50, 1000)
"""States are acyclic and live long: looking through them for cycles at the default pace costs a sixth of the CPU."""


async def live(name: str, build: Callable[[], Assembly]) -> int:
    """Run a service until it is told to stop; returns the exit code."""
    settings, assembly = system(), build()
    stopping = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stopping.set)
    async with Port(settings.host, settings.port_of(name)) as port:
        owned = asyncio.create_task(own(name, settings))
        await stand_by(name, settings, port)
        if await _first(owned, stopping) is stopping:
            return 0
        answers = Starting(name, f"NATS at {settings.nats_url.rpartition('@')[2]}")
        await port.answers_with(answers.application())
        arriving = asyncio.create_task(_arrive(assembly, settings, owned.result(), answers))
        if await _first(arriving, stopping) is stopping:
            return 0
        running = Running(assembly, settings, *arriving.result(), owned.result(), port)
        return await _work(running, owned.result(), stopping)


async def _work(running: Running, owned: Owned, stopping: asyncio.Event) -> int:
    """Until told to stop, or until a part fails; returns the exit code."""
    await running.start()
    failure = asyncio.create_task(_failure(running, owned))
    ended = await _first(failure, stopping)
    reason = failure.result() if ended is failure else None
    failure.cancel()
    await running.stop(drains=not isinstance(reason, StalePosition))
    await owned.give_up()
    if reason is not None:
        print(f"{running.name}: {reason}", file=sys.stderr)  # noqa: T201 - the one clear line
        return 1
    return 0


async def _arrive(assembly: Assembly, settings: System, owned: Owned, answers: Starting) -> tuple[Bus, Store]:
    """The bus, as soon as it is there, and the store, if it is still ours by then, caught up with its stream."""
    name = assembly.service.name
    names, patience_seconds = Names(settings.cell), settings.bus_within_seconds
    bus = await open_bus(settings.nats_url, f"doorstep-{name}", names, patience_seconds)
    answers.catches_up()
    await owned.sure()
    store = open_store(name)
    await catch_up(assembly.service, store, bus, assembly.prepare)
    return bus, store


async def _failure(running: Running, owned: Owned) -> BaseException | None:
    """Wait until a part ends by itself, or the right to write is lost; returns why."""
    parts, lost = asyncio.create_task(running.failure()), asyncio.create_task(owned.lost())
    try:
        await asyncio.wait({parts, lost}, return_when=asyncio.FIRST_COMPLETED)
        return parts.result() if parts.done() else lost.exception()
    finally:
        parts.cancel()
        lost.cancel()


async def _first(task: asyncio.Task[Any], event: asyncio.Event) -> Any:
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if event.is_set():
        if not task.done():
            task.cancel()
        return event
    waiting.cancel()
    return task


def run(name: str, build: Callable[[], Assembly]) -> None:
    """The main function of `python -m services.<name>`: exits 0 after a drain, 1 with one clear line otherwise."""
    os.umask(NOT_FOR_OTHERS)
    sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    try:
        set_up(name, human=system().log_format == "human")
        code = asyncio.run(live(name, build))
    except KNOWN as known:
        sys.exit(f"{name}: {known}")
    sys.exit(code)
