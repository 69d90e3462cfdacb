"""How each fact changes the payment of an order: the state is a function of its history."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from contracts.billing import (
    CaptureStarted,
    InvoiceIssued,
    PaymentCaptured,
    PaymentClosed,
    PaymentDue,
    PaymentFailed,
    PaymentInDoubt,
    PaymentRefunded,
    RefundApproved,
    RefundDenied,
    RefundFailed,
    RefundRequested,
    RefundStarted,
)
from contracts.event import Event
from contracts.frozen import replace
from contracts.parking import REFUSALS
from contracts.second_person import Decided
from services.billing.domain.payment import (
    Issued,
    Payment,
    Refund,
    RefundRequest,
    RefundStage,
    Stage,
    refund_of,
    units_taken,
)


def _due(payment: Payment | None, event: PaymentDue) -> Payment:
    """What is owed; a newer bill replaces the one of an attempt that failed."""
    if payment is not None:
        recipient = event.bill.recipient
        owed = replace(payment, total_minor=event.total_minor, currency=event.currency)
        return replace(owed, bill=event.bill, recipient=recipient, ships=event.ships)
    return Payment(
        order_id=event.order_id,
        channel=event.channel,
        currency=event.currency,
        total_minor=event.total_minor,
        recipient=event.bill.recipient,
        bill=event.bill,
        ships=event.ships,
    )


def _started(payment: Payment, event: CaptureStarted) -> Payment:
    return replace(
        payment,
        stage=Stage.CAPTURING,
        payment_id=event.payment_id,
        source="gateway",
        reference=event.reference,
    )


def _in_doubt(payment: Payment, _: PaymentInDoubt) -> Payment:
    return replace(payment, stage=Stage.IN_DOUBT)


def _captured(payment: Payment, event: PaymentCaptured) -> Payment:
    return replace(
        payment,
        stage=Stage.CAPTURED,
        payment_id=event.payment_id,
        source=event.source,
        reference=event.reference,
        provider_reference=event.provider_reference,
        captured_minor=event.amount_minor,
    )


def _failed(payment: Payment, event: PaymentFailed) -> Payment:
    stage = Stage.CLOSED if payment.closed else Stage.FAILED
    return replace(payment, stage=stage, payment_id=event.payment_id)


def _closed(payment: Payment, event: PaymentClosed) -> Payment:
    """A capture under way goes on being asked for, so that what it brings can be given back."""
    if payment.in_flight:
        return replace(payment, closed=event.reason, closed_by=event.actor)
    closed = replace(payment, stage=Stage.CLOSED, closed=event.reason, closed_by=event.actor)
    return replace(closed, bill=None, taken=())


def _refund_requested(payment: Payment, event: RefundRequested) -> Payment:
    request = RefundRequest(
        refund_id=event.refund_id,
        amount_minor=event.amount_minor,
        actor=event.actor,
        reason=event.reason,
        asked_at=event.asked_at,
    )
    closed = payment.closed or event.reason
    waiting = replace(payment, stage=Stage.REFUND_REQUESTED, request=request, closed=closed)
    return replace(waiting, bill=None, taken=())


def _refund_approved(payment: Payment, event: RefundApproved) -> Payment:
    return _decided(payment, Decided.APPROVED, event.actor)


def _refund_denied(payment: Payment, event: RefundDenied) -> Payment:
    return replace(_decided(payment, Decided.DENIED, event.actor), stage=Stage.REFUND_DENIED)


def _decided(payment: Payment, decided: Decided, by: str) -> Payment:
    assert payment.request is not None
    return replace(payment, request=replace(payment.request, decided=decided, decided_by=by))


def _refund_started(payment: Payment, event: RefundStarted) -> Payment:
    return replace(
        payment,
        stage=Stage.REFUND_DUE if event.source == "channel" else Stage.REFUNDING,
        closed=payment.closed or event.reason,
        refunds=(*payment.refunds, refund_of(event)),
        bill=None,
        taken=(),
    )


def _refunded(payment: Payment, event: PaymentRefunded) -> Payment:
    refunds = _with_refund(
        payment,
        event.refund_id,
        stage=RefundStage.MADE,
        reference=event.reference,
        provider_reference=event.provider_reference,
    )
    return replace(payment, stage=Stage.REFUNDED, refunds=refunds)


def _refund_failed(payment: Payment, event: RefundFailed) -> Payment:
    refunds = _with_refund(payment, event.refund_id, stage=RefundStage.FAILED)
    return replace(payment, stage=Stage.REFUND_FAILED, refunds=refunds)


def _with_refund(payment: Payment, refund_id: str, **change: Any) -> tuple[Refund, ...]:
    return tuple(
        replace(refund, **change) if refund.refund_id == refund_id else refund for refund in payment.refunds
    )


def _invoiced(payment: Payment, event: InvoiceIssued) -> Payment:
    """Once nothing is left to invoice the bill is dropped: the invoices carry it."""
    issued = Issued(number=event.number, parcel_id=event.parcel_id, total_minor=event.total_minor)
    bill, taken = None if event.last else payment.bill, payment.taken
    if bill is not None:
        units: dict[str, int] = {}
        for line in event.lines:
            units[line.sku] = units.get(line.sku, 0) + line.quantity
        taken = units_taken(bill, taken, units)
    return replace(
        payment,
        invoices=(*payment.invoices, issued),
        bill=bill,
        taken=taken if bill else (),
        vat_note=event.vat_note or payment.vat_note,
    )


def _unchanged(payment: Payment, _: Event) -> Payment:
    return payment


EVOLVE: Mapping[type[Event], Callable[[Any, Any], Payment]] = {
    PaymentDue: _due,
    CaptureStarted: _started,
    PaymentInDoubt: _in_doubt,
    PaymentCaptured: _captured,
    PaymentFailed: _failed,
    PaymentClosed: _closed,
    RefundRequested: _refund_requested,
    RefundApproved: _refund_approved,
    RefundDenied: _refund_denied,
    RefundStarted: _refund_started,
    PaymentRefunded: _refunded,
    RefundFailed: _refund_failed,
    InvoiceIssued: _invoiced,
    REFUSALS["billing"].command_refused: _unchanged,
}


def evolve(payment: Payment | None, event: Event, entity: str) -> Payment:
    """The payment after an event."""
    return EVOLVE[type(event)](payment, event)
