"""Wait until what a process needs is there, so that it starts once and not again and again.

`python -m deploy.wait bus` waits for JetStream; `python -m deploy.wait orders` for the streams and consumers of that
service. With `--then COMMAND…` the command takes this process's place afterwards. Each attempt is said with its reason.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time

from chassis.bus import AWAY, Bus, BusAway, connect
from chassis.names import Names
from chassis.settings import SettingsWrong, system
from contracts.catalogue import STREAMS, sources_of
from contracts.parking import SERVICES

WITHIN_SECONDS = 300.0
AGAIN_SECONDS = 0.5
BUS = "bus"


async def wait_for(what: str, within_seconds: float = WITHIN_SECONDS) -> None:
    """Return when it is there. Raises `BusAway` with the last reason when the time is over."""
    deadline, said = time.monotonic() + within_seconds, ""
    while reason := await _missing(what):
        if time.monotonic() > deadline:
            raise BusAway(reason)
        if reason != said:
            sys.stderr.write(f"waiting: {reason}\n")
            said = reason
        await asyncio.sleep(AGAIN_SECONDS)


async def _missing(what: str) -> str:
    settings = system()
    try:
        async with connect(settings.nats_url, f"wait-{what}", Names(settings.cell)) as bus:
            await (_jetstream_answers(bus) if what == BUS else _all_made(bus, what))
    except AWAY as away:
        return str(away) or type(away).__name__
    return ""


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
    parser.add_argument("what", choices=(BUS, *SERVICES))
    parser.add_argument("--then", nargs=argparse.REMAINDER, default=[], metavar="COMMAND")
    said = parser.parse_args()
    try:
        asyncio.run(wait_for(said.what))
    except (BusAway, SettingsWrong) as away:
        sys.exit(f"wait: {away}")
    if said.then:
        os.execvp(said.then[0], said.then)  # noqa: S606 - the command is the manifest's own


if __name__ == "__main__":
    main()
