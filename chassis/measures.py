"""What is looked up when somebody asks how a service is: in its store, at its bus, on its disk.

For Prometheus and for `doorstep doctor` alike. Looking costs a few indexed reads; it is done at most every few seconds,
however often somebody asks, on a reader's thread.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from eventsourcing.persistence import PersistenceError

from chassis.bus_away import AWAY
from chassis.certificates import InUse, nats_server_end
from chassis.clock import rfc3339, wall_clock
from chassis.logs import logger
from chassis.metrics import Figure
from chassis.parking import PARKED
from contracts.catalogue import STREAMS

if TYPE_CHECKING:
    from chassis.http import Runtime
    from chassis.service import Running

FRESH_SECONDS = 2.0
PARKED_MAX = 10_000
LATE_AFTER = timedelta(seconds=10)
LATE_MAX = 1_000
"""So many timers that are late are counted; from there on it is "at least"."""

type Measure = Callable[[Runtime], Awaitable[Iterable[Figure]]]
"""A service's own figures: what only its business knows."""


class Measures:
    """The figures of one running service."""

    def __init__(self, running: Running, own: Measure | None) -> None:
        self._running = running
        self._own = own
        self._certificates = dict[str, datetime]()
        self._looked = float("-inf")

    def note_certificates(self, in_use: Iterable[InUse]) -> None:
        """What was read just now, and is used until the process ends."""
        for file in in_use:
            try:
                self._certificates[file.setting] = file.end()
            except (OSError, ValueError) as fault:
                logger().warning("figures_not_read", error=f"{file.setting}: {fault}")

    async def refresh(self) -> None:
        """Look, unless somebody just did. What a store would have to say is left out while it cannot be read."""
        if time.monotonic() - self._looked < FRESH_SECONDS:
            return
        self._looked = time.monotonic()
        figures = await self._health()
        try:
            figures += [*await self._waiting(), *await self._of_the_business()]
        except PersistenceError as trouble:
            logger().warning("figures_not_read", error=str(trouble))
        self._running.meter.figures = figures

    async def _health(self) -> list[Figure]:
        running, disk = self._running, disk_of(self._running)
        checks = await running.checks()
        lag = {stream: n for stream, n in checks.get("lag", {}).items() if stream in running.sources}
        return [
            _one(
                "doorstep_ready", "1 if every check of /readyz holds", all(c["ok"] for c in checks.values())
            ),
            Figure(
                "doorstep_check",
                "1 if this check of /readyz holds",
                ("check",),
                {(name,): float(check["ok"]) for name, check in checks.items()},
            ),
            Figure(
                "doorstep_lag", "Messages not yet applied", ("stream",), {(s,): n for s, n in lag.items()}
            ),
            _one("doorstep_disk_free_bytes", "Free where the service keeps its data", disk["free_bytes"]),
            _one("doorstep_disk_size_bytes", "Size of that file system", disk["size_bytes"]),
            Figure(
                "doorstep_certificate_expires_seconds",
                "For how long a certificate in use still holds",
                ("certificate",),
                self._certificates_left(),
            ),
            *await self._copies_away(),
        ]

    async def _copies_away(self) -> list[Figure]:
        """Nothing while NATS cannot be asked, which other figures tell."""
        bus, help_text = self._running.bus, "NATS servers whose copy of the own stream is away or behind"
        try:
            away = await bus.copies_away(STREAMS[self._running.name])
        except AWAY:
            return []
        return [_one("doorstep_stream_copies_away", help_text, len(away))]

    def _certificates_left(self) -> dict[tuple[str, ...], float]:
        now, ends = wall_clock(), {**self._certificates, **nats_server_end(self._running.bus)}
        return {(name,): (end - now).total_seconds() for name, end in ends.items()}

    async def _waiting(self) -> list[Figure]:
        late, oldest = await self.late_timers()
        return [
            _one("doorstep_parked", "Messages that wait for a person", await self.parked()),
            _one("doorstep_timers_late", "Timers more than ten seconds over their time, at most 1000", late),
            _one("doorstep_timers_late_seconds", "How long the latest of them is over its time", oldest),
        ]

    async def _of_the_business(self) -> list[Figure]:
        running = self._running
        states = await running.runtime.counts("state")
        figures = list(await self._own(running.runtime)) if self._own else []
        return [
            Figure(
                "doorstep_entities", "Entities by state", ("state",), {(s,): n for s, n in states.items()}
            ),
            *figures,
        ]

    async def parked(self) -> int:
        """Messages that wait for a person, at most 10,000."""
        running = self._running
        return len(await running.engine.read(lambda: running.store.tagged(PARKED, PARKED_MAX)))

    async def late_timers(self) -> tuple[int, float]:
        """How many timers are late, and by how many seconds the latest is."""
        running, until = self._running, rfc3339(wall_clock() - LATE_AFTER)
        rows = await running.engine.read(lambda: running.store.due_timers(until, LATE_MAX))
        late = [by for by in map(running.timers.late_by, rows) if by > LATE_AFTER]
        return len(late), max(late, default=timedelta()).total_seconds()


def watch(running: Running) -> None:
    """Gauges that cost nothing to read."""
    relay, effects = running.relay, running.effects
    plain: tuple[tuple[str, str, Callable[[], float]], ...] = (
        ("position", "Position of the newest event", lambda: running.reactor.last_position),
        ("relay_behind", "Events not yet in the stream", lambda: relay.behind),
        ("relay_age_seconds", "For how long something waits to be published", lambda: relay.age_seconds),
        ("stream_lost", "Messages the own stream was found to lack", lambda: relay.lost),
        ("store_writable", "1 if the last transaction went in", lambda: float(running.engine.writable)),
        ("clock_seconds", "The service's clock, as Unix time", lambda: wall_clock().timestamp()),
        ("bus_connected", "1 if connected to NATS", lambda: float(running.bus.connected)),
    )
    for name, help_text, look in plain:
        running.meter.watch(f"doorstep_{name}", help_text, look)
    by_kind: tuple[tuple[str, str, Callable[[str], float]], ...] = (
        ("calls_pending", "Calls to the outside not yet answered", effects.pending_of),
        ("calls_failing", "Calls in a row without an answer", lambda kind: effects.failing.get(kind, 0)),
        ("calls_unanswered", "Calls without an answer since the start", effects.unanswered.__getitem__),
    )
    for name, help_text, look_at in by_kind:
        looks = {kind: partial(look_at, kind) for kind in running.assembly.service.effects}
        running.meter.watch_each(f"doorstep_{name}", help_text, "kind", looks)


def disk_of(running: Running) -> dict[str, int]:
    """Bytes of the file system that the data folder is on; the nearest folder above it, where it is not made yet."""
    folder = running.settings.data.resolve()
    while not folder.exists():
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    return {"free_bytes": usage.free, "size_bytes": usage.total}


def calls_of(running: Running) -> dict[str, dict[str, Any]]:
    """Calls to the outside by kind: how many wait, how many of these may have been made already, how many in a row had
    no answer, how many had none ever.
    """
    return {
        kind: {
            "pending": running.effects.pending_of(kind),
            "in_doubt": running.effects.in_doubt_of(kind),
            "failing": running.effects.failing.get(kind, 0),
            "unanswered": running.effects.unanswered[kind],
        }
        for kind in running.assembly.service.effects
    }


def _one(name: str, help_text: str, value: float) -> Figure:
    return Figure(name, help_text, (), {(): float(value)})
