"""Shipping hands over, follows parcels, and answers whether the order could still be stopped."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts import orders, shipping
from contracts.event import Event
from contracts.placed_order import PaymentFacts, Units
from contracts.shipping import Milestone
from services.orders.domain.deciding import TOO_LATE
from services.orders.domain.machine import IllegalTransition
from tests.orders.situations import (
    AN_ORDER_CANCELLED,
    AN_ORDER_CANCELLING,
    AN_ORDER_FULFILLED,
    AN_ORDER_PAID,
    AN_ORDER_RELEASED,
    BULB,
    CANCELLATION_REFUSED,
    DEMAND,
    ENTITY,
    FULFILLED,
    FULFILMENT_CANCELLED,
    ID,
    LAMP,
    cancelled,
    handed_over,
    order,
    parcel_dispatched,
    place,
    spec,
)

ONE_LAMP, TWO_BULBS = Units(sku=LAMP, quantity=1), Units(sku=BULB, quantity=2)
DECLINED = orders.CancellationDeclined(order_id=ID, reason="a parcel is with the carrier")


def test_the_last_parcel_fulfils_the_order() -> None:
    """Every line is with a carrier."""
    after = spec.given(*AN_ORDER_RELEASED).when(parcel_dispatched("p1", *DEMAND, last=True))
    after.then(handed_over("p1", *DEMAND), FULFILLED)
    assert after.state(ENTITY).placed is None


def test_two_parcels_fulfil_the_order_with_the_second() -> None:
    """A part that left is history, not the end."""
    spec.given(*AN_ORDER_RELEASED).when(
        parcel_dispatched("p1", ONE_LAMP, last=False), parcel_dispatched("p2", TWO_BULBS, last=True)
    ).then(handed_over("p1", ONE_LAMP), handed_over("p2", TWO_BULBS), FULFILLED)


def test_the_same_parcel_again_does_nothing() -> None:
    """Neither before nor after the end."""
    dispatched = parcel_dispatched("p1", *DEMAND, last=True)
    spec.given(*AN_ORDER_FULFILLED).when(dispatched).then_nothing()
    spec.given(*AN_ORDER_RELEASED, handed_over("p1", ONE_LAMP)).when(
        parcel_dispatched("p1", ONE_LAMP, last=False)
    ).then_nothing()


def test_a_last_parcel_that_leaves_units_behind_does_not_fulfil() -> None:
    """The customer did not get everything: the order stays open for a person to see."""
    spec.given(*AN_ORDER_RELEASED).when(parcel_dispatched("p1", ONE_LAMP, last=True)).then(
        handed_over("p1", ONE_LAMP)
    )


def test_an_order_is_not_fulfilled_while_shipping_says_there_is_more() -> None:
    """Shipping may pack a gift that no line names: it has the last word on what is left in the house."""
    spec.given(*AN_ORDER_RELEASED).when(parcel_dispatched("p1", *DEMAND, last=False)).then(
        handed_over("p1", *DEMAND)
    )


def test_a_parcel_of_an_order_that_was_not_released_is_an_error() -> None:
    """It is parked: either shipping or we are wrong, and a person has to know."""
    with pytest.raises(IllegalTransition):
        spec.given(*AN_ORDER_PAID).when(parcel_dispatched("p1", *DEMAND, last=True))


def test_a_parcel_that_leaves_while_we_ask_to_stop_it_settles_the_question() -> None:
    """The order is fulfilled; the refusal that follows finds it decided."""
    declined = orders.CancellationDeclined(order_id=ID, reason=TOO_LATE)
    spec.given(*AN_ORDER_CANCELLING).when(
        parcel_dispatched("p1", *DEMAND, last=True), CANCELLATION_REFUSED
    ).then(handed_over("p1", *DEMAND), declined, FULFILLED)


def test_a_stopped_fulfilment_cancels_the_order_for_the_reason_that_was_given() -> None:
    """The history tells who wanted it, not who carried it out; again does nothing."""
    spec.given(*AN_ORDER_CANCELLING).when(FULFILMENT_CANCELLED, FULFILMENT_CANCELLED).then(
        cancelled("changed my mind", "mira")
    )


@pytest.mark.parametrize(
    "told",
    [
        {"cancelled_at": datetime(2026, 11, 21, 12, 30, tzinfo=UTC)},
        {"payment": PaymentFacts(state="refunded", reference="tx-1")},
    ],
)
def test_what_the_channel_ended_meanwhile_is_the_channels_to_give_back(told: dict[str, Any]) -> None:
    """A person asked the warehouse, the channel spoke before it answered: the refund was made there."""
    after = spec.given(*AN_ORDER_CANCELLING).when(place(order(version=2, **told)), FULFILMENT_CANCELLED)
    assert after.events[-1] == cancelled("changed my mind", "mira", by_channel=True)


def test_a_parcel_is_labelled_until_the_carrier_scans_it() -> None:
    """One rule for everybody: handed over is ours to say, picked up is the carrier's."""
    after = spec.given(*AN_ORDER_RELEASED).when(parcel_dispatched("p1", *DEMAND, last=True))
    assert after.state(ENTITY).parcel("p1").milestone is Milestone.LABEL_CREATED


def test_a_fulfilment_that_the_warehouse_stopped_by_itself_cancels_the_order() -> None:
    """Nothing will be shipped: the order must not wait for ever."""
    spec.given(*AN_ORDER_RELEASED).when(FULFILMENT_CANCELLED).then(cancelled("asked to stop", "shipping"))


def test_a_fulfilment_cannot_be_cancelled_after_a_parcel_left() -> None:
    """Money would go back for goods that are on their way: parked instead."""
    with pytest.raises(IllegalTransition, match="a parcel was handed over"):
        spec.given(*AN_ORDER_CANCELLING, handed_over("p1", ONE_LAMP)).when(FULFILMENT_CANCELLED)


def test_a_refused_cancellation_lets_the_order_go_on() -> None:
    """Released again, with the reason in its history; the same refusal again does nothing."""
    after = spec.given(*AN_ORDER_CANCELLING).when(CANCELLATION_REFUSED, CANCELLATION_REFUSED).then(DECLINED)
    assert after.state(ENTITY).state == "released"


@pytest.mark.parametrize("history", [AN_ORDER_CANCELLED, AN_ORDER_FULFILLED, AN_ORDER_PAID])
def test_answers_that_nobody_waits_for_do_nothing(history: tuple[Event, ...]) -> None:
    """The question was settled otherwise, or never asked."""
    spec.given(*history).when(FULFILMENT_CANCELLED, CANCELLATION_REFUSED).then_nothing()


def scanned(milestone: Milestone, *, advanced: bool = True) -> Event:
    return shipping.ParcelScanned(
        order_id=ID,
        parcel_id="p1",
        scan_id=f"s-{milestone}",
        milestone=milestone,
        carrier_code="X",
        scanned_at=datetime(2026, 11, 22, tzinfo=UTC),
        advanced=advanced,
    )


def progressed(milestone: Milestone) -> Event:
    return orders.ParcelProgressed(order_id=ID, parcel_id="p1", milestone=milestone.value)


def test_a_parcel_moves_along_its_milestones() -> None:
    """What the customer asks about, in the order's own history; scans that moved nothing are not."""
    after = spec.given(*AN_ORDER_FULFILLED).when(
        scanned(Milestone.IN_TRANSIT),
        scanned(Milestone.IN_TRANSIT),
        scanned(Milestone.PICKED_UP, advanced=False),
        scanned(Milestone.DELIVERED),
    )
    after.then(progressed(Milestone.IN_TRANSIT), progressed(Milestone.DELIVERED))
    assert after.state(ENTITY).parcels[0].tracking_number == "T-p1"


def test_a_scan_before_the_hand_over_does_not_count_as_one() -> None:
    """Carriers announce parcels: the hand-over still has to come."""
    spec.given(*AN_ORDER_RELEASED).when(
        scanned(Milestone.LABEL_CREATED), parcel_dispatched("p1", *DEMAND, last=True)
    ).then(progressed(Milestone.LABEL_CREATED), handed_over("p1", *DEMAND), FULFILLED)
