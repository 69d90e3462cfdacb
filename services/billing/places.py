"""Which entities each event changes; the first is where it is at home."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from contracts import billing
from contracts.event import Event
from contracts.parking import REFUSALS, CommandRefused
from services.billing.domain.invoicing import series_entity
from services.billing.domain.ledger import ledger_entity
from services.billing.domain.payment import payment_entity
from services.billing.domain.payout import payout_entity


def _payment(event: billing.PaymentDue) -> tuple[str, ...]:
    return (payment_entity(event.order_id),)


def _payment_and_ledger(event: billing.PaymentCaptured | billing.PaymentRefunded) -> tuple[str, ...]:
    return (payment_entity(event.order_id), ledger_entity(event.entry.currency))


def _invoice(event: billing.InvoiceIssued) -> tuple[str, ...]:
    return (payment_entity(event.order_id), series_entity(event.series), ledger_entity(event.entry.currency))


def _payout(event: billing.PayoutReported) -> tuple[str, ...]:
    return (payout_entity(event.provider, event.payout_id),)


def _payout_and_ledger(event: billing.PayoutReconciled | billing.PayoutUnexplained) -> tuple[str, ...]:
    return (payout_entity(event.provider, event.payout_id), ledger_entity(event.entry.currency))


def _aimed_at(refused: CommandRefused) -> tuple[str, ...]:
    return (refused.entity,)


PLACES: Mapping[type[Event], Callable[[Any], tuple[str, ...]]] = {
    billing.PaymentDue: _payment,
    billing.CaptureStarted: _payment,
    billing.PaymentInDoubt: _payment,
    billing.PaymentCaptured: _payment_and_ledger,
    billing.PaymentFailed: _payment,
    billing.PaymentClosed: _payment,
    billing.RefundRequested: _payment,
    billing.RefundApproved: _payment,
    billing.RefundDenied: _payment,
    billing.RefundStarted: _payment,
    billing.PaymentRefunded: _payment_and_ledger,
    billing.RefundFailed: _payment,
    billing.InvoiceIssued: _invoice,
    billing.PayoutReported: _payout,
    billing.PayoutReconciled: _payout_and_ledger,
    billing.PayoutUnexplained: _payout_and_ledger,
    REFUSALS["billing"].command_refused: _aimed_at,
}
