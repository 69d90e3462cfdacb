"""A parcel left: its units leave the books, once.

The goods are gone whatever the books say. What was promised to the order leaves its reservation; what goes
beyond it (the promise had run out) is taken from free stock; what the books do not have free either is named
as missing, because units promised to other orders are not taken, and a number never goes below zero.
"""

from __future__ import annotations

from collections.abc import Iterable

from contracts.event import Event
from contracts.inventory import ReservationReleased, StockAdjusted, StockDispatched, StockLine
from contracts.placed_order import Units
from contracts.shipping import ParcelDispatched
from services.inventory.domain.allocation import allocate, demand
from services.inventory.domain.availability import with_news
from services.inventory.domain.books import Books, reservation_of, stock_of
from services.inventory.domain.departure import beyond, taken, without
from services.inventory.domain.names import reservation_entity, sku_entity
from services.inventory.domain.stock import OURSELVES


def when_parcel_dispatched_then_dispatch_stock(parcel: ParcelDispatched, books: Books) -> Iterable[Event]:
    """Exactly the parcel's units, once. What is still held after the order's last parcel is released."""
    reservation = reservation_of(books, parcel.order_id)
    if reservation and parcel.parcel_id in reservation.parcels:
        return ()
    held = reservation.lines if reservation else ()
    asked = demand(parcel.lines)
    promised = taken(held, asked)
    rest = beyond(asked, promised)
    free = allocate(rest, lambda sku: stock_of(books, sku))
    events: list[Event] = [_taken_from_free_stock(line, parcel) for line in free]
    events.append(_dispatched(parcel, promised, beyond(rest, free)))
    if parcel.last and (left := without(held, promised)):
        events.append(_released(parcel, left))
    return with_news(events, books)


def needs(parcel: ParcelDispatched) -> tuple[str, ...]:
    """The order's reservation and the SKUs in the parcel."""
    return (reservation_entity(parcel.order_id), *[sku_entity(line.sku) for line in parcel.lines])


def _dispatched(
    parcel: ParcelDispatched, lines: tuple[StockLine, ...], missing: dict[str, int]
) -> StockDispatched:
    units = tuple(Units(sku=sku, quantity=quantity) for sku, quantity in missing.items())
    return StockDispatched(
        order_id=parcel.order_id, parcel_id=parcel.parcel_id, lines=lines, missing=units, last=parcel.last
    )


def _taken_from_free_stock(line: StockLine, parcel: ParcelDispatched) -> StockAdjusted:
    return StockAdjusted(
        sku=line.sku,
        location=line.location,
        quantity=-line.quantity,
        reason="left with a parcel without being reserved for its order",
        actor=OURSELVES,
        reference=f"parcel {parcel.parcel_id} of {parcel.order_id}",
    )


def _released(parcel: ParcelDispatched, lines: tuple[StockLine, ...]) -> ReservationReleased:
    return ReservationReleased(
        order_id=parcel.order_id, lines=lines, reason="the order's last parcel has left"
    )
