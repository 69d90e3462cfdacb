"""Giving back: what a cancelled order's payment becomes. Never more than was captured, never silently nothing."""

from __future__ import annotations

from typing import Any

from contracts.billing import PaymentClosed, PaymentRefunded, RefundFailed, RefundStarted
from contracts.event import Event
from contracts.orders import OrderCancelled
from services.billing.domain.answers import Declined, RefundCall
from services.billing.domain.ledger import clearing_of, money_back
from services.billing.domain.payment import (
    Payment,
    Refund,
    RefundStage,
    Stage,
    payment_entity,
    payment_of,
    refund_id,
)
from services.billing.domain.world import World


def when_order_cancelled_then_give_back(cancelled: OrderCancelled, world: World) -> list[Event]:
    """Captured money is given back; otherwise the payment is closed, and what a capture under way brings is given
    back once it is known. A repeated cancellation, or one of an order nobody asked money for, changes nothing.
    """
    payment: Payment | None = world.state(payment_entity(cancelled.order_id))
    if payment is None or payment.closed:
        return []
    reason = cancelled.reason or "order cancelled"
    if payment.stage is Stage.CAPTURED and payment.refundable_minor:
        return give_back(payment, payment.refundable_minor, reason)
    return [PaymentClosed(order_id=payment.order_id, reason=reason)]


def give_back(payment: Payment, amount_minor: int, reason: str) -> list[Event]:
    """Start a refund. The channel's own collections are noted as given back at the channel in the same decision."""
    number = len(payment.refunds) + 1
    refund = refund_id(payment.order_id, number)
    source = "channel" if payment.source == "channel" else "gateway"
    reference = refund if source == "gateway" else f"{payment.channel}-{refund}"
    started = RefundStarted(
        order_id=payment.order_id,
        refund_id=refund,
        reference=reference,
        source=source,
        currency=payment.currency,
        amount_minor=amount_minor,
        reason=reason,
    )
    if source == "gateway":
        return [started]
    return [started, _made(payment, refund, reference, amount_minor)]


def _made(
    payment: Payment, refund: str, reference: str, amount_minor: int, provider_reference: str = ""
) -> PaymentRefunded:
    return PaymentRefunded(
        order_id=payment.order_id,
        refund_id=refund,
        reference=reference,
        currency=payment.currency,
        amount_minor=amount_minor,
        recipient=payment.recipient,
        entry=money_back(clearing_of(payment.source, payment.channel), amount_minor, payment.currency),
        provider_reference=provider_reference,
    )


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
    return [
        _made(payment, refund.refund_id, refund.reference, refund.amount_minor, answer.provider_reference)
    ]


def _open_refund(payment: Payment, reference: str) -> Refund | None:
    started = (refund for refund in payment.refunds if refund.stage is RefundStage.STARTED)
    return next((refund for refund in started if refund.reference == reference), None)
