"""Wait until what a process needs is there, so that it starts once and not again and again.

`python -m deploy.wait bus` waits for JetStream, `database` for PostgreSQL with the roles that migrations need, `orders`
for the streams, the consumers and, in PostgreSQL, the schema of that service. With `--then COMMAND…` the command takes
this process's place afterwards. Each reason to wait is said once.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time

from eventsourcing.persistence import PersistenceError

from chassis.bus import AWAY, CONNECT_DEADLINE_SECONDS, Bus, BusAway, connect
from chassis.event_store import OldStore
from chassis.logs import hush
from chassis.migrate import CannotMigrate, require_roles
from chassis.names import Names
from chassis.settings import SettingsWrong, System, system
from chassis.stores import open_store
from contracts.catalogue import STREAMS, sources_of
from contracts.parking import SERVICES

WITHIN_SECONDS = 86_400.0
"""A day: whoever ends is started again later and later, and a wait that goes on costs nothing."""
AGAIN_SECONDS = 0.5
CONNECTED_WITHIN_SECONDS = 2.0
"""Each attempt has so long at least."""
BUS, DATABASE = "bus", "database"
NOT_YET = (*AWAY, CannotMigrate, OldStore, PersistenceError)


class NeverCame(Exception):
    """What was waited for is not there when the time is over; the message says what is missing."""


async def wait_for(what: str, within_seconds: float = WITHIN_SECONDS) -> None:
    """Return when it is there. Raises `NeverCame` with the last reason when the time is over."""
    deadline, said = time.monotonic() + within_seconds, ""
    while reason := await _missing(what, deadline - time.monotonic()):
        if time.monotonic() > deadline:
            raise NeverCame(reason)
        if reason != said:
            sys.stderr.write(f"waiting: {reason}\n")
            said = reason
        await asyncio.sleep(AGAIN_SECONDS)


async def _missing(what: str, within_seconds: float) -> str:
    settings = system()
    if what == DATABASE and not settings.database_url:
        raise SettingsWrong("there is no database to wait for: set DOORSTEP_DATABASE_URL")
    try:
        if what == DATABASE:
            await asyncio.to_thread(require_roles, settings.database_url, settings.cell)
        else:
            await _bus_has(what, settings, within_seconds)
    except NOT_YET as reason:
        return str(reason) or type(reason).__name__
    return ""


async def _bus_has(what: str, settings: System, within_seconds: float) -> None:
    patience_seconds = min(max(within_seconds, CONNECTED_WITHIN_SECONDS), CONNECT_DEADLINE_SECONDS)
    async with connect(settings.nats_url, f"wait-{what}", Names(settings.cell), patience_seconds) as bus:
        await (_jetstream_answers(bus) if what == BUS else _all_made(bus, what))
    if what != BUS and settings.database_url:
        await asyncio.to_thread(lambda: open_store(what, read_only=True).close())


async def _jetstream_answers(bus: Bus) -> None:
    """A stream that is not there yet is an answer too."""
    try:
        await bus.stream_info(STREAMS["channels"])
    except BusAway:
        raise
    except AWAY:
        return


async def _all_made(bus: Bus, service: str) -> None:
    await bus.stream_info(STREAMS[service])
    for stream in sources_of(service):
        await bus.consumer_lag(stream, bus.names.durable(service))


def main() -> None:
    """Wait, then run what comes after `--then`."""
    parser = argparse.ArgumentParser(prog="python -m deploy.wait", description=__doc__)
    parser.add_argument("what", choices=(BUS, DATABASE, *SERVICES))
    parser.add_argument("--then", nargs=argparse.REMAINDER, default=[], metavar="COMMAND")
    said = parser.parse_args()
    hush()
    # As the first process of a container it would not hear it otherwise, and be waited for until it is killed.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(128 + signal.SIGTERM))
    try:
        asyncio.run(wait_for(said.what))
    except (NeverCame, SettingsWrong) as reason:
        sys.exit(f"wait: {reason}")
    if said.then:
        os.execvp(said.then[0], said.then)  # noqa: S606 - the command is the manifest's own


if __name__ == "__main__":
    main()
