"""Shipping over HTTP: commands answer with the events they caused; queries read committed states."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from chassis.clock import rfc3339
from chassis.http import Runtime, answer, problem, read_body, read_limit, read_position, reply
from chassis.keys.ring import AS_IT_IS, Opens, Seals
from chassis.openapi import takes
from contracts.shipping import FulfilmentPlanned, LabelBought
from services.shipping.bodies import DispatchBody, GrantBody, RetryBody, ScanBody
from services.shipping.documents.label import NoLabel, ShippingLabel, label_of
from services.shipping.documents.zpl import zpl
from services.shipping.domain.commands import DispatchFulfilment, GrantRange, RecordScan, RetryLabel
from services.shipping.domain.fulfilment import Fulfilment, FulfilmentState, Parcel, entity_of
from services.shipping.domain.number_range import range_entity
from services.shipping.views import fulfilment_view, range_view, tracking_view

LIMIT, LIMIT_MAX = 20, 200
STATES = tuple(state.value for state in FulfilmentState)
PARCEL_ID = re.compile(r"^(?P<order>.+)-p[1-9][0-9]*$")
GRANT_ROUNDS_MAX = 10_000


def routes(runtime: Runtime, opens: Opens = AS_IT_IS, seals: Seals = AS_IT_IS) -> Sequence[web.RouteDef]:
    """The service's own routes."""
    desk = ShippingDesk(runtime, opens, seals)
    return (
        web.get("/fulfilments", desk.newest),
        web.get("/fulfilments/{id}", desk.one),
        web.post("/fulfilments/{id}/dispatch", desk.dispatch),
        web.post("/fulfilments/{id}/labels/retry", desk.retry),
        web.get("/parcels/{id}", desk.tracking),
        web.get("/parcels/{id}/label.pdf", desk.label_pdf),
        web.get("/parcels/{id}/label.zpl", desk.label_zpl),
        web.post("/parcels/{id}/scans", desk.scan),
        web.get("/ranges/{carrier}", desk.number_range),
        web.post("/ranges/{carrier}/grants", desk.grant),
    )


@dataclass(frozen=True, slots=True)
class ShippingDesk:
    """The handlers. Fulfilments are named by their id or their order's, parcels by their id or tracking number."""

    runtime: Runtime
    opens: Opens = AS_IT_IS
    seals: Seals = AS_IT_IS

    async def newest(self, request: web.Request) -> web.Response:
        """The fulfilments planned last. `?state=` those in a state, oldest first, with since when nothing happened.
        `?after=` the `next` of the page before.
        """
        limit = read_limit(request, LIMIT, LIMIT_MAX)
        if state := request.query.get("state"):
            return await self._in_state(state, limit, request.query.get("after", ""))
        before = read_position(request, "after") or None
        planned = await self.runtime.recent(FulfilmentPlanned, limit=limit, before=before)
        states = await self.runtime.states([recorded.entity for recorded in planned])
        more = str(planned[-1].position) if len(planned) == limit else None
        return reply({"fulfilments": [fulfilment_view(f) for f in states if f], "next": more})

    async def _in_state(self, state: str, limit: int, after: str) -> web.Response:
        if state not in STATES:
            return problem(422, f"state: is one of {', '.join(STATES)}", field="state")
        entities = await self.runtime.tagged(f"state={state}", limit, entity_of(after) if after else "")
        shown = []
        for entity, fulfilment in zip(entities, await self.runtime.states(entities), strict=True):
            history = await self.runtime.history(entity)
            if fulfilment is not None and history:
                shown.append(fulfilment_view(fulfilment) | {"since": rfc3339(history[-1].time)})
        more = entities[-1].partition("/")[2] if len(entities) == limit else None
        return reply({"fulfilments": shown, "next": more})

    async def one(self, request: web.Request) -> web.Response:
        """A fulfilment."""
        return reply(fulfilment_view(await self._fulfilment(request)))

    @takes(DispatchBody)
    async def dispatch(self, request: web.Request) -> web.Response:
        """Hand parcels over to the carrier."""
        body = await read_body(request, DispatchBody)
        fulfilment = await self._fulfilment(request)
        command = DispatchFulfilment(
            order_id=fulfilment.order_id, actor=body.actor, reason=body.reason, parcels=body.parcels
        )
        return answer(await self.runtime.execute(command))

    @takes(RetryBody)
    async def retry(self, request: web.Request) -> web.Response:
        """Ask again for labels that failed."""
        body = await read_body(request, RetryBody)
        fulfilment = await self._fulfilment(request)
        command = RetryLabel(
            order_id=fulfilment.order_id,
            actor=body.actor,
            reason=body.reason,
            parcels=body.parcels,
            carrier=body.carrier,
            ship_to=await self.seals.seal(body.ship_to, entity=f"order/{fulfilment.order_id}"),
        )
        return answer(await self.runtime.execute(command))

    @takes(ScanBody)
    async def scan(self, request: web.Request) -> web.Response:
        """Keep a carrier's scan."""
        body = await read_body(request, ScanBody)
        fulfilment, parcel = await self._parcel(request)
        command = RecordScan(
            order_id=fulfilment.order_id,
            parcel_id=parcel.parcel_id,
            scan_id=body.id,
            code=body.code,
            scanned_at=body.at,
            place=body.place,
            vocabulary=body.vocabulary,
            actor=body.actor,
        )
        return answer(await self.runtime.execute(command))

    async def tracking(self, request: web.Request) -> web.Response:
        """What a tracking page shows."""
        fulfilment, parcel = await self._parcel(request)
        history = await self.runtime.history(entity_of(fulfilment.order_id))
        return reply(tracking_view(fulfilment, parcel, history))

    async def label_pdf(self, request: web.Request) -> web.Response:
        """The label for an office printer: 4 x 6 inches."""
        label = await self._label(request)
        document = await asyncio.to_thread(_drawn, label)
        return web.Response(body=document, content_type="application/pdf")

    async def label_zpl(self, request: web.Request) -> web.Response:
        """The label for a label printer."""
        document = zpl(await self._label(request))
        return web.Response(body=document.encode(), content_type="application/zpl", charset="utf-8")

    async def number_range(self, request: web.Request) -> web.Response:
        """A carrier's own range."""
        carrier = request.match_info["carrier"]
        numbers = await self.runtime.state(range_entity(carrier))
        if numbers is None:
            return _no_range(carrier)
        return reply(range_view(numbers))

    @takes(GrantBody)
    async def grant(self, request: web.Request) -> web.Response:
        """Grant numbers, and label whatever waited for them, some fulfilments per decision."""
        body = await read_body(request, GrantBody)
        carrier = request.match_info["carrier"]
        if await self.runtime.state(range_entity(carrier)) is None:
            return _no_range(carrier)
        command = GrantRange(carrier=carrier, **body.model_dump())
        first = await self.runtime.execute(command)
        labelled = outcome_labels = _labels(first.events)
        for _ in range(GRANT_ROUNDS_MAX):
            if first.refused or not outcome_labels:
                break
            outcome_labels = _labels((await self.runtime.execute(command)).events)
            labelled += outcome_labels
        return answer(first, labelled=labelled)

    async def _fulfilment(self, request: web.Request) -> Fulfilment:
        order_id = request.match_info["id"].removeprefix("ful-")
        fulfilment: Fulfilment | None = await self.runtime.state(entity_of(order_id))
        if fulfilment is None or not fulfilment.planned:
            raise web.HTTPNotFound(reason=f"no fulfilment {request.match_info['id'][:80]}")
        return fulfilment

    async def _parcel(self, request: web.Request) -> tuple[Fulfilment, Parcel]:
        name = request.match_info["id"]
        form = PARCEL_ID.match(name)
        entities = [entity_of(form["order"])] if form else await self.runtime.tagged(f"tracking:{name}", 1)
        for fulfilment in await self.runtime.states(entities):
            for parcel in fulfilment.parcels if fulfilment else ():
                if name in (parcel.parcel_id, parcel.tracking_number):
                    return fulfilment, parcel
        raise web.HTTPNotFound(reason=f"no parcel {name[:80]}")

    async def _label(self, request: web.Request) -> ShippingLabel:
        fulfilment, parcel = await self._parcel(request)
        history = await self.runtime.history(entity_of(fulfilment.order_id))
        readable = [(recorded.time, await self.opens.open(recorded.event)) for recorded in history]
        try:
            return label_of(parcel.parcel_id, readable)
        except NoLabel as none:
            raise web.HTTPNotFound(reason=str(none)) from none


def _no_range(carrier: str) -> web.Response:
    return problem(
        404,
        f"{carrier} has no range of numbers: a carrier of kind own_range in [shipping.carriers] has one",
    )


def _labels(events: Sequence[object]) -> int:
    return sum(isinstance(event, LabelBought) for event in events)


def _drawn(label: ShippingLabel) -> bytes:
    """The PDF. What draws it is loaded when the first is asked for: no start waits for that."""
    from services.shipping.documents.pdf import pdf

    return pdf(label)
