"""How an order is shown over HTTP: a function of the order's own state. Personal data stays inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chassis.clock import rfc3339
from contracts.orders import HoldReason
from contracts.shipping import Milestone
from services.orders.domain.commands import ReleaseHold
from services.orders.domain.machine import COMMANDS
from services.orders.domain.states import Hold, Order, Payment, State, displayed, lines_of


def order_shape(order: Order) -> dict[str, Any]:
    """The shape of `GET /orders/{id}`. Amounts are minor units of `currency`."""
    channel, _, channel_order_id = order.order_id.partition(":")
    return {
        "order_id": order.order_id,
        "channel": channel,
        "channel_order_id": channel_order_id,
        "version": order.version,
        "state": displayed(order),
        "axis": order.state.value,
        "allowed": [name for name in COMMANDS[order.state] if order.holds or name != ReleaseHold.__name__],
        "holds": [_hold(hold) for hold in order.holds],
        "currency": order.currency,
        "total_minor": order.total_minor,
        "lines": [
            {"sku": line.sku, "quantity": line.quantity, "total_minor": line.total_minor}
            for line in lines_of(order)
        ],
        "payment": {
            "state": payment_state(order),
            "captured_minor": order.captured_minor,
            "refunded_minor": order.refunded_minor,
        },
        "fulfilment": {"state": fulfilment_state(order), "parcels": _parcels(order)},
        "invoices": list(order.invoices),
    }


def _hold(hold: Hold) -> dict[str, Any]:
    return {
        "reason": hold.reason.value,
        "owner": hold.owner,
        "since": rfc3339(hold.since) if hold.since else None,
        "detail": hold.detail,
        "expires_at": rfc3339(hold.expires_at) if hold.expires_at else None,
        "skus": [{"sku": units.sku, "quantity": units.quantity} for units in hold.skus],
    }


def _parcels(order: Order) -> list[dict[str, str]]:
    return [
        {
            "parcel_id": parcel.parcel_id,
            "tracking_number": parcel.tracking_number,
            "milestone": parcel.milestone.value,
        }
        for parcel in order.parcels
    ]


ASKED: Mapping[Payment, str] = {
    Payment.NONE: "unpaid",
    Payment.AWAITED: "awaiting_channel",
    Payment.ASKED: "pending",
    Payment.PAID: "captured",
}


def payment_state(order: Order) -> str:
    """Payment axis (reference 4.2): unpaid, pending, failed, captured, partially_refunded, refunded.

    `awaiting_channel` is unpaid where stock is reserved and the channel has yet to collect.
    """
    if order.refunded_minor:
        return "refunded" if order.refunded_minor >= order.captured_minor else "partially_refunded"
    if order.hold(HoldReason.PAYMENT_FAILED):
        return "failed"
    return ASKED[order.payment]


def fulfilment_state(order: Order) -> str:
    """not_started, released, partially_dispatched, dispatched, delivered or cancelled; none: nothing to ship."""
    gone = [parcel for parcel in order.parcels if parcel.handed_over]
    match order.state:
        case State.CANCELLED:
            return "cancelled"
        case State.FULFILLED if not gone:
            return "none"
        case State.FULFILLED:
            arrived = all(parcel.milestone is Milestone.DELIVERED for parcel in gone)
            return "delivered" if arrived else "dispatched"
        case State.RELEASED | State.CANCEL_PENDING:
            return "partially_dispatched" if gone else "released"
        case _:
            return "not_started"
