"""Giving back: what a cancelled order's payment becomes at every stage."""

from __future__ import annotations

from contracts.billing import PaymentClosed, PaymentFailed, PaymentRefunded, RefundFailed, RefundStarted
from services.billing.domain.answers import Captured, Declined, RefundCall, Refunded
from tests.billing.makers import (
    ANNA,
    ORDER,
    PAYMENT,
    billing,
    cancelled,
    captured,
    due,
    entry,
    requested,
    started,
)
from tests.spec import Answered

UNPAID = requested(state="unpaid")
PAID = requested(state="paid")
ATTEMPT, REFUND = f"pay-{ORDER}-1", f"refund-{ORDER}-1"
CLOSED = PaymentClosed(order_id=ORDER, reason="customer asked")


def refund_started(source: str = "gateway", reference: str = REFUND) -> RefundStarted:
    return RefundStarted(
        order_id=ORDER,
        refund_id=REFUND,
        reference=reference,
        source=source,
        currency="EUR",
        amount_minor=11900,
        reason="customer asked",
    )


def refunded(clearing: str, reference: str = REFUND, provider_reference: str = "") -> PaymentRefunded:
    return PaymentRefunded(
        order_id=ORDER,
        refund_id=REFUND,
        reference=reference,
        currency="EUR",
        amount_minor=11900,
        recipient=ANNA,
        entry=entry("EUR", ("customer_receivable", 11900), (clearing, -11900)),
        provider_reference=provider_reference,
    )


def test_an_order_nobody_asked_money_for_needs_nothing() -> None:
    """Cancelled before payment was requested: billing never heard of it."""
    billing.when(cancelled()).then_nothing()


def test_captured_money_is_given_back_through_the_gateway() -> None:
    """Started with a derived reference; the call is asked for by the state."""
    before = billing.given(due(UNPAID), started(UNPAID), captured(UNPAID, "gateway"))
    after = before.when(cancelled()).then(refund_started())
    (call,) = after.world.calls().values()
    assert call.payload == RefundCall(REFUND, ATTEMPT, 11900, "EUR")
    assert after.state(PAYMENT).refundable_minor == 0


def test_a_repeated_cancellation_refunds_once() -> None:
    """However often it is said."""
    before = billing.given(due(UNPAID), started(UNPAID), captured(UNPAID, "gateway"))
    before.when(cancelled(), cancelled()).then(refund_started())


def test_the_refunds_answer_is_recorded_and_balanced() -> None:
    """Money back: the reverse of the capture's entry."""
    before = billing.given(due(UNPAID), started(UNPAID), captured(UNPAID, "gateway"), refund_started())
    after = before.when(Answered(PAYMENT, REFUND, Refunded(REFUND, "re_1", 11900, "EUR")))
    after.then(refunded("gateway_clearing", provider_reference="re_1"))
    assert after.state(PAYMENT).refunded_minor == 11900
    assert not after.world.calls()
    assert not any(after.state("ledger/EUR").balances.values())


def test_a_refused_refund_is_said_and_waits_for_a_person() -> None:
    """Not asked again by itself; a repeated cancellation does not start a second one either."""
    before = billing.given(due(UNPAID), started(UNPAID), captured(UNPAID, "gateway"), refund_started())
    after = before.when(Answered(PAYMENT, REFUND, Declined(REFUND, "account closed")), cancelled())
    after.then(RefundFailed(order_id=ORDER, refund_id=REFUND, reason="account closed"))
    assert after.state(PAYMENT).stage == "refund_failed"
    assert not after.world.calls()


def test_what_the_channel_collected_is_noted_as_given_back_at_the_channel() -> None:
    """No gateway is asked for money it never had."""
    after = billing.given(due(PAID), captured(PAID)).when(cancelled(), cancelled())
    reference = f"shopify-{REFUND}"
    after.then(refund_started("channel", reference), refunded("channel_clearing:shopify", reference))
    assert not after.world.calls()


def test_a_failed_payment_is_closed() -> None:
    """Nothing was taken, nothing goes back; said once."""
    failed = PaymentFailed(order_id=ORDER, payment_id=ATTEMPT, reason="card_declined")
    after = billing.given(due(UNPAID), started(UNPAID), failed).when(cancelled(), cancelled()).then(CLOSED)
    assert after.state(PAYMENT).bill is None


def test_an_order_of_nothing_is_closed() -> None:
    """A free order has nothing to give back."""
    free = requested(total=0)
    billing.given(due(free), captured(free)).when(cancelled()).then(CLOSED)


def test_a_capture_under_way_is_resolved_first_then_given_back() -> None:
    """Cancelled while the gateway may be charging: the call stays open, and what it brings goes back. Never silent."""
    waiting = billing.given(due(UNPAID), started(UNPAID)).when(cancelled(), cancelled()).then(CLOSED)
    assert [call.kind for call in waiting.world.calls().values()] == ["capture"]
    after = billing.given(due(UNPAID), started(UNPAID), CLOSED).when(
        Answered(PAYMENT, ATTEMPT, Captured(ATTEMPT, "ch_1", 11900, "EUR"))
    )
    after.then(captured(UNPAID, "gateway", "ch_1"), refund_started())
    assert [call.kind for call in after.world.calls().values()] == ["refund"]


def test_a_capture_that_is_refused_after_the_cancellation_just_closes() -> None:
    """No money came: the failure is recorded, nothing is asked any more."""
    after = billing.given(due(UNPAID), started(UNPAID), CLOSED).when(
        Answered(PAYMENT, ATTEMPT, Declined(ATTEMPT, "card_declined"))
    )
    after.then(PaymentFailed(order_id=ORDER, payment_id=ATTEMPT, reason="card_declined"))
    assert after.state(PAYMENT).stage == "closed"
    assert not after.world.calls()
