"""What can be asked of inventory over HTTP: look at stock and reservations, book receipts and adjustments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from pydantic import AfterValidator, ConfigDict, Field

from chassis.approvals import Approvals, Waiting, approval_routes
from chassis.http import Runtime, Signed, Stated, answer, problem, read_body, read_limit, reply
from chassis.openapi import takes
from contracts.identifiers import Location, Quantity, Sku
from contracts.inventory import WriteOffRequested
from services.inventory.domain.commands import AdjustStock, ApproveWriteOff, DenyWriteOff, ReceiveStock
from services.inventory.domain.names import reservation_entity, sku_entity, write_off_entity, write_off_named
from services.inventory.domain.stock import COUNT_DUE, LISTED, Stock
from services.inventory.domain.writing_off import WriteOff
from services.inventory.views import reservation_shape, stock_shape

LIMIT, LIMIT_MAX = 50, 500
FILTERS = {"": LISTED, "in": "stock=in", "out": "stock=out", "count_due": COUNT_DUE}
"""`GET /stock?state=`: everything, what can be sold, what cannot, what has to be counted."""


def _not_zero(quantity: int) -> int:
    if quantity == 0:
        raise ValueError("an adjustment by zero changes nothing")
    return quantity


type Difference = Annotated[int, Field(ge=-1_000_000, le=1_000_000), AfterValidator(_not_zero)]


class _Movement(Signed):
    model_config = ConfigDict(strict=True)

    sku: Sku
    location: Location
    reference: Stated


class Receipt(_Movement):
    """Units that came in; the same `reference` (delivery note) counts once per SKU and location."""

    quantity: Quantity


class Adjustment(_Movement):
    """The difference to the books; the same `reference` (count sheet) counts once per SKU and location."""

    quantity: Difference


def routes(runtime: Runtime) -> Sequence[web.RouteDef]:
    """The service's own routes, beside the imports."""
    desk = Desk(runtime)
    return (
        web.get("/stock", desk.several),
        web.get("/stock/{sku}", desk.one),
        web.post("/stock/receipts", desk.receive),
        web.post("/stock/adjustments", desk.adjust),
        web.get("/reservations/{order_id}", desk.reservation),
        *approval_routes(runtime, APPROVALS),
    )


@dataclass(frozen=True, slots=True)
class Desk:
    """Answers questions about stock and takes what people book."""

    runtime: Runtime

    async def several(self, request: web.Request) -> web.Response:
        """`{"stock": [shape, …], "next": cursor or null}`; `?limit=`, `?after=` a cursor, `?state=`."""
        limit, state = read_limit(request, LIMIT, LIMIT_MAX), request.query.get("state", "")
        if state not in FILTERS:
            return problem(422, f"state: is one of {', '.join(filter(None, FILTERS))}", field="state")
        after = request.query.get("after", "")
        entities = await self.runtime.tagged(FILTERS[state], limit, sku_entity(after) if after else "")
        names = [entity.partition("/")[2] for entity in entities]
        found = zip(names, await self.runtime.states(entities), strict=True)
        more = names[-1] if len(names) == limit else None
        return reply({"stock": [stock_shape(sku, stock) for sku, stock in found], "next": more})

    async def one(self, request: web.Request) -> web.Response:
        """The shape of one SKU; 404 where nobody registered it."""
        sku = request.match_info["sku"]
        stock = await self._registered(sku)
        return reply(stock_shape(sku, stock)) if stock else _no_such(sku)

    @takes(Receipt)
    async def receive(self, request: web.Request) -> web.Response:
        """Book units that came in: the events, and the SKU's stock afterwards. The same again: no events."""
        body = await read_body(request, Receipt)
        return await self._book(ReceiveStock(**body.model_dump()))

    @takes(Adjustment)
    async def adjust(self, request: web.Request) -> web.Response:
        """Correct the books: the events, and the SKU's stock afterwards. 409 below what is reserved, 202 where a
        second person has to approve it.
        """
        body = await read_body(request, Adjustment)
        return await self._book(AdjustStock(**body.model_dump()))

    async def reservation(self, request: web.Request) -> web.Response:
        """What an order is promised; 404 where it never asked."""
        order_id = request.match_info["order_id"]
        reservation = await self.runtime.state(reservation_entity(order_id))
        if reservation is None:
            return problem(404, f"order {order_id} never asked for stock")
        return reply(reservation_shape(order_id, reservation))

    async def _book(self, command: ReceiveStock | AdjustStock) -> web.Response:
        if not await self._registered(command.sku):
            return _no_such(command.sku)
        outcome = await self.runtime.execute(command)
        stock = await self._registered(command.sku)
        waits = any(isinstance(event, WriteOffRequested) for event in outcome.events)
        shape = stock_shape(command.sku, stock) if stock else None
        return answer(outcome, 202 if waits else 200, stock=shape)

    async def _registered(self, sku: str) -> Stock | None:
        stock: Stock | None = await self.runtime.state(sku_entity(sku))
        return stock if stock and stock.item else None


def _entity(key: str) -> str | None:
    named = write_off_named(key)
    return write_off_entity(*named) if named else None


def _waiting(known: WriteOff) -> Waiting:
    return Waiting(
        id=write_off_entity(known.sku, known.location, known.reference).partition("/")[2],
        kind="write_off",
        about=known.sku,
        detail=f"{known.quantity:+d} {known.sku} at {known.location} ({known.reference})",
        currency=known.currency,
        amount_minor=known.value_minor,
        asked_by=known.actor,
        asked_at=known.asked_at,
        reason=known.reason,
    )


def _decision[D: (ApproveWriteOff, DenyWriteOff)](kind: type[D]) -> Callable[[str, Signed], D]:
    def command(key: str, signed: Signed) -> D:
        named = write_off_named(key)
        assert named is not None, "a key of another form names no entity"
        return kind(*named, actor=signed.actor, reason=signed.reason)

    return command


APPROVALS = Approvals(
    entity_of=_entity,
    show=_waiting,
    approve=_decision(ApproveWriteOff),
    deny=_decision(DenyWriteOff),
)
"""Write-offs above the limits, by location, SKU and document."""


def _no_such(sku: str) -> web.Response:
    return problem(404, f"SKU {sku} is not registered", field="sku")
