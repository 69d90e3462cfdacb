"""Handing parcels over to the carrier, by a person."""

from __future__ import annotations

from services.shipping.domain.commands import DispatchFulfilment
from tests.shipping.makers import (
    DS1,
    DS2,
    FULFILMENT,
    P1,
    P2,
    cancelled,
    dispatched,
    failed,
    granted,
    own_label,
    parcel,
    planned,
    refused,
    requested,
    shipping,
    voided,
)
from tests.spec import Given

ALL = DispatchFulfilment(order_id="shopify:1001", actor="mia", reason="van at the door")
FIRST = DispatchFulfilment(order_id="shopify:1001", actor="mia", parcels=(P1,))
SECOND = DispatchFulfilment(order_id="shopify:1001", actor="mia", parcels=(P2,))
ANVIL = ("ANVIL", 1)
one, two = own_label(DS1, 1), own_label(DS2, 2, number=2)
plan_of_two = planned(parcel(), parcel(ANVIL, number=2))


def labelled() -> Given:
    """Both parcels are ready to leave."""
    return shipping().given(granted(), plan_of_two, one, two)


def test_all_labelled_parcels_are_handed_over_and_the_last_one_says_so() -> None:
    """The others wait for `last` to call the order fulfilled."""
    labelled().when(ALL).then(
        dispatched(one, actor="mia", reason="van at the door", last=False),
        dispatched(two, ANVIL, actor="mia", reason="van at the door", last=True),
    )


def test_a_second_hand_over_does_nothing() -> None:
    """A double click hands nothing over twice."""
    gone = dispatched(one, last=False), dispatched(two, ANVIL)
    shipping().given(granted(), plan_of_two, one, two, *gone).when(ALL).then_nothing()


def test_parcels_can_be_handed_over_one_by_one_in_any_order() -> None:
    """`last` belongs to whichever leaves last, not to the highest number."""
    labelled().when(SECOND, FIRST, FIRST).then(
        dispatched(two, ANVIL, actor="mia", last=False), dispatched(one, actor="mia", last=True)
    )


def test_without_a_label_nothing_leaves() -> None:
    """The refusal names the parcel and why it has no label."""
    none_left = failed("no number left in the range of doorstep", range_exhausted=True)
    shipping().given(planned(), none_left).when(ALL).then(
        refused(
            "DispatchFulfilment",
            "label_failed",
            f"{P1} has no label: no number left in the range of doorstep",
            "RetryLabel",
        )
    )


def test_while_the_carrier_is_asked_nothing_leaves() -> None:
    """The label is not there yet; nothing but waiting helps."""
    asking = shipping(carrier="sandbox").given(planned(carrier="sandbox"), requested())
    asking.when(ALL).then(refused("DispatchFulfilment", "labelling", f"{P1} has no label"))


def test_without_names_what_is_ready_leaves_and_the_rest_stays() -> None:
    """One failed label does not keep the other parcel in the house."""
    world = shipping().given(granted(last=1), plan_of_two, one, failed("none left", 2, range_exhausted=True))
    world.when(ALL).then(dispatched(one, actor="mia", reason="van at the door", last=False))


def test_named_parcels_are_handed_over_all_or_none() -> None:
    """A list that a person typed is taken as a whole, so that the reply is never half a yes."""
    both = DispatchFulfilment(order_id="shopify:1001", actor="mia", parcels=(P1, P2))
    world = shipping().given(granted(last=1), plan_of_two, one, failed("none left", 2, range_exhausted=True))
    world.when(both).then(
        refused(
            "DispatchFulfilment",
            "label_failed",
            f"{P2} has no label: none left",
            "DispatchFulfilment",
            "RecordScan",
            "RetryLabel",
        )
    )


def test_a_parcel_of_another_order_is_refused() -> None:
    """A wrong scan at the door must not dispatch anything."""
    stray = DispatchFulfilment(order_id="shopify:1001", actor="mia", parcels=("shopify:7-p1",))
    reason = "shopify:7-p1 is no parcel of this fulfilment"
    labelled().when(stray).then(
        refused("DispatchFulfilment", "labelled", reason, "DispatchFulfilment", "RecordScan")
    )


def test_a_cancelled_fulfilment_does_not_leave() -> None:
    """The parcel may still lie at the door with a printed label."""
    stopped = shipping().given(granted(), planned(), one, cancelled(DS1), voided(DS1))
    stopped.when(ALL).then(
        refused("DispatchFulfilment", "cancelled", "the fulfilment was cancelled, its labels are void")
    )
    assert stopped.world.states[FULFILMENT].state == "cancelled"
