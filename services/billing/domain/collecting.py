"""Collecting: record what the channel took, or have the gateway capture it, once per payment whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

from contracts.billing import CaptureStarted, PaymentCaptured, PaymentDue, PaymentFailed, PaymentInDoubt
from contracts.event import Event
from contracts.orders import PaymentRequested
from services.billing.domain.answers import CaptureCall, Captured, Declined
from services.billing.domain.giving_back import start_or_ask
from services.billing.domain.invoicing import invoice_without_parcel
from services.billing.domain.ledger import clearing_of, money_in
from services.billing.domain.payment import Payment, Stage, payment_entity, payment_id, payment_of
from services.billing.domain.payment_history import evolve
from services.billing.domain.policies import Policies
from services.billing.domain.world import World

type Collect = Callable[[PaymentRequested, Policies], Event]


def when_payment_requested_then_collect(asked: PaymentRequested, world: World) -> list[Event]:
    """The first request takes note of what is owed and collects it; a later attempt collects only after a failure.

    A repeated attempt, and one for a payment that is captured, under way or closed, changes nothing.
    """
    payment: Payment | None = world.state(payment_entity(asked.order_id))
    collect = _collect(asked, world.policies)
    if payment is None:
        return with_invoice(None, [_note(asked), collect], world)
    if payment.stage is Stage.FAILED and asked.attempt > payment.attempt:
        facts = [collect] if _same_bill(payment, asked) else [_note(asked), collect]
        return with_invoice(payment, facts, world)
    return []


def with_invoice(payment: Payment | None, facts: list[Event], world: World) -> list[Event]:
    """The facts, and the invoice of an order that has nothing to ship as soon as its money is there."""
    if not isinstance(facts[-1], PaymentCaptured):
        return facts
    after = reduce(lambda state, fact: evolve(state, fact, ""), facts, payment)
    return facts if after is None or after.ships else [*facts, *invoice_without_parcel(after, world)]


def _same_bill(payment: Payment, asked: PaymentRequested) -> bool:
    """False where the order was revised between two attempts: then the newer bill is what is owed."""
    owed = (payment.total_minor, payment.currency, payment.bill, payment.ships)
    return owed == (asked.total_minor, asked.currency, asked.bill, asked.ships)


def _note(asked: PaymentRequested) -> PaymentDue:
    return PaymentDue(
        order_id=asked.order_id,
        channel=asked.channel,
        currency=asked.currency,
        total_minor=asked.total_minor,
        bill=asked.bill,
        ships=asked.ships,
    )


def _collect(asked: PaymentRequested, policies: Policies) -> Event:
    if asked.total_minor < 0:
        return _refuse(asked, "the order's total is negative: nothing can be collected")
    if asked.total_minor == 0:
        return _record(asked, policies)
    return COLLECT[asked.payment.state](asked, policies)


def _record(asked: PaymentRequested, _: Policies) -> PaymentCaptured:
    clearing = clearing_of("channel", asked.channel)
    return PaymentCaptured(
        order_id=asked.order_id,
        payment_id=payment_id(asked.order_id, asked.attempt),
        source="channel",
        reference=asked.payment.reference or asked.order_id,
        currency=asked.currency,
        amount_minor=asked.total_minor,
        entry=money_in(clearing, asked.total_minor, asked.currency),
    )


def _start(asked: PaymentRequested, policies: Policies) -> CaptureStarted:
    attempt = payment_id(asked.order_id, asked.attempt)
    return CaptureStarted(
        order_id=asked.order_id,
        payment_id=attempt,
        reference=attempt,
        gateway=policies.gateway,
        currency=asked.currency,
        amount_minor=asked.total_minor,
    )


def _refuse(asked: PaymentRequested, reason: str) -> PaymentFailed:
    attempt = payment_id(asked.order_id, asked.attempt)
    return PaymentFailed(order_id=asked.order_id, payment_id=attempt, reason=reason)


def _nothing_to_take(asked: PaymentRequested, _: Policies) -> PaymentFailed:
    return _refuse(
        asked, f"the channel says that the payment is {asked.payment.state}: it is not collected again"
    )


COLLECT: Mapping[str, Collect] = {
    "paid": _record,
    "authorised": _start,
    "unpaid": _start,
    "refunded": _nothing_to_take,
    "voided": _nothing_to_take,
}
"""What to do, by what the channel says about the money."""


def when_capture_answered_then_record(
    order_id: str, call: CaptureCall, answer: Any, world: World
) -> list[Event]:
    """Money that arrives for a cancelled order is recorded and given back (above the limit: asked for) at once."""
    payment = payment_of(order_id, world)
    if not payment.in_flight or payment.reference != call.reference:
        return []
    if isinstance(answer, Declined):
        return [PaymentFailed(order_id=order_id, payment_id=payment.payment_id, reason=answer.reason[:500])]
    captured = _captured(payment, answer)
    if payment.closed:
        return [captured, _given_back(payment, captured, world)]
    return with_invoice(payment, [captured], world)


def _given_back(payment: Payment, captured: PaymentCaptured, world: World) -> Event:
    after = evolve(payment, captured, "")
    return start_or_ask(after, after.refundable_minor, payment.closed, payment.closed_by, world)


def _captured(payment: Payment, answer: Captured) -> PaymentCaptured:
    return PaymentCaptured(
        order_id=payment.order_id,
        payment_id=payment.payment_id,
        source="gateway",
        reference=payment.reference,
        currency=answer.currency,
        amount_minor=answer.amount_minor,
        entry=money_in(clearing_of("gateway", payment.channel), answer.amount_minor, answer.currency),
        provider_reference=answer.provider_reference,
    )


def when_capture_unanswered_then_doubt(
    order_id: str, call: CaptureCall, why: str, world: World
) -> list[Event]:
    """Said once; from then on the gateway is asked by our reference before anything is repeated."""
    payment = payment_of(order_id, world)
    if payment.stage is not Stage.CAPTURING or payment.reference != call.reference:
        return []
    return [
        PaymentInDoubt(
            order_id=order_id,
            payment_id=payment.payment_id,
            reference=call.reference,
            reason=why[:500] or "no answer",
        )
    ]
