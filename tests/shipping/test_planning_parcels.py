"""A released order becomes parcels with labels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.orders import ReleasedLine
from services.shipping.domain.packing import PARCELS_MAX, pack
from services.shipping.domain.tracking_number import tracking_number
from tests.shipping.makers import (
    DS1,
    DS2,
    FULFILMENT,
    HEAVY,
    LAMP,
    P1,
    cancelled,
    carrier_label,
    dispatched,
    failed,
    granted,
    own_label,
    parcel,
    planned,
    released,
    requested,
    shipping,
)


def test_an_order_gets_a_parcel_and_the_next_number_of_the_range() -> None:
    """No call is made for a carrier of our own: plan and label are one decision."""
    shipping().given(granted()).when(released()).then(planned(), own_label(DS1, 1))


def test_the_autopilot_hands_the_parcel_over_in_the_same_decision() -> None:
    """Without people between, nothing waits: the order is on its way in one transaction."""
    label = own_label(DS1, 1)
    shipping(autopilot=True).given(granted()).when(released()).then(planned(), label, dispatched(label))


def test_an_order_released_twice_is_planned_once() -> None:
    """A repeated message must not buy a second label."""
    shipping().given(granted(), planned(), own_label(DS1, 1)).when(released()).then_nothing()


def test_a_cancelled_fulfilment_is_not_planned_again() -> None:
    """Whatever is repeated late, a cancelled order stays in the house."""
    world = shipping().given(granted(), planned(carrier="sandbox"), requested(), cancelled())
    world.when(released()).then_nothing()


def test_what_is_too_heavy_for_one_parcel_travels_in_two() -> None:
    """Lines are placed in their order, each into the first parcel that has room."""
    first, second = own_label(DS1, 1, number=1), own_label(DS2, 2, number=2)
    shipping(autopilot=True).given(granted()).when(released(LAMP, HEAVY)).then(
        planned(parcel(("LAMP", 2)), parcel(("ANVIL", 1), number=2, weight_g=29_000)),
        first,
        second,
        dispatched(first, last=False),
        dispatched(second, ("ANVIL", 1), last=True),
    )


def test_a_carrier_with_a_call_is_asked_for_each_parcel() -> None:
    """The requests are recorded first: the calls follow from the state, and survive a crash."""
    after = shipping(carrier="sandbox").when(released(LAMP, HEAVY))
    after.then(
        planned(parcel(), parcel(("ANVIL", 1), number=2, weight_g=29_000), carrier="sandbox"),
        requested(1),
        requested(2),
    )
    calls = after.world.calls()
    assert [key for _, key in calls] == [f"label/{P1}-l1", "label/shopify:1001-p2-l1"]
    assert calls[FULFILMENT, f"label/{P1}-l1"].payload.ship_to.city == "Stockholm"


def test_an_exhausted_range_is_named_for_each_parcel_that_finds_no_number() -> None:
    """The first parcel gets the last number, the second one waits for a person to grant more."""
    reason = "no number left in the range of doorstep"
    after = shipping(autopilot=True).given(granted(last=1)).when(released(LAMP, HEAVY))
    label = own_label(DS1, 1)
    after.then(
        planned(parcel(), parcel(("ANVIL", 1), number=2, weight_g=29_000)),
        label,
        failed(reason, 2, range_exhausted=True),
        dispatched(label, last=False),
    )
    assert "state=label_failed" in after.world.kind(FULFILMENT).tags(after.state(FULFILMENT))


def test_a_range_never_granted_is_an_exhausted_one() -> None:
    """An order that arrives before any number is granted fails visibly, and is not lost."""
    reason = "no number left in the range of doorstep"
    shipping().when(released()).then(planned(), failed(reason, range_exhausted=True))


def test_the_next_block_is_used_when_the_first_is_used_up() -> None:
    """Numbers go on without a gap in service."""
    world = shipping().given(granted(last=1), granted(500, 900, "second"))
    other = released(order="shopify:1002")
    events = world.when(released(), other).events
    assert [e.tracking_number for e in events if hasattr(e, "serial")] == [
        DS1,
        tracking_number("DS", 500, "DE"),
    ]


def test_personal_data_is_forgotten_when_nothing_can_need_it_any_more() -> None:
    """The states of finished orders stay small, and hold no address."""
    label = own_label(DS1, 1)
    state = shipping().given(granted(), planned(), label, dispatched(label)).world.states[FULFILMENT]
    assert (state.ship_to, state.recipient) == (None, None)
    open_state = shipping(carrier="sandbox").given(planned(), carrier_label()).world.states[FULFILMENT]
    assert open_state.ship_to is not None


LINES = st.lists(
    st.builds(
        ReleasedLine,
        line_id=st.just("1"),
        sku=st.sampled_from(("LAMP", "BULB", "SHADE")),
        quantity=st.integers(1, 40),
        weight_g=st.integers(0, 50_000),
    ),
    min_size=1,
    max_size=8,
)


@given(LINES)
def test_packing_loses_nothing_and_adds_nothing(lines: list[ReleasedLine]) -> None:
    """Every unit is in exactly one parcel, and no parcel is empty."""
    boxes = pack(lines, 30_000)
    packed: dict[str, int] = {}
    for box in boxes:
        assert box.units
        for unit in box.units:
            packed[unit.sku] = packed.get(unit.sku, 0) + unit.quantity
    asked: dict[str, int] = {}
    for line in lines:
        asked[line.sku] = asked.get(line.sku, 0) + line.quantity
    assert packed == asked


@given(LINES)
def test_a_parcel_is_over_its_limit_only_when_one_unit_is(lines: list[ReleasedLine]) -> None:
    """A unit heavier than the limit travels alone among heavy things; the fiftieth parcel takes the rest."""
    for box in pack(lines, 30_000)[: PARCELS_MAX - 1]:
        heavy = [unit for unit in box.units if any(x.sku == unit.sku and x.weight_g for x in lines)]
        assert box.weight_g <= 30_000 or heavy[0].quantity == 1


@pytest.mark.parametrize(("quantity", "parcels"), [(1, 1), (6, 1), (7, 2), (13, 3), (100_000, PARCELS_MAX)])
def test_units_of_one_line_spread_over_parcels_up_to_a_bound(quantity: int, parcels: int) -> None:
    """A line of a hundred thousand heavy units must not make a hundred thousand parcels."""
    line = ReleasedLine(line_id="1", sku="LAMP", quantity=quantity, weight_g=5000)
    assert len(pack([line], 30_000)) == parcels
