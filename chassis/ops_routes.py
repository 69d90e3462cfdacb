"""What every service offers its operators over HTTP: health, metrics, status, events, parked messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from chassis import stories
from chassis.batch import StoredEvent
from chassis.http import Outcome as HttpOutcome
from chassis.http import (
    Signed,
    answer,
    as_json,
    as_text,
    problem,
    read_body,
    read_limit,
    read_position,
    reply,
)
from chassis.items import Discarded, Item, Retried
from chassis.keys.bodies import readable
from chassis.keys.personal_data import key_store
from chassis.keys.ring import KeyRing
from chassis.openapi import openapi_of, takes
from chassis.parking import PARKED
from chassis.reactor import StillRefused

if TYPE_CHECKING:
    from chassis.service import Running

LIMIT, LIMIT_MAX = 50, 1000
LOOK_BACK = 50_000
"""`/ops/recent` is asked every second or two: a rare event further back than this is history, not recent."""


class OpsRoutes:
    """The routes, over a running service."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._store = running.store
        self._ring = KeyRing(key_store(running.settings.data), running.name)

    def routes(self) -> list[web.RouteDef]:
        """All of them."""
        return [
            web.get("/livez", self.livez),
            web.get("/readyz", self.readyz),
            web.get("/metrics", self.metrics),
            web.get("/openapi.json", self.openapi),
            web.get("/ops/status", self.status),
            web.get("/ops/recent", self.recent),
            web.get("/ops/events", self.events),
            web.get("/ops/parked", self.parked),
            web.get("/ops/parked/{id:.+}", self.parked_one),
            web.post("/ops/parked/{id:.+}/retry", self.retry),
            web.post("/ops/parked/{id:.+}/discard", self.discard),
        ]

    async def livez(self, _: web.Request) -> web.Response:
        """The loop runs."""
        return reply({"live": True})

    async def readyz(self, _: web.Request) -> web.Response:
        """Store writable, bus connected, lag and relay age under their bounds; says which is not."""
        checks = await self._running.checks()
        ready = all(check["ok"] for check in checks.values())
        return reply({"ready": ready, "checks": checks}, 200 if ready else 503)

    async def metrics(self, _: web.Request) -> web.Response:
        """For Prometheus."""
        await self._running.measures.refresh()
        return web.Response(body=self._running.meter.exposition(), content_type="text/plain")

    async def openapi(self, request: web.Request) -> web.Response:
        """The service's routes, from their docstrings."""
        return reply(openapi_of(self._running.name, request.app))

    async def status(self, _: web.Request) -> web.Response:
        """Health, lag and counts."""
        return reply(await self._running.status())

    async def recent(self, request: web.Request) -> web.Response:
        """The newest events of some types (`type=a,b`) among the last 50,000, newest first."""
        types = [name for name in request.query.get("type", "").split(",") if name]
        limit = read_limit(request, 20, LIMIT_MAX)
        events = await self._read(lambda: self._store.recent(types, limit, back=LOOK_BACK))
        return reply({"events": [as_json(event) for event in events]})

    async def events(self, request: web.Request) -> web.Response:
        """Stored events, oldest first: all after a position (`after=`), or of one entity (`entity=`)."""
        after, limit = read_position(request, "after"), read_limit(request, LIMIT, LIMIT_MAX)
        entity = request.query.get("entity")
        events = await self._read(
            lambda: self._store.events(after=0 if entity else after, limit=limit, entity=entity)
        )
        return reply({"events": [as_json(event) for event in events]})

    async def parked(self, request: web.Request) -> web.Response:
        """Messages that wait for a person, oldest first; `?limit=` of them. `next` is for `?after=`."""
        limit, after = read_limit(request, LIMIT, LIMIT_MAX), request.query.get("after", "")
        entities = await self._read(lambda: self._store.tagged(PARKED, limit, after))
        found = [await self._parking(entity) for entity in entities]
        return reply(
            {
                "parked": [
                    self._listed(entity, event)
                    for entity, event in zip(entities, found, strict=True)
                    if event
                ],
                "next": entities[-1] if len(entities) == limit else None,
            }
        )

    async def parked_one(self, request: web.Request) -> web.Response:
        """One parked message with its body, byte for byte."""
        entity = request.match_info["id"]
        event = await self._parking(entity)
        if event is None:
            return problem(404, f"nothing is parked as {entity}")
        data = orjson.loads(event.data)
        message = await self._running.bus.message(data["stream"], data["stream_seq"])
        message = await readable(message, self._ring) if message else None
        body = as_text(message.data) | {"headers": dict(message.headers)} if message else {"body": None}
        return reply(self._listed(entity, event) | {"traceback": data.get("traceback", "")} | body)

    @takes(Signed)
    async def retry(self, request: web.Request) -> web.Response:
        """Try a parked message again; applied once, or still refused with the reason."""
        entity, signed = request.match_info["id"], await read_body(request, Signed)
        event = await self._open_parking(entity)
        if event is None:
            return problem(404, f"nothing open is parked as {entity}")
        data = orjson.loads(event.data)
        message = await self._running.bus.message(data["stream"], data["stream_seq"])
        if message is None:
            return problem(410, f"{data['stream']}/{data['stream_seq']} is no longer in the stream")
        return await self._do(Retried(entity, message, signed.actor, signed.reason))

    @takes(Signed)
    async def discard(self, request: web.Request) -> web.Response:
        """Let a parked message go, with actor and reason."""
        entity, signed = request.match_info["id"], await read_body(request, Signed)
        if await self._open_parking(entity) is None:
            return problem(404, f"nothing open is parked as {entity}")
        return await self._do(Discarded(entity, signed.actor, signed.reason))

    async def _do(self, item: Item) -> web.Response:
        (outcome,) = await self._running.engine.submit([item])
        stories.remember(outcome)
        if isinstance(outcome.error, StillRefused):
            return problem(
                409, f"still refused: {outcome.error}", state="parked", allowed=["retry", "discard"]
            )
        if outcome.error is not None:
            return problem(
                409,
                f"{type(outcome.error).__name__}: {outcome.error}",
                state="parked",
                allowed=["retry", "discard"],
            )
        return answer(HttpOutcome(outcome.events))

    async def _open_parking(self, entity: str) -> StoredEvent | None:
        open_ones = await self._read(lambda: self._store.tagged(PARKED, 100_000))
        return await self._parking(entity) if entity in set(open_ones) else None

    async def _parking(self, entity: str) -> StoredEvent | None:
        """The newest event of the entity that tells why it is parked."""
        history = await self._read(lambda: self._store.events(limit=1000, entity=entity))
        return next((event for event in reversed(history) if b'"stream_seq"' in event.data), None)

    def _listed(self, entity: str, event: StoredEvent) -> dict[str, Any]:
        data = orjson.loads(event.data)
        return {
            "id": entity,
            "service": self._running.name,
            "subject": data["subject"],
            "type": data.get("type") or event.type,
            "reason": data["reason"],
            "received_at": event.headers["ce-time"],
            "tries": data.get("tries", 1),
        }

    async def _read[T](self, look: Callable[[], T]) -> T:
        return await self._running.engine.read(look)
