"""The channel sends the order again: the same, older, newer, cancelled. In whatever order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations

import pytest

from contracts.address import Address
from contracts.event import Event
from contracts.inventory import Short
from contracts.orders import CancellationRequested, HoldReason, RefundReported
from contracts.placed_order import PaymentFacts, Units
from services.orders.domain.revising import BILL_CHANGED, BUYER_CHANGED
from services.orders.domain.rules import PARTLY_REFUNDED
from services.orders.domain.states import displayed
from tests.orders.situations import (
    AN_ORDER_ACCEPTED,
    AN_ORDER_BILLED,
    AN_ORDER_CANCELLED,
    AN_ORDER_FULFILLED,
    AN_ORDER_RELEASED,
    BERLIN,
    BULB,
    ENTITY,
    ID,
    LAMP,
    PAYMENT_FAILED,
    accepted,
    cancelled,
    held,
    hold_released,
    line,
    order,
    parcel_dispatched,
    payment_requested,
    place,
    received,
    reservation_refused,
    revised,
    spec,
    stock_reserved,
    too_late,
)

GONE = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
TWO_LAMPS = order(version=2, lines=(line(LAMP, 2, 10000),), total_minor=10490)
CANCELLED = order(version=2, cancelled_at=GONE, cancel_reason="customer")


def test_an_older_version_does_nothing() -> None:
    """A late retry of the creation must not undo what was changed since."""
    spec.given(received(order(version=2)), accepted()).when(place(order(version=1))).then_nothing()


def test_changed_lines_are_reserved_anew() -> None:
    """The new attempt replaces the old reservation; an answer to the old one is stale."""
    spec.given(*AN_ORDER_ACCEPTED).when(place(TWO_LAMPS), stock_reserved(attempt=1)).then(
        revised(TWO_LAMPS, "lines, total"), accepted(2, (Units(sku=LAMP, quantity=2),), 10490)
    )


def test_a_version_in_which_nothing_moved_is_remembered() -> None:
    """Otherwise version 2, arriving after version 3, would be taken for news."""
    untouched = order(version=3)
    given = spec.given(*AN_ORDER_ACCEPTED)
    given.when(place(untouched)).then(revised(untouched, "nothing that matters"))
    given.when(place(TWO_LAMPS)).then_nothing()


def test_a_corrected_total_releases_its_hold() -> None:
    """The cause is gone, so nobody has to click."""
    wrong, right = order(total_minor=6300), order(version=2)
    given = spec.when(place(wrong)).world
    hold = given.states[ENTITY].holds[0]
    spec.given(received(wrong), held(hold.reason, hold.detail)).when(place(right)).then(
        revised(right, "total"),
        hold_released(HoldReason.TOTALS_MISMATCH, "corrected at the channel"),
        accepted(),
    )


def test_a_hold_that_a_person_released_is_not_placed_again_for_the_same_finding() -> None:
    """Channels touch orders all the time; a decision once taken stands."""
    wrong = order(ship_to=replace(BERLIN, line1=""))
    again = replace(wrong, version=2, tax_minor=1000)
    detail = "the delivery address lacks a street or company"
    spec.given(
        received(wrong),
        held(HoldReason.ADDRESS_INVALID, detail),
        hold_released(HoldReason.ADDRESS_INVALID, "checked on the map", "mira"),
        accepted(),
    ).when(place(again)).then(revised(again, "nothing that matters"))


def test_a_new_fault_holds_an_accepted_order() -> None:
    """The address was good and is no longer: nothing may leave."""
    nowhere = order(version=2, ship_to=None)
    spec.given(*AN_ORDER_ACCEPTED).when(place(nowhere), stock_reserved()).then(
        revised(nowhere, "address"), held(HoldReason.ADDRESS_INVALID, "there is no delivery address")
    )


def test_changed_lines_end_the_wait_for_stock() -> None:
    """What the order waited for is no longer what it asks for."""
    short = reservation_refused(Short(sku=BULB, asked=2, available=0))
    spec.given(*AN_ORDER_ACCEPTED).when(short, place(TWO_LAMPS)).then(
        held(HoldReason.STOCK_SHORT, "BULB: 2 asked, 0 available", (Units(sku=BULB, quantity=2),)),
        revised(TWO_LAMPS, "lines, total"),
        hold_released(HoldReason.STOCK_SHORT, "the lines were changed at the channel"),
        accepted(2, (Units(sku=LAMP, quantity=2),), 10490),
    )


def test_an_order_that_the_channel_now_calls_paid_is_no_longer_held_for_its_payment() -> None:
    """The customer paid at the channel after our capture failed."""
    unpaid = order(payment=PaymentFacts(state="unpaid"))
    paid = order(version=2)
    billed = payment_requested(1, unpaid)
    spec.given(received(unpaid), accepted(), billed).when(PAYMENT_FAILED, place(paid)).then(
        held(HoldReason.PAYMENT_FAILED, "card declined"),
        revised(paid, "payment"),
        hold_released(HoldReason.PAYMENT_FAILED, "paid at the channel"),
        payment_requested(2, paid),
    )


def test_a_bill_that_changes_after_it_was_sent_is_looked_at_by_a_person() -> None:
    """Billing collects what it was first told; the difference is not guessed."""
    dearer = order(version=2, lines=(line(LAMP, 1, 6000), line(BULB, 2, 800)), total_minor=7290)
    spec.given(*AN_ORDER_BILLED).when(place(dearer)).then(
        revised(dearer, "lines, total"), held(HoldReason.MANUAL, BILL_CHANGED)
    )


@pytest.mark.parametrize("bill_to", [replace(BERLIN, company="Lovelace GmbH"), None])
def test_another_buyer_after_the_bill_was_sent_is_looked_at_by_a_person(bill_to: Address | None) -> None:
    """No amount moved, and yet the invoice would be made out to the wrong one: a company that wants its tax back."""
    before = order(bill_to=replace(BERLIN, name="Ada Lovelace"))
    corrected = replace(before, version=2, bill_to=bill_to)
    billed = payment_requested(1, before)
    spec.given(received(before), accepted(), billed).when(place(corrected)).then(
        revised(corrected, "billing address"), held(HoldReason.MANUAL, BUYER_CHANGED)
    )


def test_another_buyer_before_the_bill_is_sent_holds_nothing() -> None:
    """Billing is told of the newer one."""
    corrected = order(version=2, bill_to=replace(BERLIN, company="Lovelace GmbH"))
    spec.given(*AN_ORDER_ACCEPTED).when(place(corrected)).then(revised(corrected, "billing address"))


def test_a_reason_that_a_person_gave_is_kept_when_another_joins_it() -> None:
    """Both are on the manual desk; neither may hide the other."""
    dearer = order(version=2, lines=(line(LAMP, 1, 6000), line(BULB, 2, 800)), total_minor=7290)
    spec.given(*AN_ORDER_BILLED, held(HoldReason.MANUAL, "mira: call first")).when(place(dearer)).then(
        revised(dearer, "lines, total"), held(HoldReason.MANUAL, f"mira: call first; {BILL_CHANGED}")
    )


def test_a_hold_of_a_person_is_not_released_by_a_correction() -> None:
    """The channel's fault is cured, but somebody asked to be called first."""
    voided, paid = order(payment=PaymentFacts(state="voided")), order(version=2)
    spec.given(received(voided), held(HoldReason.MANUAL, "mira: call first")).when(place(paid)).then(
        revised(paid, "payment")
    )


def test_money_given_back_at_the_channel_after_release_is_noted() -> None:
    """The goods may still be stopped by a person; that the channel calls its money collected is no news."""
    refunded = order(version=2, payment=PaymentFacts(state="refunded"))
    spec.given(*AN_ORDER_RELEASED).when(
        place(order(version=2, payment=PaymentFacts(state="authorised"))), place(refunded)
    ).then(too_late(refunded, "the order is released: too late for payment"))


def test_money_given_back_in_part_stops_an_order_that_is_still_ours() -> None:
    """Whether it is paid already or not; once the warehouse has it, that is noted."""
    in_part = order(version=2, payment=PaymentFacts(state="paid", refunded_in_part=True))
    for history in (AN_ORDER_ACCEPTED, AN_ORDER_BILLED):
        spec.given(*history).when(place(in_part)).then(
            revised(in_part, "payment"), held(HoldReason.MANUAL, PARTLY_REFUNDED)
        )
    spec.given(*AN_ORDER_RELEASED).when(place(in_part)).then(
        too_late(in_part, "the order is released: too late for payment")
    )


def test_a_cancellation_at_the_channel_ends_an_order_that_is_still_ours() -> None:
    """The version is kept with it, so that older messages stay old."""
    spec.given(*AN_ORDER_ACCEPTED).when(place(CANCELLED)).then(
        revised(CANCELLED, "cancellation"), cancelled("customer", "shop", by_channel=True)
    )


def test_a_cancellation_at_the_channel_is_asked_of_the_warehouse_once_released() -> None:
    """Only shipping knows whether it can still be stopped; asked once, however often the channel says it."""
    newer = replace(CANCELLED, version=3)
    spec.given(*AN_ORDER_RELEASED).when(place(CANCELLED), place(newer)).then(
        too_late(CANCELLED, "the order is released: too late for cancellation"),
        CancellationRequested(order_id=ID, reason="customer", actor="shop"),
    )


def test_a_change_after_release_is_noted_and_not_applied() -> None:
    """The goods are being packed: a person sees that what ships is not what the channel now says."""
    moved = order(version=2, ship_to=replace(BERLIN, line1="Elsewhere 1"))
    spec.given(*AN_ORDER_RELEASED).when(place(moved)).then(
        too_late(moved, "the order is released: too late for address")
    )


@pytest.mark.parametrize("history", [AN_ORDER_RELEASED, AN_ORDER_FULFILLED])
def test_a_version_in_which_nothing_moved_says_nothing_after_release(history: tuple[Event, ...]) -> None:
    """Channels touch an order with each scan of its parcels; that is no history of ours."""
    spec.given(*history).when(place(order(version=2))).then_nothing()


def test_a_cancellation_after_the_end_is_noted() -> None:
    """A return is the way back; the note tells who reads the order."""
    spec.given(*AN_ORDER_FULFILLED).when(place(CANCELLED)).then(
        too_late(CANCELLED, "the order is fulfilled: too late for cancellation")
    )


REFUNDED = order(version=2, payment=PaymentFacts(state="refunded"))


def test_money_given_back_at_the_channel_after_a_cancellation_here_is_reported_once() -> None:
    """Billing waits for it; the channel repeats itself with each touch of the order."""
    again = replace(REFUNDED, version=3)
    spec.given(*AN_ORDER_CANCELLED).when(place(REFUNDED), place(again)).then(
        too_late(REFUNDED, "the order is cancelled: too late for refund"),
        RefundReported(order_id=ID, channel="shop"),
    )


def test_a_cancellation_that_follows_at_the_channel_is_no_refund() -> None:
    """Cancelled there too, and still called paid: nobody has given anything back."""
    spec.given(*AN_ORDER_CANCELLED).when(place(CANCELLED)).then(
        too_late(CANCELLED, "the order is cancelled: too late for cancellation")
    )


def test_a_cancelled_order_stays_cancelled() -> None:
    """Its stock and its money went back: a newer version cannot bring it to life."""
    after = (
        spec.given(*AN_ORDER_CANCELLED)
        .when(place(TWO_LAMPS))
        .then(too_late(TWO_LAMPS, "the order is cancelled: too late for lines, total"))
    )
    assert displayed(after.state(ENTITY)) == "cancelled"


VERSIONS = (
    order(),
    order(version=2, ship_to=None),
    replace(TWO_LAMPS, version=3),
    replace(TWO_LAMPS, version=4, cancelled_at=GONE),
)


@pytest.mark.parametrize("upto", [2, 3, 4])
def test_any_order_of_arrival_ends_in_the_same_state(upto: int) -> None:
    """CAP-04: out of order, doubled or missing its predecessor, the newest version is what counts."""
    ends = set()
    for arrival in permutations(VERSIONS[:upto]):
        after = spec.when(*(place(version) for version in (*arrival, *arrival)))
        order_now = after.state(ENTITY)
        ends.add(
            (displayed(order_now), order_now.version, order_now.total_minor, order_now.cancelled_at_channel)
        )
    assert len(ends) == 1, ends


def test_a_parcel_of_a_cancelled_order_is_not_silently_taken() -> None:
    """It should not exist: the message is parked for a person, by raising."""
    with pytest.raises(Exception, match="ParcelHandedOver cannot follow in state cancelled"):
        spec.given(*AN_ORDER_CANCELLED).when(parcel_dispatched("p1", last=True))
