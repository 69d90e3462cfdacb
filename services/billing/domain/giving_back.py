"""How a refund begins: at once, or as a request that waits for a second person where it is above the shop's limit."""

from __future__ import annotations

from typing import Literal

from contracts.billing import PaymentRefunded, RefundRequested, RefundStarted
from contracts.event import Event
from contracts.second_person import needs_second_person
from services.billing.domain.ledger import clearing_of, money_back
from services.billing.domain.payment import Payment, Refund, refund_id
from services.billing.domain.world import World


def start_or_ask(
    payment: Payment, amount_minor: int, reason: str, actor: str, world: World, *, by_hand: bool = False
) -> Event:
    """The refund, or above the limit of its currency the request for one.

    `actor` is who caused it; a refund that follows by itself from a cancellation (not `by_hand`) is signed there.
    """
    if not needs_second_person(amount_minor, world.policies.refund_limits.get(payment.currency)):
        return give_back(payment, amount_minor, reason, actor if by_hand else "")
    return RefundRequested(
        order_id=payment.order_id,
        refund_id=next_refund(payment),
        currency=payment.currency,
        amount_minor=amount_minor,
        reason=reason,
        actor=actor,
        asked_at=world.now,
    )


def give_back(payment: Payment, amount_minor: int, reason: str, actor: str = "") -> RefundStarted:
    """Start a refund with the next number: through the gateway, or at the channel that collected."""
    refund = next_refund(payment)
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


def next_refund(payment: Payment) -> str:
    """The id of the refund that would be the next one of this payment."""
    return refund_id(payment.order_id, len(payment.refunds) + 1)


def made(payment: Payment, refund: Refund, provider_reference: str = "") -> PaymentRefunded:
    """The money of a refund is back with the customer."""
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
