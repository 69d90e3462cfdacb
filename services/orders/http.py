"""What can be asked of the orders service over HTTP, and what people may decide there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from chassis.http import (
    UNNAMED,
    Actor,
    Runtime,
    Signed,
    answer,
    problem,
    read_body,
    read_limit,
    read_position,
    reply,
)
from chassis.iso3166 import require_country
from chassis.openapi import takes
from contracts.orders import HoldReason, OrderReceived
from contracts.placed_order import PlacedOrder
from services.orders.domain.commands import CancelOrder, ForgetCustomer, PlaceHold, PlaceOrder, ReleaseHold
from services.orders.domain.placing import order_id_of
from services.orders.domain.policies import MANUAL_CHANNEL
from services.orders.domain.states import HELD, Order, State, displayed, entity_of
from services.orders.intake.canonical import texts_fit
from services.orders.views import order_shape

LIMIT, LIMIT_MAX = 50, 500
STATES = (*(state.value for state in State), HELD)
HOLDS = tuple(reason.value for reason in HoldReason)


class TypedIn(BaseModel):
    """A canonical order, bare or as `{"order": ...}` like `channels.OrderPlaced.v1`; `actor` typed it in."""

    model_config = ConfigDict(frozen=True)

    order: PlacedOrder
    actor: Actor = UNNAMED

    @model_validator(mode="before")
    @classmethod
    def _wrapped(cls, body: Any) -> Any:
        if not isinstance(body, dict):
            return body
        order = body.get("order", body)
        signed = {name: body[name] for name in ("actor",) if name in body}
        return signed | {"order": {"channel": MANUAL_CHANNEL, **order} if isinstance(order, dict) else order}

    @field_validator("order")
    @classmethod
    def _times_are_known(cls, order: PlacedOrder) -> PlacedOrder:
        for name in ("placed_at", "cancelled_at"):
            moment = getattr(order, name)
            if moment is not None and moment.tzinfo is None:
                raise ValueError(f"{name} needs an offset, as in 2026-11-21T12:00:00Z")
        return order

    @field_validator("order")
    @classmethod
    def _texts_are_short(cls, order: PlacedOrder) -> PlacedOrder:
        texts_fit(order)
        return order

    @field_validator("order")
    @classmethod
    def _countries_are_known(cls, order: PlacedOrder) -> PlacedOrder:
        for part in ("ship_to", "bill_to"):
            require_country(f"order.{part}", getattr(order, part))
        return order


type Seal = Callable[[PlacedOrder], Awaitable[PlacedOrder]]
"""Seals the personal data of an order that somebody typed in."""


async def as_it_is(order: PlacedOrder) -> PlacedOrder:
    """Nothing is sealed."""
    return order


class Forgotten(Signed):
    """Who had a customer forgotten, and why; `orders` are those whose data is gone with it, `bodies` the keys of
    messages that named them.
    """

    orders: tuple[str, ...] = ()
    bodies: tuple[str, ...] = ()


def routes(runtime: Runtime, seal: Seal = as_it_is) -> Sequence[web.RouteDef]:
    """The service's own routes, beside the channels' webhooks."""
    desk = Desk(runtime, seal)
    return (
        web.post("/orders", desk.place),
        web.get("/orders", desk.several),
        web.get("/orders/{id}", desk.one),
        web.post("/customers/{key}/forgotten", desk.forgotten),
        web.post("/orders/{id}/cancel", desk.cancel),
        web.post("/orders/{id}/holds", desk.hold),
        web.post("/orders/{id}/holds/{reason}/release", desk.release),
    )


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for: a displayed state, an open hold, both or neither."""

    state: str = ""
    hold: str = ""

    @property
    def tag(self) -> str:
        """The tag to look under; empty where every order is meant."""
        if self.hold:
            return f"hold={self.hold}"
        return f"state={self.state}" if self.state else ""

    def takes(self, order: Order) -> bool:
        """A held order is found by its hold only as long as it is shown as asked for."""
        return not self.state or displayed(order) == self.state


@dataclass(frozen=True, slots=True)
class Desk:
    """Shows orders, takes new ones, and hands people's decisions to the service."""

    runtime: Runtime
    seal: Seal = as_it_is

    @takes(TypedIn)
    async def place(self, request: web.Request) -> web.Response:
        """Take a manual or phone order, in the canonical schema: 201 with events; 200 without, if known."""
        body = await read_body(request, TypedIn)
        placed = await self.seal(body.order)
        outcome = await self.runtime.execute(PlaceOrder(order=placed, actor=body.actor))
        return answer(outcome, 201 if outcome.events else 200, order_id=order_id_of(body.order))

    async def several(self, request: web.Request) -> web.Response:
        """Orders by `?state=` and `?hold=`, oldest first; without either newest first. `next` is for `?after=`."""
        asked = request.query
        limit = read_limit(request, LIMIT, LIMIT_MAX)
        wanted = Filter(asked.get("state", ""), asked.get("hold", ""))
        if wanted.state not in ("", *STATES):
            return problem(422, f"state: is one of {', '.join(STATES)}", field="state")
        if wanted.hold not in ("", *HOLDS):
            return problem(422, f"hold: is one of {', '.join(HOLDS)}", field="hold")
        if wanted.tag:
            return await self._found(wanted, limit, asked.get("after", ""))
        return await self._newest(limit, read_position(request, "after") or None)

    async def _found(self, wanted: Filter, limit: int, after: str) -> web.Response:
        entities = await self.runtime.tagged(wanted.tag, limit, entity_of(after) if after else "")
        orders = [order for order in await self.runtime.states(entities) if order and wanted.takes(order)]
        more = entities[-1].partition("/")[2] if len(entities) == limit else None
        return reply({"orders": [order_shape(order) for order in orders], "next": more})

    async def _newest(self, limit: int, before: int | None) -> web.Response:
        received = await self.runtime.recent(OrderReceived, limit=limit, before=before)
        orders = await self.runtime.states([recorded.entity for recorded in received])
        more = str(received[-1].position) if len(received) == limit else None
        return reply({"orders": [order_shape(order) for order in orders if order], "next": more})

    async def one(self, request: web.Request) -> web.Response:
        """The order; 404 where none of this id was ever received."""
        order = await self._known(request)
        return reply(order_shape(order)) if order else _no_such(request)

    @takes(Signed)
    async def cancel(self, request: web.Request) -> web.Response:
        """Stop the order: at once before release, by asking the warehouse afterwards, 409 after hand-over."""
        signed = await read_body(request, Signed)
        this = request.match_info["id"]
        return await self._decide(
            request, CancelOrder(order_id=this, actor=signed.actor, reason=signed.reason)
        )

    @takes(Signed)
    async def hold(self, request: web.Request) -> web.Response:
        """Hold the order by hand until it is released; 409 once the warehouse has it."""
        signed = await read_body(request, Signed)
        this = request.match_info["id"]
        return await self._decide(request, PlaceHold(order_id=this, actor=signed.actor, note=signed.reason))

    @takes(Signed)
    async def release(self, request: web.Request) -> web.Response:
        """Let the order go on although this reason was found; what had failed is tried again."""
        this, reason = request.match_info["id"], request.match_info["reason"]
        if reason not in HOLDS:
            return problem(422, f"reason: is one of {', '.join(HOLDS)}", field="reason")
        signed = await read_body(request, Signed)
        command = ReleaseHold(
            order_id=this, reason=HoldReason(reason), actor=signed.actor, note=signed.reason
        )
        return await self._decide(request, command)

    @takes(Forgotten)
    async def forgotten(self, request: web.Request) -> web.Response:
        """Record that a customer's key was destroyed (`doorstep erase` does that): 200 with the event, once."""
        said = await read_body(request, Forgotten)
        key = request.match_info["key"]
        return answer(await self.runtime.execute(ForgetCustomer(key=key, **said.model_dump())))

    async def _decide(
        self, request: web.Request, command: CancelOrder | PlaceHold | ReleaseHold
    ) -> web.Response:
        if await self._known(request) is None:
            return _no_such(request)
        outcome = await self.runtime.execute(command)
        order = await self._known(request)
        return answer(outcome, order=order_shape(order)) if order else answer(outcome)

    async def _known(self, request: web.Request) -> Order | None:
        order: Order | None = await self.runtime.state(entity_of(request.match_info["id"]))
        return order


def _no_such(request: web.Request) -> web.Response:
    named = request.match_info["id"]
    return problem(
        404,
        f"no order {named} was ever received. Ids are <channel>:<channel order id>, as in shopify:1001; if its channel "
        "did send it, it may have been refused (`doorstep park list`). GET /orders lists the newest",
    )
