"""Shipping hands parcels over, follows them, and answers whether an order could still be stopped."""

from __future__ import annotations

from contracts.event import Event
from contracts.orders import (
    CancellationDeclined,
    OrderFulfilled,
    ParcelHandedOver,
    ParcelProgressed,
)
from contracts.shipping import CancellationRefused, FulfilmentCancelled, ParcelDispatched, ParcelScanned
from services.orders.domain.deciding import TOO_LATE, ended, known_order
from services.orders.domain.demand import without
from services.orders.domain.machine import IllegalTransition
from services.orders.domain.states import Cancellation, State
from services.orders.domain.world import World

AT_WAREHOUSE = frozenset({State.RELEASED, State.CANCEL_PENDING})


def when_parcel_dispatched_then_fulfil(event: ParcelDispatched, world: World) -> list[Event]:
    """Note the parcel; with the last one and no unit left, the order is fulfilled: too late to cancel."""
    order = known_order(event.order_id, world)
    known = order.parcel(event.parcel_id)
    if known and known.handed_over:
        return []
    events: list[Event] = [_handed_over(event)]
    if event.last and not without(order.units_open, event.lines):
        if order.state is State.CANCEL_PENDING:
            events.append(CancellationDeclined(order_id=order.order_id, reason=TOO_LATE))
        events.append(OrderFulfilled(order_id=order.order_id))
    return events


def _handed_over(event: ParcelDispatched) -> ParcelHandedOver:
    return ParcelHandedOver(
        order_id=event.order_id,
        parcel_id=event.parcel_id,
        carrier=event.carrier,
        tracking_number=event.tracking_number,
        lines=event.lines,
    )


def when_parcel_scanned_then_note_progress(event: ParcelScanned, world: World) -> list[Event]:
    """Only what moves the parcel forward is part of the order's history."""
    order = known_order(event.order_id, world)
    parcel = order.parcel(event.parcel_id)
    if not event.advanced or (parcel and parcel.milestone is event.milestone):
        return []
    return [
        ParcelProgressed(order_id=order.order_id, parcel_id=event.parcel_id, milestone=event.milestone.value)
    ]


def when_fulfilment_cancelled_then_cancel(event: FulfilmentCancelled, world: World) -> list[Event]:
    """The warehouse has stopped: the order ends, for the reason that was given when it was asked.

    Raises `IllegalTransition` if something was handed over: that message is parked for a person.
    """
    order = known_order(event.order_id, world)
    if order.state not in AT_WAREHOUSE:
        return []
    if any(parcel.handed_over for parcel in order.parcels):
        raise IllegalTransition(f"{order.order_id} cannot be cancelled: a parcel was handed over")
    asked = order.cancellation or Cancellation(reason=event.reason, actor="shipping")
    return [ended(order, asked.reason, asked.actor)]


def when_cancellation_refused_then_go_on(event: CancellationRefused, world: World) -> list[Event]:
    """Something is with the carrier already: the order goes on."""
    order = known_order(event.order_id, world)
    if order.state is not State.CANCEL_PENDING:
        return []
    return [CancellationDeclined(order_id=order.order_id, reason=event.reason)]
