"""Giving back: what a cancelled order's payment becomes. Never more than was captured, never silently nothing."""

from __future__ import annotations

from typing import Any, Literal

from contracts.billing import PaymentClosed, PaymentRefunded, RefundFailed, RefundStarted
from contracts.event import Event
from contracts.orders import OrderCancelled, RefundReported
from contracts.parking import REFUSALS
from services.billing.domain.answers import Declined, RefundCall
from services.billing.domain.commands import ConfirmRefund, RetryRefund
from services.billing.domain.ledger import clearing_of, money_back
from services.billing.domain.payment import (
    ALLOWED,
    Payment,
    Refund,
    RefundStage,
    Stage,
    payment_entity,
    payment_of,
    refund_id,
    refund_of,
)
from services.billing.domain.world import World

REFUSED = REFUSALS["billing"].command_refused


def when_order_cancelled_then_give_back(cancelled: OrderCancelled, world: World) -> list[Event]:
    """Captured money is given back; otherwise the payment is closed, and what a capture under way brings is given
    back once it is known. A repeated cancellation, or one of an order nobody asked money for, changes nothing.

    What the channel collected only the channel can give back: it has, where it cancelled by itself; otherwise the
    refund stays due until the channel or a person says that it was made.
    """
    payment: Payment | None = world.state(payment_entity(cancelled.order_id))
    if payment is None or payment.closed:
        return []
    reason = cancelled.reason or "order cancelled"
    if payment.stage is not Stage.CAPTURED or not payment.refundable_minor:
        return [PaymentClosed(order_id=payment.order_id, reason=reason)]
    started = give_back(payment, payment.refundable_minor, reason)
    if started.source == "channel" and cancelled.by_channel:
        return [started, _made(payment, refund_of(started))]
    return [started]


def when_refund_reported_then_record(reported: RefundReported, world: World) -> list[Event]:
    """The channel gave back what was due. Where nothing is due from it, this changes nothing."""
    payment: Payment | None = world.state(payment_entity(reported.order_id))
    if payment is None or payment.stage is not Stage.REFUND_DUE or payment.open_refund is None:
        return []
    return [_made(payment, payment.open_refund)]


def confirm_refund(command: ConfirmRefund, world: World) -> list[Event]:
    """A person says that the channel gave back what was due; the same said again changes nothing."""
    payment = payment_of(command.order_id, world)
    refund = payment.open_refund
    if payment.stage is Stage.REFUND_DUE and refund:
        made = _made(payment, refund, command.reference)
        return [made.model_copy(update={"actor": command.actor, "reason": command.reason})]
    if any(known.provider_reference == command.reference for known in payment.refunds):
        return []
    return [_refused(payment, command, "no refund is due from the channel")]


def retry_refund(command: RetryRefund, world: World) -> list[Event]:
    """A new refund with a reference of its own: the gateway would answer the old one with the old refusal."""
    payment = payment_of(command.order_id, world)
    if payment.stage is not Stage.REFUND_FAILED:
        return [_refused(payment, command, "no refund was refused")]
    return [give_back(payment, payment.refundable_minor, command.reason, command.actor)]


def _refused(payment: Payment, command: ConfirmRefund | RetryRefund, reason: str) -> Event:
    return REFUSED(
        entity=payment_entity(payment.order_id),
        command=type(command).__name__,
        state=payment.stage.value,
        allowed=ALLOWED.get(payment.stage, ()),
        reason=reason,
        actor=command.actor,
    )


def give_back(payment: Payment, amount_minor: int, reason: str, actor: str = "") -> RefundStarted:
    """Start a refund with the next number: through the gateway, or at the channel that collected."""
    refund = refund_id(payment.order_id, len(payment.refunds) + 1)
    source: Literal["channel", "gateway"] = "channel" if payment.source == "channel" else "gateway"
    return RefundStarted(
        order_id=payment.order_id,
        refund_id=refund,
        reference=refund if source == "gateway" else f"{payment.channel}-{refund}",
        source=source,
        currency=payment.currency,
        amount_minor=amount_minor,
        reason=reason,
        actor=actor,
    )


def _made(payment: Payment, refund: Refund, provider_reference: str = "") -> PaymentRefunded:
    amount_minor = refund.amount_minor
    return PaymentRefunded(
        order_id=payment.order_id,
        refund_id=refund.refund_id,
        reference=refund.reference,
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
    return [_made(payment, refund, answer.provider_reference)]


def _open_refund(payment: Payment, reference: str) -> Refund | None:
    started = (refund for refund in payment.refunds if refund.stage is RefundStage.STARTED)
    return next((refund for refund in started if refund.reference == reference), None)
