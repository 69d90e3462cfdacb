"""Billing has the money, has not got it, gave it back, or wrote the invoice."""

from __future__ import annotations

from contracts.billing import InvoiceIssued, PaymentCaptured, PaymentFailed, PaymentRefunded
from contracts.event import Event
from contracts.orders import HoldReason, InvoiceNoted, PaymentConfirmed, RefundConfirmed
from services.orders.domain.deciding import known_order
from services.orders.domain.holds import held_for_payment, let_go
from services.orders.domain.next_step import unfold
from services.orders.domain.states import Payment
from services.orders.domain.world import World


def when_payment_captured_then_release(event: PaymentCaptured, world: World) -> list[Event]:
    """Note the money whatever became of the order; release it if nothing else is open."""
    order = known_order(event.order_id, world)
    if order.payment is Payment.PAID:
        return []
    facts: list[Event] = [PaymentConfirmed(order_id=order.order_id, amount_minor=event.amount_minor)]
    if order.hold(HoldReason.PAYMENT_FAILED):
        facts.append(let_go(order.order_id, HoldReason.PAYMENT_FAILED, "paid"))
    return unfold(order, facts, world.policies)


def when_payment_failed_then_hold(event: PaymentFailed, world: World) -> list[Event]:
    """Wait for a person or for the customer, up to the limit. Says nothing about an order that has ended."""
    order = known_order(event.order_id, world)
    if order.placed is None or order.payment is not Payment.ASKED:
        return []
    return [held_for_payment(order.order_id, event.reason, world.now, world.policies)]


def when_payment_refunded_then_note_it(event: PaymentRefunded, world: World) -> list[Event]:
    """Part of the order's own history."""
    order = known_order(event.order_id, world)
    if event.refund_id in order.refunds:
        return []
    return [
        RefundConfirmed(order_id=order.order_id, refund_id=event.refund_id, amount_minor=event.amount_minor)
    ]


def when_invoice_issued_then_note_it(event: InvoiceIssued, world: World) -> list[Event]:
    """Part of the order's own history."""
    order = known_order(event.order_id, world)
    if event.number in order.invoices:
        return []
    return [InvoiceNoted(order_id=order.order_id, number=event.number, total_minor=event.total_minor)]
