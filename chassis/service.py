"""A service that runs: its store, its bus and the parts between them, from start to ready to drained."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from chassis.access import configured, guarded, say_headers
from chassis.admission import REQUESTS_AT_ONCE_MAX, bounded
from chassis.batch import Batch
from chassis.bus import DISCONNECTED, Bus, BusAway
from chassis.certificates import in_use
from chassis.clock import rfc3339, wall_clock
from chassis.declare import Service
from chassis.effects import Effects
from chassis.engine import Engine
from chassis.event_store import Store
from chassis.http import BODY_BYTES_MAX, Handler, Runtime, errors_as_json
from chassis.inbox import Inbox
from chassis.items import Due, Incoming, Item, Unnumbered
from chassis.login import configured as login
from chassis.logs import logger
from chassis.measures import Measure, Measures, calls_of, disk_of, watch
from chassis.metrics import Meter
from chassis.ops_routes import OpsRoutes
from chassis.port import Port
from chassis.preparation import Preparation, Prepare, Prove
from chassis.pulse import Alone, Owned
from chassis.reactor import Outcome, Reactor
from chassis.relay import Relay
from chassis.settings import System, section
from chassis.timers import Timers
from chassis.tls import tls
from chassis.tracing import Tracer, Traces
from contracts.catalogue import sources_of

DRAIN_SECONDS = 10.0
LAG_READY_MAX = 10_000
RELAY_READY_SECONDS_MAX = 30.0


@dataclass(frozen=True)
class Assembly:
    """A service with its concrete adapters, as its `wiring.build()` puts it together."""

    service: Service
    routes: Callable[[Runtime], Sequence[web.RouteDef]]
    on_start: tuple[Callable[[Runtime], Awaitable[None]], ...] = ()
    on_stop: tuple[Callable[[], Awaitable[None]], ...] = ()
    prepare: Prepare | None = None
    """While it raises `KeysAway` the messages of the channels wait, and nothing else."""
    prove: Prove | None = None
    """While it raises `KeysAway` nothing can be sealed, and the service is not ready."""
    body_bytes_max: int = BODY_BYTES_MAX
    measure: Measure | None = None


class Running:
    """A service that runs: its store, its bus, and the parts between them."""

    def __init__(
        self,
        assembly: Assembly,
        settings: System,
        bus: Bus,
        store: Store,
        owned: Owned | Alone | None = None,
        port: Port | None = None,
    ) -> None:
        self.name = assembly.service.name
        self.assembly = assembly
        self.settings = settings
        self.bus = bus
        self.store = store
        self.meter = Meter(self.name)
        self.reactor = Reactor(assembly.service, store, wall_clock)
        self.engine = Engine(self.reactor, store, self.meter)
        self.relay = Relay(bus, self.name, self.engine.events_after, self._last_position)
        self.timers = Timers(wall_clock, self._due_timers, self._next_due, self._fire)
        self.effects = Effects(
            assembly.service.effects,
            self.engine.call_of,
            self.engine.story_of,
            self.engine.submit,
            lambda: self.engine.busy,
            lambda limit: self.engine.read_patiently(lambda: self.store.calls(limit)),
        )
        self.sources = sources_of(self.name)
        self.owned = owned or Alone()
        self.port = port or Port(settings.host, settings.port_of(self.name))
        self.inbox = Inbox(
            bus,
            self.name,
            self.sources,
            self.reactor.positions.get,
            self._take,
            self._sure,
            assembly.service.gathers,
        )
        self.runtime = Runtime(self.engine, bus)
        self.started = False
        self._taken = 1
        self.owned.on_again.append(self.engine.nudge)
        self.preparation = Preparation(assembly.prepare, assembly.prove)
        self._tasks: list[asyncio.Task[None]] = []
        self.engine.listeners += [self._relay_committed, self.timers.committed, self.effects.committed]
        self.measures = Measures(self, assembly.measure)
        self.tracer = Tracer(self.name, section("traces", Traces), self.meter)
        if self.tracer.on:
            self.engine.observers.append(self.tracer.batch)
        watch(self)

    def _last_position(self) -> int:
        return self.reactor.last_position

    def _relay_committed(self, batch: Batch) -> None:
        if batch.events:
            self.relay.committed(batch.events)

    async def _room(self) -> None:
        """Before each batch: the stream keeps up, and the store is still ours."""
        await self.relay.room()
        if self._taken != (taken := await self.owned.sure()):
            await self.engine.require_untouched()
            self.effects.doubt_all()
            self._taken = taken

    async def _sure(self) -> None:
        await self.owned.sure()

    async def _take(self, items: Sequence[Incoming | Unnumbered]) -> None:
        await self.preparation.of(items)
        await self.engine.submit(items)

    async def _fire(self, due: list[Due]) -> list[Outcome]:
        items: list[Item] = list(due)
        return await self.engine.submit(items)

    async def _due_timers(self, until: str, limit: int) -> list[tuple[str, str, str]]:
        return await self.engine.read_patiently(lambda: self.store.due_timers(until, limit))

    async def _next_due(self) -> str | None:
        return await self.engine.read_patiently(self.store.next_due)

    async def start(self) -> None:
        """Bring every part up, the listening port first, reading the sources last."""
        await self._serve()
        self.measures.note_certificates(in_use(tls(), login()))
        self._spawn(self.engine.run(self._room), "engine")
        self._spawn(self.relay.run(), "relay")
        self._spawn(self.timers.run(), "timers")
        self._spawn(self.effects.run(), "effects")
        self._spawn(self.tracer.run(), "traces")
        for act in self.assembly.on_start:
            await act(self.runtime)
        await self.effects.begin()
        await self.inbox.start()
        self._spawn(self.inbox.watch(), "inbox")
        self.started = True
        logger().info("ready", port=self.port.number, position=self.reactor.last_position)

    async def stop(self, *, drains: bool = True) -> None:
        """Drain: take nothing in, finish what is under way, publish it, close. Or leave that to the store's owner."""
        patience_seconds = DRAIN_SECONDS / 2 if drains else 0.0
        self.started = False
        await self.port.close()
        with suppress(*DISCONNECTED):
            await self.inbox.stop()
        await self.effects.stop(patience_seconds)
        await self.relay.flush(patience_seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for act in self.assembly.on_stop:
            await act()
        await self.tracer.stop()
        self.engine.close()
        self.store.close()
        with suppress(*DISCONNECTED):
            await self.bus.close()

    async def failure(self) -> BaseException | None:
        """Wait until a part ends by itself, which none should; returns why."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(iter(done)).exception()

    def _spawn(self, part: Any, name: str) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(part, name=name))

    async def _serve(self) -> None:
        @web.middleware
        async def as_guest(request: web.Request, handler: Handler) -> web.StreamResponse:
            with self.engine.guest():
                return await handler(request)

        app = web.Application(
            middlewares=[
                bounded(REQUESTS_AT_ONCE_MAX),
                as_guest,
                errors_as_json,
                guarded(self.name, configured()),
            ],
            client_max_size=self.assembly.body_bytes_max,
        )
        app.on_response_prepare.append(say_headers)
        app.add_routes(OpsRoutes(self).routes())
        app.add_routes(self.assembly.routes(self.runtime))
        await self.port.answers_with(app, DRAIN_SECONDS / 2)

    async def lag(self) -> dict[str, int]:
        """Messages not yet applied, by source stream."""
        return {
            stream: await self.bus.consumer_lag(stream, self.bus.names.durable(self.name))
            for stream in self.sources
        }

    async def checks(self) -> dict[str, dict[str, Any]]:
        """What readiness is made of, each with `ok` and what was found."""
        checks: dict[str, dict[str, Any]] = {
            "started": {"ok": self.started},
            "store": {"ok": self.engine.writable and self.owned.held},
            "bus": {"ok": self.bus.connected},
            "publish": {"ok": not self.bus.refusing},
            "relay": {"ok": self.relay.age_seconds < RELAY_READY_SECONDS_MAX, "behind": self.relay.behind},
            "keys": await self.preparation.check(),
            "stream": {"ok": not self.relay.lost, "lost": self.relay.lost},
        }
        if self.bus.connected:
            try:
                lag = await self.lag()
                checks["lag"] = {"ok": max(lag.values(), default=0) < LAG_READY_MAX, **lag}
            except BusAway as away:
                checks["lag"] = {"ok": False, "detail": str(away)}
        return checks

    async def status(self) -> dict[str, Any]:
        """Health, lag and counts, for `doorstep status` and the page."""
        checks = await self.checks()
        lag = {stream: n for stream, n in checks.get("lag", {}).items() if stream in self.sources}
        read = self.engine.read
        late, late_seconds = await self.measures.late_timers()
        return {
            "service": self.name,
            "ready": all(check["ok"] for check in checks.values()),
            "pid": os.getpid(),
            "position": self.reactor.last_position,
            "lag": lag,
            "relay_behind": self.relay.behind,
            "effects_pending": self.effects.pending,
            "timers_pending": await read(lambda: self.store.count_of("timers")),
            "parked": await self.measures.parked(),
            "checks": checks,
            "relay_age_seconds": self.relay.age_seconds,
            "timers_late": late,
            "timers_late_seconds": late_seconds,
            "calls": calls_of(self),
            "disk": disk_of(self),
            "time": rfc3339(wall_clock()),
            "counts": {name: await self.runtime.counts(name) for name in ("state", "hold", "waits")},
        }
