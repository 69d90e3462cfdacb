"""Collecting: recorded from the channel or captured by the gateway, once per payment whatever happens."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contracts.billing import PaymentFailed, PaymentInDoubt
from services.billing.domain.answers import CaptureCall, Captured, Declined
from tests.billing.makers import PAYMENT, billing, cancelled, captured, due, goods, requested, started
from tests.spec import Answered

UNPAID = requested(state="unpaid")
PAID = requested(state="paid", reference="txn-77")
ATTEMPT = "pay-shopify:1001-1"
YES = Captured(ATTEMPT, "ch_1", 11900, "EUR")
NO = Declined(ATTEMPT, "card_declined")


def test_money_the_channel_took_is_recorded_with_its_reference() -> None:
    """The order is paid at the channel: no gateway is asked, and the entry is balanced."""
    billing.when(PAID).then(due(PAID), captured(PAID))


def test_a_channel_without_a_reference_is_recorded_under_the_order() -> None:
    """A payout will name the order then."""
    asked = requested(state="paid")
    after = billing.when(asked).then(due(asked), captured(asked))
    assert after.state(PAYMENT).reference == "shopify:1001"


@pytest.mark.parametrize("state", ["unpaid", "authorised"])
def test_what_is_not_paid_is_captured_through_the_gateway(state: str) -> None:
    """The call is a function of the state, so that it survives a crash between decision and call."""
    asked = requested(state=state)
    after = billing.when(asked).then(due(asked), started(asked))
    (call,) = after.world.calls().values()
    assert call.payload == CaptureCall(ATTEMPT, 11900, "EUR", "anna@example.org")


def test_an_order_of_nothing_is_captured_without_a_gateway() -> None:
    """A free order goes on: nothing is asked of anyone."""
    asked = requested(state="unpaid", total=0)
    after = billing.when(asked).then(due(asked), captured(asked))
    assert not after.world.calls()


def test_a_negative_total_is_refused_with_a_reason() -> None:
    """Nothing can be collected of less than nothing; the order is held with this reason."""
    asked = requested(state="unpaid", total=-5)
    reason = "the order's total is negative: nothing can be collected"
    billing.when(asked).then(
        due(asked), PaymentFailed(order_id=asked.order_id, payment_id=ATTEMPT, reason=reason)
    )


@pytest.mark.parametrize("state", ["refunded", "voided"])
def test_a_payment_that_the_channel_undid_is_never_charged(state: str) -> None:
    """Charging a customer whose money was given back would be the worst answer."""
    asked = requested(state=state)
    reason = f"the channel says that the payment is {state}: it is not collected again"
    billing.when(asked).then(
        due(asked), PaymentFailed(order_id=asked.order_id, payment_id=ATTEMPT, reason=reason)
    )


@pytest.mark.parametrize("asked", [UNPAID, PAID])
def test_a_repeated_request_changes_nothing(asked: object) -> None:
    """Redelivered, or asked again after a hold: there is one payment."""
    billing.when(asked, asked).then(*billing.when(asked).events)


def test_a_higher_attempt_while_under_way_or_captured_changes_nothing() -> None:
    """The order was accepted again after a hold; its money is already here or coming."""
    again = requested(state="unpaid", attempt=2)
    billing.given(due(UNPAID), started(UNPAID)).when(again).then_nothing()
    billing.given(due(UNPAID), started(UNPAID), captured(UNPAID, "gateway")).when(again).then_nothing()


def test_a_captured_answer_is_recorded_with_the_gateways_own_id() -> None:
    """A statement may name either reference later."""
    after = billing.given(due(UNPAID), started(UNPAID)).when(Answered(PAYMENT, ATTEMPT, YES))
    after.then(captured(UNPAID, "gateway", "ch_1"))
    assert not after.world.calls()


def test_a_refusal_is_recorded_and_a_higher_attempt_uses_a_new_reference() -> None:
    """The same reference would be answered with the same refusal; the same attempt changes nothing."""
    failed = PaymentFailed(order_id="shopify:1001", payment_id=ATTEMPT, reason="card_declined")
    after = billing.given(due(UNPAID), started(UNPAID)).when(Answered(PAYMENT, ATTEMPT, NO))
    after.then(failed)
    billing.given(due(UNPAID), started(UNPAID), failed).when(UNPAID).then_nothing()
    second = requested(state="unpaid", attempt=2)
    billing.given(due(UNPAID), started(UNPAID), failed).when(second).then(started(second))


def test_an_order_revised_between_two_attempts_is_charged_what_it_owes_now() -> None:
    """The newer bill is noted, and the call asks for its total."""
    failed = PaymentFailed(order_id="shopify:1001", payment_id=ATTEMPT, reason="card_declined")
    second = requested(goods("BOOK", 5000), state="unpaid", attempt=2)
    after = (
        billing.given(due(UNPAID), started(UNPAID), failed).when(second).then(due(second), started(second))
    )
    (call,) = after.world.calls().values()
    assert (call.payload.reference, call.payload.amount_minor) == ("pay-shopify:1001-2", 5000)


def test_a_channel_that_collects_after_a_failure_is_recorded() -> None:
    """The customer paid at the channel in the meantime: the next attempt records it."""
    failed = PaymentFailed(order_id="shopify:1001", payment_id=ATTEMPT, reason="card_declined")
    paid = requested(state="paid", attempt=2)
    billing.given(due(UNPAID), started(UNPAID), failed).when(paid).then(captured(paid))


def test_a_lost_answer_is_said_once_and_the_same_call_stays_open() -> None:
    """In doubt: the reference stays the same, so whatever is repeated moves money once."""
    doubt = PaymentInDoubt(
        order_id="shopify:1001", payment_id=ATTEMPT, reference=ATTEMPT, reason="TimeoutError()"
    )
    lost = Answered(PAYMENT, ATTEMPT, "TimeoutError()", lost=True)
    before = billing.given(due(UNPAID), started(UNPAID)).world.calls()
    after = billing.given(due(UNPAID), started(UNPAID)).when(lost, lost)
    after.then(doubt)
    assert after.world.calls() == before


def test_a_payment_in_doubt_is_resolved_by_what_the_gateway_says() -> None:
    """Found by our reference: captured once; refused: failed."""
    doubt = PaymentInDoubt(order_id="shopify:1001", payment_id=ATTEMPT, reference=ATTEMPT, reason="lost")
    unsure = billing.given(due(UNPAID), started(UNPAID), doubt)
    unsure.when(Answered(PAYMENT, ATTEMPT, YES)).then(captured(UNPAID, "gateway", "ch_1"))
    unsure = billing.given(due(UNPAID), started(UNPAID), doubt)
    refused = PaymentFailed(order_id="shopify:1001", payment_id=ATTEMPT, reason="card_declined")
    unsure.when(Answered(PAYMENT, ATTEMPT, NO)).then(refused)


def test_nothing_is_collected_for_a_cancelled_order() -> None:
    """A request after the cancellation changes nothing."""
    failed = PaymentFailed(order_id="shopify:1001", payment_id=ATTEMPT, reason="card_declined")
    world = billing.given(due(UNPAID), started(UNPAID), failed).when(cancelled()).world
    assert world.state(PAYMENT).stage == "closed"
    asked = requested(state="unpaid", attempt=2)
    assert not list(world.service.on_event[type(asked)].then(asked, world))


def test_the_channel_reference_is_found_by_tag_and_ours_need_none() -> None:
    """A tag costs a row for each order: only what cannot be derived from the reference itself has one."""
    state = billing.when(PAID).state(PAYMENT)
    tags = set(billing.service.kinds[0].tags(state))
    assert tags == {"state=captured", "ref:txn-77"}
    assert set(billing.service.kinds[0].tags(replace(state, reference="shopify:1001"))) == {"state=captured"}
