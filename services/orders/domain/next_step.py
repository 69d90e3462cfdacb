"""What an order does next when nothing stops it: reserve, ask for payment, release. The saga in one function.

Every decision ends here, so an order goes on from wherever it stands, whichever answer came first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from contracts.address import Address
from contracts.event import Event
from contracts.frozen import replace
from contracts.orders import (
    OrderAccepted,
    OrderFulfilled,
    OrderReleased,
    PaymentAwaited,
    PaymentRequested,
)
from contracts.placed_order import PlacedOrder, Units
from services.orders.domain.bill import bill_of, payment_facts
from services.orders.domain.demand import demand_of, goods_of, released_lines, weights_missing
from services.orders.domain.evolve import evolve_order
from services.orders.domain.policies import OrderPolicies
from services.orders.domain.states import Order, Payment, Reservation, State

STILL_OWED = frozenset({"unpaid", "authorised"})


def unfold(order: Order | None, facts: Iterable[Event], policies: OrderPolicies) -> list[Event]:
    """The facts, and every step that follows from them at once."""
    events = list(facts)
    for fact in events:
        order = evolve_order(order, fact)
    while order is not None and (step := next_step(order, policies)) is not None:
        events.append(step)
        order = evolve_order(order, step)
    return events


def next_step(order: Order, policies: OrderPolicies) -> Event | None:
    """The one step that is due; None while the order is on hold, waits for an answer, or has ended."""
    placed = order.placed
    if order.holds or placed is None:
        return None
    match order.state:
        case State.RECEIVED:
            return accepted(order, placed, demand_of(placed))
        case State.ACCEPTED:
            return _towards_release(order, placed, policies)
        case State.RELEASED if order.reservation is Reservation.NONE:
            return accepted(order, placed, order.units_open)
        case _:
            return None


def _towards_release(order: Order, placed: PlacedOrder, policies: OrderPolicies) -> Event | None:
    match order.reservation, order.payment:
        case Reservation.NONE, _:
            return accepted(order, placed, demand_of(placed))
        case Reservation.RESERVED, Payment.NONE if channel_has_to_collect(placed, policies):
            return _payment_awaited(order, placed)
        case Reservation.RESERVED, Payment.AWAITED if channel_has_to_collect(placed, policies):
            return None
        case Reservation.RESERVED, Payment.NONE | Payment.AWAITED:
            return payment_requested(order, placed, order.payment_attempt + 1, policies)
        case Reservation.RESERVED, Payment.PAID:
            return _released(order, placed)
        case _:
            return None


def channel_has_to_collect(placed: PlacedOrder, policies: OrderPolicies) -> bool:
    """True while the money is the channel's to collect and it has not done so: we never charge for it."""
    is_owed = placed.payment.state in STILL_OWED and placed.total_minor > 0
    return is_owed and not policies.collects_for(placed.channel)


def _payment_awaited(order: Order, placed: PlacedOrder) -> PaymentAwaited:
    return PaymentAwaited(
        order_id=order.order_id,
        channel=placed.channel,
        state=placed.payment.state,
        weights=order.weights,
    )


def accepted(order: Order, placed: PlacedOrder, demand: tuple[Units, ...]) -> OrderAccepted:
    """Ask inventory for all of the demand at once, in place of what was reserved before."""
    return OrderAccepted(
        order_id=order.order_id,
        attempt=order.attempt + 1,
        currency=placed.currency,
        total_minor=placed.total_minor,
        lines=demand,
        recipient=placed.customer,
    )


def reserved(order: Order, weights: Mapping[str, int], policies: OrderPolicies) -> list[Event]:
    """The current attempt is promised. A payment that is still out is asked for again, same attempt.

    That a channel still has to collect is said again with each promise: without it the promise would be forgotten.
    """
    if order.placed is not None:
        order = replace(order, weights=weights_missing(order.placed, weights))
    if order.payment is Payment.ASKED and order.placed:
        return [payment_requested(order, order.placed, order.payment_attempt, policies)]
    payment = Payment.NONE if order.payment is Payment.AWAITED else order.payment
    step = next_step(replace(order, reservation=Reservation.RESERVED, payment=payment), policies)
    return [step] if step else []


def payment_requested(
    order: Order, placed: PlacedOrder, attempt: int, policies: OrderPolicies
) -> PaymentRequested:
    """Ask billing to record or to collect the money."""
    return PaymentRequested(
        order_id=order.order_id,
        attempt=attempt,
        channel=placed.channel,
        currency=placed.currency,
        total_minor=placed.total_minor,
        payment=payment_facts(placed, policies.gateway_channels),
        bill=bill_of(placed),
        ships=bool(goods_of(placed)),
        weights=order.weights,
    )


def _released(order: Order, placed: PlacedOrder) -> Event:
    lines = released_lines(placed, order.weights)
    if not lines:
        return OrderFulfilled(order_id=order.order_id)
    return OrderReleased(
        order_id=order.order_id,
        ship_to=placed.ship_to or Address(),
        recipient=placed.customer,
        lines=lines,
    )
