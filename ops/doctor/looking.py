"""What the doctor looks at: what the services say of themselves, the bus, the disks and the clocks. Only reads."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from chassis.bus import AWAY, Bus, BusAway
from contracts.catalogue import STREAMS
from contracts.parking import SERVICES
from ops.asking import NotYet, Services
from ops.bus_access import connected
from ops.console import CannotDo
from ops.doctor.waiting import Unexplained, Waiting, look_at_waiting
from ops.system import System

HEALTH_WITHIN_SECONDS = 3.0
SAME = {"type": "ce-type", "time": "ce-time", "causation_id": "ce-causationid"}
"""What tells an event from another at the same position: a store that was set back decides at another time."""


@dataclass(frozen=True, slots=True)
class Copies:
    """A service's two copies: events in each, and the position of the stream's newest event if the store's differs."""

    in_store: int
    in_stream: int
    last_differs: int = 0


@dataclass(slots=True)
class Found:
    """Everything that was seen. `services` has the `/ops/status` of those that answered, `silent` why others did not,
    `starting` what those wait for that do not work yet.

    `nats` says what is wrong with it, empty if nothing is; `clocks` how many seconds each is ahead of ours; `disks` are
    those of this machine: `{"free_bytes", "size_bytes"}`; `streams_short` has, by NATS server, the streams of which its
    copy is away or behind; `waiting` and `payouts` are for people to decide.
    """

    logs: Path = Path()
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)
    starting: dict[str, str] = field(default_factory=dict)
    nats: str = ""
    clocks: dict[str, float] = field(default_factory=dict)
    disks: dict[str, Mapping[str, int]] = field(default_factory=dict)
    copies: dict[str, Copies] = field(default_factory=dict)
    streams_short: dict[str, list[str]] = field(default_factory=dict)
    waiting: list[Waiting] = field(default_factory=list)
    payouts: list[Unexplained] = field(default_factory=list)


async def look(system: System) -> Found:
    """Look at the whole system, everything at once. Nobody who does not answer is waited for longer than seconds."""
    found = Found(logs=system.data / "logs", disks=_disks(system))
    async with Services(system) as services:
        await asyncio.gather(*(_ask(services, name, found) for name in SERVICES))
        await look_at_waiting(services, found)
        found.nats = await _health(system)
        try:
            async with connected(system, "doctor") as bus:
                await asyncio.gather(*(_compare(services, bus, name, found) for name in found.services))
        except BusAway as away:
            found.nats = found.nats or str(away)
        except AWAY as trouble:
            found.nats = found.nats or f"{type(trouble).__name__}: {trouble}"
    return found


async def _ask(services: Services, name: str, found: Found) -> None:
    before = datetime.now(UTC)
    try:
        status: dict[str, Any] = await services.get(name, "/ops/status")
    except NotYet as reason:
        found.starting[name] = reason.why
        return
    except CannotDo as reason:
        found.silent[name] = str(reason)
        return
    found.services[name] = status
    found.clocks[name] = seconds_ahead(status["time"], before, datetime.now(UTC))


def seconds_ahead(said: str, before: datetime, after: datetime) -> float:
    """How far a clock is ahead of ours that said this between two looks at ours; 0 where it may be right."""
    theirs = datetime.fromisoformat(said)
    if theirs > after:
        return (theirs - after).total_seconds()
    return min(0.0, (theirs - before).total_seconds())


async def _health(system: System) -> str:
    """What the embedded nats-server says of itself; nothing where the server is somebody else's."""
    if not (system.data / "nats").is_dir():
        return ""
    timeout = aiohttp.ClientTimeout(total=HEALTH_WITHIN_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"{system.url('nats-monitor')}/healthz") as answer,
        ):
            return "" if answer.status == 200 else f"/healthz says {(await answer.text())[:200]}"
    except (aiohttp.ClientError, TimeoutError) as fault:
        return f"/healthz does not answer ({type(fault).__name__})"


async def _compare(services: Services, bus: Bus, name: str, found: Found) -> None:
    """Hold the stream's newest event against the store. A deeper look is `doorstep verify`."""
    for server in await bus.copies_away(STREAMS[name]):
        found.streams_short.setdefault(server, []).append(STREAMS[name])
    try:
        messages, _, newest = await bus.stream_info(STREAMS[name])
        message = await bus.message(STREAMS[name], newest) if messages else None
        if message is None:
            return
        position = int(message.headers.get("ce-sequence", "0"))
        answer = await services.get(name, "/ops/events", after=position - 1, limit=1)
    except CannotDo:
        return  # it answered a moment ago; if it is gone now, the next look says so
    stored = answer["events"]
    in_store = position if stored else found.services[name]["position"]
    differs = bool(stored) and any(
        stored[0][key] != message.headers.get(header) for key, header in SAME.items()
    )
    found.copies[name] = Copies(in_store, position, position if differs else 0)


def _disks(system: System) -> dict[str, Mapping[str, int]]:
    if not system.data.is_dir():
        return {}
    usage = shutil.disk_usage(system.data)
    return {"this machine": {"free_bytes": usage.free, "size_bytes": usage.total}}
