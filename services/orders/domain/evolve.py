"""How an order changes with each of its events. Only the state machine may say no."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from contracts import orders as said
from contracts.event import Event
from contracts.frozen import replace
from contracts.parking import CommandRefused
from contracts.shipping import Milestone
from services.orders.domain.demand import demand_of, summed, without
from services.orders.domain.machine import IllegalTransition, after
from services.orders.domain.states import (
    Cancellation,
    Hold,
    Order,
    Parcel,
    Payment,
    Reservation,
    lines_of,
)

WAITS_FOR_STOCK = frozenset({said.HoldReason.STOCK_SHORT, said.HoldReason.SKU_UNMAPPED})


def evolve_order(order: Order | None, event: Any, _: str = "") -> Order:
    """The order after this event. Raises `IllegalTransition` where it may not happen."""
    if order is None:
        return _received(event)
    if isinstance(event, CommandRefused):
        return order
    state = after(order.state, type(event))
    return replace(order, state=state, **CHANGES[type(event)](order, event))


def _received(event: Event) -> Order:
    if not isinstance(event, said.OrderReceived):
        raise IllegalTransition(f"{type(event).__name__} before the order was received")
    placed = event.order
    return Order(
        order_id=event.order_id,
        version=placed.version,
        state=after(None, said.OrderReceived),
        currency=placed.currency,
        total_minor=placed.total_minor,
        placed=placed,
        cancelled_at_channel=placed.cancelled_at is not None,
        refunded_at_channel=placed.payment.state == "refunded",
    )


def _revised(order: Order, event: said.OrderRevised) -> dict[str, Any]:
    placed = event.order
    seen = {
        "version": placed.version,
        "cancelled_at_channel": placed.cancelled_at is not None,
        "refunded_at_channel": placed.payment.state == "refunded",
    }
    if not event.applied or order.placed is None:
        return seen
    same_demand = demand_of(placed) == demand_of(order.placed)
    return seen | {
        "placed": placed,
        "currency": placed.currency,
        "total_minor": placed.total_minor,
        "reservation": order.reservation if same_demand else Reservation.NONE,
    }


def _accepted(_: Order, event: said.OrderAccepted) -> dict[str, Any]:
    return {
        "attempt": event.attempt,
        "reservation": Reservation.ASKED if event.lines else Reservation.RESERVED,
    }


def _held(order: Order, event: said.OrderHeld) -> dict[str, Any]:
    hold = Hold(
        reason=event.reason,
        detail=event.detail,
        owner=event.owner,
        since=event.since,
        expires_at=event.expires_at,
        skus=event.skus,
    )
    # Whatever inventory answers to a held order is not used: it is asked again when the hold is gone.
    relies = order.reservation is Reservation.RESERVED and event.reason not in WAITS_FOR_STOCK
    failed = event.reason is said.HoldReason.PAYMENT_FAILED
    return {
        "holds": (*_other_holds(order, event.reason), hold),
        "reservation": Reservation.RESERVED if relies else Reservation.NONE,
        "payment": Payment.NONE if failed else order.payment,
    }


def _hold_released(order: Order, event: said.HoldReleased) -> dict[str, Any]:
    past = order.past_holds if event.reason in order.past_holds else (*order.past_holds, event.reason)
    return {"holds": _other_holds(order, event.reason), "past_holds": past}


def _other_holds(order: Order, reason: said.HoldReason) -> tuple[Hold, ...]:
    return tuple(hold for hold in order.holds if hold.reason is not reason)


def _payment_awaited(_: Order, event: said.PaymentAwaited) -> dict[str, Any]:
    return {"reservation": Reservation.RESERVED, "payment": Payment.AWAITED, "weights": event.weights}


def _payment_requested(_: Order, event: said.PaymentRequested) -> dict[str, Any]:
    return {
        "weights": event.weights,
        "reservation": Reservation.RESERVED,
        "payment": Payment.ASKED,
        "payment_attempt": event.attempt,
    }


def _payment_confirmed(order: Order, event: said.PaymentConfirmed) -> dict[str, Any]:
    return {"payment": Payment.PAID, "captured_minor": order.captured_minor + event.amount_minor}


def _refund_confirmed(order: Order, event: said.RefundConfirmed) -> dict[str, Any]:
    return {
        "refunded_minor": order.refunded_minor + event.amount_minor,
        "refunds": (*order.refunds, event.refund_id),
    }


def _released(_: Order, event: said.OrderReleased) -> dict[str, Any]:
    return {"reservation": Reservation.RESERVED, "units_open": summed(event.lines), "weights": {}}


def _handed_over(order: Order, event: said.ParcelHandedOver) -> dict[str, Any]:
    known = order.parcel(event.parcel_id)
    parcel = Parcel(
        parcel_id=event.parcel_id,
        tracking_number=event.tracking_number,
        milestone=known.milestone if known else Milestone.LABEL_CREATED,
        handed_over=True,
    )
    return {"parcels": _with(order, parcel), "units_open": without(order.units_open, event.lines)}


def _progressed(order: Order, event: said.ParcelProgressed) -> dict[str, Any]:
    milestone = Milestone(event.milestone)
    known = order.parcel(event.parcel_id)
    moved = (
        replace(known, milestone=milestone)
        if known
        else Parcel(parcel_id=event.parcel_id, milestone=milestone)
    )
    return {"parcels": _with(order, moved)}


def _with(order: Order, parcel: Parcel) -> tuple[Parcel, ...]:
    others = tuple(other for other in order.parcels if other.parcel_id != parcel.parcel_id)
    return (*others, parcel)


def _cancelling(_: Order, event: said.CancellationRequested) -> dict[str, Any]:
    return {"cancellation": Cancellation(reason=event.reason, actor=event.actor)}


def _ended(order: Order, _: Event) -> dict[str, Any]:
    return {
        "placed": None,
        "lines": lines_of(order),
        "holds": (),
        "past_holds": (),
        "cancellation": None,
        "payment": Payment.NONE if order.payment is Payment.AWAITED else order.payment,
    }


CHANGES: Mapping[type[Event], Callable[[Order, Any], dict[str, Any]]] = {
    said.OrderRevised: _revised,
    said.OrderAccepted: _accepted,
    said.OrderHeld: _held,
    said.HoldReleased: _hold_released,
    said.PaymentAwaited: _payment_awaited,
    said.PaymentRequested: _payment_requested,
    said.PaymentConfirmed: _payment_confirmed,
    said.RefundConfirmed: _refund_confirmed,
    said.OrderReleased: _released,
    said.ParcelHandedOver: _handed_over,
    said.ParcelProgressed: _progressed,
    said.InvoiceNoted: lambda order, event: {"invoices": (*order.invoices, event.number)},
    said.CancellationRequested: _cancelling,
    said.CancellationDeclined: lambda *_: {"cancellation": None},
    said.OrderCancelled: _ended,
    said.RefundReported: lambda *_: {},
    said.OrderFulfilled: _ended,
}
"""Event -> the fields it changes, beside the state itself."""
