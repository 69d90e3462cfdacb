"""Billing answers: the money is there, refused, given back; invoices are noted."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from contracts import billing, orders
from contracts.event import Event
from contracts.orders import HoldReason
from contracts.placed_order import PaymentFacts
from services.orders.domain.policies import OrderPolicies
from services.orders.wiring import declare
from tests.orders.situations import (
    ADA,
    AN_ORDER_ACCEPTED,
    AN_ORDER_BILLED,
    AN_ORDER_CANCELLED,
    AN_ORDER_FULFILLED,
    AN_ORDER_PAID,
    BERLIN,
    ENTITY,
    ID,
    LIMIT,
    PAYMENT_FAILED,
    RELEASED,
    cancelled,
    held,
    hold_released,
    order,
    payment_captured,
    payment_confirmed,
    received,
    spec,
    stock_reserved,
    told,
)
from tests.spec import NOON, Spec, Timer

FAILED_HOLD = held(HoldReason.PAYMENT_FAILED, "card declined")


def test_a_paid_order_is_released() -> None:
    """Reserved, paid, nothing open: the warehouse is told everything it needs."""
    spec.given(*AN_ORDER_BILLED).when(payment_captured()).then(payment_confirmed(), RELEASED)


def test_a_repeated_capture_does_nothing() -> None:
    """Released once."""
    spec.given(*AN_ORDER_BILLED).when(payment_captured(), payment_captured()).then(
        payment_confirmed(), RELEASED
    )


def test_a_paid_order_with_an_open_hold_is_not_released() -> None:
    """The money is noted; the goods wait for the person."""
    spec.given(*AN_ORDER_BILLED, held(HoldReason.MANUAL, "mira: wait")).when(payment_captured()).then(
        payment_confirmed()
    )


def test_money_for_a_cancelled_order_is_noted() -> None:
    """Billing gives it back by itself; the order's history has to show both."""
    spec.given(*AN_ORDER_CANCELLED).when(payment_captured()).then(payment_confirmed())


def test_a_failed_payment_holds_the_order_up_to_its_limit() -> None:
    """The stock is not kept for ever for somebody who does not pay."""
    spec.given(*AN_ORDER_BILLED).when(PAYMENT_FAILED, PAYMENT_FAILED).then(FAILED_HOLD)


@pytest.mark.parametrize(
    "history", [AN_ORDER_ACCEPTED, AN_ORDER_PAID, AN_ORDER_CANCELLED, AN_ORDER_FULFILLED]
)
def test_a_failure_that_nobody_waits_for_does_nothing(history: tuple[Event, ...]) -> None:
    """Not asked for, paid meanwhile, or ended."""
    spec.given(*history).when(PAYMENT_FAILED).then_nothing()


def test_money_that_comes_after_all_releases_the_hold() -> None:
    """The gateway's answer was late, or the customer paid: nobody has to click."""
    spec.given(*AN_ORDER_BILLED, FAILED_HOLD).when(payment_captured()).then(
        payment_confirmed(), hold_released(HoldReason.PAYMENT_FAILED, "paid"), RELEASED
    )


def test_at_the_limit_an_unpaid_order_is_cancelled() -> None:
    """Payment failed, then cancelled at its limit: stock and customer are not kept waiting."""
    given = spec.given(*AN_ORDER_BILLED, FAILED_HOLD)
    assert given.world.timers() == {(ENTITY, "hold_limit"): NOON + LIMIT}
    given.at(NOON + LIMIT).when(Timer(ENTITY, "hold_limit"), Timer(ENTITY, "hold_limit")).then(
        cancelled("on hold for payment_failed beyond its limit: card declined", "doorstep")
    )


def test_a_timer_that_comes_too_early_or_finds_the_hold_gone_does_nothing() -> None:
    """Timers may fire again after a restart."""
    given = spec.given(*AN_ORDER_BILLED, FAILED_HOLD)
    given.at(NOON + LIMIT - timedelta(seconds=1)).when(Timer(ENTITY, "hold_limit")).then_nothing()
    spec.given(*AN_ORDER_PAID).when(Timer(ENTITY, "hold_limit")).then_nothing()


def test_without_a_limit_the_hold_stays() -> None:
    """A shop may prefer to look itself."""
    patient = Spec(declare(OrderPolicies(payment_hold_limit=timedelta()), told))
    after = patient.given(*AN_ORDER_BILLED).when(PAYMENT_FAILED)
    assert after.state(ENTITY).holds[0].expires_at is None
    assert after.world.timers() == {}


@pytest.mark.parametrize(
    ("said", "asked"), [("paid", "authorised"), ("authorised", "authorised"), ("unpaid", "unpaid")]
)
def test_the_gateway_collects_where_the_channel_does_not(said: str, asked: str) -> None:
    """`payment = "gateway"`: paid at the channel is only a promise there."""
    ours = Spec(declare(OrderPolicies(gateway_channels=frozenset({"shop"})), told))
    placed = order(payment=PaymentFacts(state=said, reference="tx-1"))  # type: ignore[arg-type]
    (event,) = ours.given(received(placed), AN_ORDER_ACCEPTED[1]).when(stock_reserved()).events
    assert isinstance(event, orders.PaymentRequested)
    assert event.payment == PaymentFacts(state=asked, reference="tx-1")  # type: ignore[arg-type]


def refunded(refund_id: str) -> Event:
    return billing.PaymentRefunded(
        order_id=ID,
        refund_id=refund_id,
        reference="r",
        currency="EUR",
        amount_minor=6290,
        recipient=ADA,
        entry=billing.JournalEntry(currency="EUR", postings=()),
    )


def test_a_refund_is_noted_once() -> None:
    """The order shows what was given back, and never twice."""
    after = spec.given(*AN_ORDER_PAID, cancelled("sorry", "mira")).when(refunded("r1"), refunded("r1"))
    after.then(orders.RefundConfirmed(order_id=ID, refund_id="r1", amount_minor=6290))
    assert after.state(ENTITY).refunded_minor == 6290


def invoiced(number: str) -> Event:
    return billing.InvoiceIssued(
        order_id=ID,
        number=number,
        series="DE",
        sequence=1,
        issued_on=date(2026, 11, 21),
        parcel_id="p1",
        currency="EUR",
        buyer=BERLIN,
        lines=(),
        vat=(),
        net_minor=5286,
        tax_minor=1004,
        total_minor=6290,
        entry=billing.JournalEntry(currency="EUR", postings=()),
    )


def test_an_invoice_is_noted_once() -> None:
    """Its number is how a customer asks about the order."""
    after = spec.given(*AN_ORDER_FULFILLED).when(invoiced("DE-1"), invoiced("DE-1"))
    after.then(orders.InvoiceNoted(order_id=ID, number="DE-1", total_minor=6290))
    assert after.state(ENTITY).invoices == ("DE-1",)
