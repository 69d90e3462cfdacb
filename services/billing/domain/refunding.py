"""Giving back: what a cancelled order's payment becomes. Never more than was captured, never silently nothing."""

from __future__ import annotations

from typing import Any

from contracts.billing import PaymentClosed, RefundFailed
from contracts.event import Event
from contracts.orders import OrderCancelled, RefundReported
from services.billing.domain.answers import Declined, RefundCall
from services.billing.domain.commands import ConfirmRefund, RetryRefund
from services.billing.domain.giving_back import give_back, made, start_or_ask
from services.billing.domain.payment import (
    Payment,
    Refund,
    RefundStage,
    Stage,
    payment_entity,
    payment_of,
    refund_of,
)
from services.billing.domain.refusals import refused
from services.billing.domain.world import World

NOT_STARTED = frozenset({Stage.REFUND_REQUESTED, Stage.REFUND_DENIED})
"""Where a refund was asked for, and money has not begun to move."""
RETRIED = frozenset({Stage.REFUND_FAILED, Stage.REFUND_DENIED})


def when_order_cancelled_then_give_back(cancelled: OrderCancelled, world: World) -> list[Event]:
    """Captured money is given back; otherwise the payment is closed, and what a capture under way brings is given
    back once it is known. A repeated cancellation, or one of an order nobody asked money for, changes nothing.

    What the channel collected only the channel can give back: it has, where it cancelled by itself; otherwise the
    refund stays due until the channel or a person says that it was made. Above the limit a second person is asked
    first, whoever cancelled.
    """
    payment: Payment | None = world.state(payment_entity(cancelled.order_id))
    if payment is None or payment.closed:
        return []
    reason = cancelled.reason or "order cancelled"
    if payment.stage is not Stage.CAPTURED or not payment.refundable_minor:
        return [PaymentClosed(order_id=payment.order_id, reason=reason, actor=cancelled.actor)]
    if payment.source == "channel" and cancelled.by_channel:
        return _made_there(payment, reason)
    return [start_or_ask(payment, payment.refundable_minor, reason, cancelled.actor, world)]


def _made_there(payment: Payment, reason: str) -> list[Event]:
    """The channel has given everything back already: that is a fact, whatever limits we set ourselves."""
    started = give_back(payment, payment.refundable_minor, reason)
    return [started, made(payment, refund_of(started))]


def when_refund_reported_then_record(reported: RefundReported, world: World) -> list[Event]:
    """The channel gave back what was due, or what we had not agreed to yet. Otherwise this changes nothing."""
    payment: Payment | None = world.state(payment_entity(reported.order_id))
    if payment is None or payment.source != "channel":
        return []
    if payment.stage in NOT_STARTED:
        return _made_there(payment, payment.closed)
    if payment.stage is not Stage.REFUND_DUE or payment.open_refund is None:
        return []
    return [made(payment, payment.open_refund)]


def confirm_refund(command: ConfirmRefund, world: World) -> list[Event]:
    """A person says that the channel gave back what was due; the same said again changes nothing."""
    payment = payment_of(command.order_id, world)
    refund = payment.open_refund
    if payment.stage is Stage.REFUND_DUE and refund:
        by_hand = {"actor": command.actor, "reason": command.reason}
        return [made(payment, refund, command.reference).model_copy(update=by_hand)]
    if any(known.provider_reference == command.reference for known in payment.refunds):
        return []
    return [refused(payment, command, "no refund is due from the channel")]


def retry_refund(command: RetryRefund, world: World) -> list[Event]:
    """A new refund with a reference of its own: the gateway would answer the old one with the old refusal.

    One that was denied is asked for again in the same way; above the limit each attempt needs a second person.
    """
    payment = payment_of(command.order_id, world)
    if payment.stage not in RETRIED:
        return [refused(payment, command, "no refund was refused")]
    amount_minor = payment.refundable_minor
    return [start_or_ask(payment, amount_minor, command.reason, command.actor, world, by_hand=True)]


def when_refund_answered_then_record(
    order_id: str, call: RefundCall, answer: Any, world: World
) -> list[Event]:
    """Given back, or refused by the gateway; an answer that was already recorded changes nothing."""
    payment = payment_of(order_id, world)
    refund = _open_refund(payment, call.reference)
    if refund is None:
        return []
    if isinstance(answer, Declined):
        return [RefundFailed(order_id=order_id, refund_id=refund.refund_id, reason=answer.reason[:500])]
    return [made(payment, refund, answer.provider_reference)]


def _open_refund(payment: Payment, reference: str) -> Refund | None:
    started = (refund for refund in payment.refunds if refund.stage is RefundStage.STARTED)
    return next((refund for refund in started if refund.reference == reference), None)
