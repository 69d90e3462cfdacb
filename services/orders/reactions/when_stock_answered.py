"""Inventory answers an acceptance, or a promise runs out. Answers to an older attempt are not listened to."""

from __future__ import annotations

from collections.abc import Iterable

from chassis.quotations import without_addresses
from contracts.event import Event
from contracts.inventory import ReservationExpired, ReservationRefused, Short, StockReserved
from contracts.orders import HoldReason
from contracts.placed_order import Units
from services.orders.domain.deciding import known_order
from services.orders.domain.demand import demand_of
from services.orders.domain.holds import held
from services.orders.domain.next_step import accepted, reserved
from services.orders.domain.states import Order, Reservation, State
from services.orders.domain.world import World


def when_stock_reserved_then_request_payment(event: StockReserved, world: World) -> list[Event]:
    """Ask for the money; an order that is paid already goes straight to the warehouse."""
    order = known_order(event.order_id, world)
    if order.state is not State.ACCEPTED or not _answers(order, event.attempt):
        return []
    return reserved(order, event.weights, world.policies)


def when_reservation_refused_then_hold(event: ReservationRefused, world: World) -> list[Event]:
    """Unknown SKUs and short ones are different desks, so they are different holds.

    Where nothing is short the order has left, and its last parcel is on the way to us: no hold.
    """
    order = known_order(event.order_id, world)
    if order.placed is None or not _answers(order, event.attempt):
        return []
    unknown = [short for short in event.short if not short.known]
    scarce = [short for short in event.short if short.known]
    reasons = ((HoldReason.SKU_UNMAPPED, unknown, _unknown), (HoldReason.STOCK_SHORT, scarce, _scarce))
    return [
        held(order.order_id, reason, without_addresses(tell(shorts))[:500], world.now, _units(shorts))
        for reason, shorts, tell in reasons
        if shorts
    ]


def when_reservation_expired_then_hold_or_renew(event: ReservationExpired, world: World) -> list[Event]:
    """On our desk: wait for stock. With the warehouse: ask again at once, the goods are being packed."""
    order = known_order(event.order_id, world)
    if order.placed is None or order.reservation is Reservation.NONE:
        return []
    if order.state is State.RELEASED:
        return [accepted(order, order.placed, order.units_open)]
    if order.state is State.ACCEPTED and order.reservation is Reservation.RESERVED:
        demand = demand_of(order.placed)
        return [held(order.order_id, HoldReason.STOCK_SHORT, EXPIRED, world.now, demand)]
    return []


EXPIRED = "the reservation ran out before the order was released"


def _answers(order: Order, attempt: int) -> bool:
    return order.reservation is Reservation.ASKED and order.attempt == attempt


def _unknown(shorts: Iterable[Short]) -> str:
    return f"not in the catalogue: {', '.join(short.sku for short in shorts)}"


def _scarce(shorts: Iterable[Short]) -> str:
    return "; ".join(f"{short.sku}: {short.asked} asked, {short.available} available" for short in shorts)


def _units(shorts: Iterable[Short]) -> tuple[Units, ...]:
    return tuple(Units(sku=short.sku, quantity=short.asked) for short in shorts)
