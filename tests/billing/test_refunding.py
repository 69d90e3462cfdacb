"""Giving back: what a cancelled order's payment becomes at every stage."""

from __future__ import annotations

from contracts.billing import PaymentClosed, PaymentFailed, PaymentRefunded, RefundFailed, RefundStarted
from contracts.orders import RefundReported
from contracts.parking import REFUSALS, CommandRefused
from services.billing.domain.answers import Captured, Declined, RefundCall, Refunded
from services.billing.domain.commands import ConfirmRefund, RetryRefund
from services.billing.domain.payment import tags
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
CLOSED = PaymentClosed(order_id=ORDER, reason="customer asked", actor="anna")


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


AT_CHANNEL = f"shopify-{REFUND}"
BY_CHANNEL = cancelled(by_channel=True)
REPORTED = RefundReported(order_id=ORDER, channel="shopify")
CONFIRM = ConfirmRefund(order_id=ORDER, actor="mira", reason="given back in the admin", reference="re-9")
RETRY = RetryRefund(order_id=ORDER, actor="mira", reason="a new account")
DUE_AT_CHANNEL = (due(PAID), captured(PAID), refund_started("channel", AT_CHANNEL))
MADE_AT_CHANNEL = refunded("channel_clearing:shopify", AT_CHANNEL)
CONFIRMED = refunded("channel_clearing:shopify", AT_CHANNEL, "re-9").model_copy(
    update={"actor": "mira", "reason": "given back in the admin"}
)
FAILED = RefundFailed(order_id=ORDER, refund_id=REFUND, reason="account closed")


def refused(command: str, state: str, reason: str, *allowed: str) -> CommandRefused:
    return REFUSALS["billing"].command_refused(
        entity=PAYMENT, command=command, state=state, allowed=allowed, reason=reason, actor="mira"
    )


def test_what_the_channel_cancelled_and_collected_is_noted_as_given_back_there() -> None:
    """No gateway is asked for money it never had."""
    after = billing.given(due(PAID), captured(PAID)).when(BY_CHANNEL, BY_CHANNEL)
    after.then(refund_started("channel", AT_CHANNEL), MADE_AT_CHANNEL)
    assert not after.world.calls()


def test_a_refund_that_only_the_channel_can_make_stays_due() -> None:
    """Cancelled here: nobody has given anything back, so nobody may be told that it was."""
    after = billing.given(due(PAID), captured(PAID)).when(cancelled(), cancelled(), BY_CHANNEL)
    after.then(refund_started("channel", AT_CHANNEL))
    state = after.state(PAYMENT)
    assert (state.stage, state.refunded_minor, state.refundable_minor) == ("refund_due", 0, 0)
    assert "state=refund_due" in tags(state)
    assert not after.world.calls()


def test_a_due_refund_is_made_when_the_channel_reports_it() -> None:
    """Once, however often the channel says it."""
    after = billing.given(*DUE_AT_CHANNEL).when(REPORTED, REPORTED).then(MADE_AT_CHANNEL)
    assert after.state(PAYMENT).stage == "refunded"
    assert not any(after.state("ledger/EUR").balances.values())


def test_a_report_of_what_is_not_due_from_the_channel_changes_nothing() -> None:
    """Unknown, not cancelled, or being given back by our gateway."""
    billing.when(REPORTED).then_nothing()
    billing.given(due(PAID), captured(PAID)).when(REPORTED).then_nothing()
    through_gateway = (due(UNPAID), started(UNPAID), captured(UNPAID, "gateway"), refund_started())
    billing.given(*through_gateway).when(REPORTED).then_nothing()


def test_a_person_confirms_a_refund_that_was_made_at_the_channel() -> None:
    """Who and why are kept; a payout may name the channel's reference; the same again changes nothing."""
    after = billing.given(*DUE_AT_CHANNEL).when(CONFIRM, CONFIRM, REPORTED).then(CONFIRMED)
    assert after.state(PAYMENT).stage == "refunded"
    assert "ref:re-9" in tags(after.state(PAYMENT))


def test_a_confirmation_of_nothing_is_refused() -> None:
    """Captured, or already given back under another name: recorded with the state and what is allowed."""
    billing.given(due(PAID), captured(PAID)).when(CONFIRM).then(
        refused("ConfirmRefund", "captured", "no refund is due from the channel")
    )
    billing.given(*DUE_AT_CHANNEL, MADE_AT_CHANNEL).when(CONFIRM).then(
        refused("ConfirmRefund", "refunded", "no refund is due from the channel")
    )


def test_a_refused_refund_is_tried_again_with_a_reference_of_its_own() -> None:
    """The gateway would answer the old reference with the old refusal; twice is refused while the new one runs."""
    failed = (due(UNPAID), started(UNPAID), captured(UNPAID, "gateway"), refund_started(), FAILED)
    second = f"refund-{ORDER}-2"
    again = refund_started(reference=second).model_copy(
        update={"refund_id": second, "reason": "a new account", "actor": "mira"}
    )
    before = billing.given(*failed)
    assert "state=refund_failed" in tags(before.world.states[PAYMENT])
    after = before.when(RETRY, RETRY)
    after.then(again, refused("RetryRefund", "refunding", "no refund was refused"))
    (call,) = after.world.calls().values()
    assert call.payload == RefundCall(second, ATTEMPT, 11900, "EUR")
    made = billing.given(*failed, again).when(
        Answered(PAYMENT, second, Refunded(second, "re_2", 11900, "EUR"))
    )
    assert made.state(PAYMENT).stage == "refunded"
    assert made.state(PAYMENT).refunded_minor == 11900
    assert not any(made.state("ledger/EUR").balances.values())


def test_what_may_be_asked_for_is_said_with_the_refusal() -> None:
    """A person who picks the wrong one of the two is told the other."""
    billing.given(*DUE_AT_CHANNEL).when(RETRY).then(
        refused("RetryRefund", "refund_due", "no refund was refused", "ConfirmRefund")
    )
    failed = (due(UNPAID), started(UNPAID), captured(UNPAID, "gateway"), refund_started(), FAILED)
    billing.given(*failed).when(CONFIRM).then(
        refused("ConfirmRefund", "refund_failed", "no refund is due from the channel", "RetryRefund")
    )


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
