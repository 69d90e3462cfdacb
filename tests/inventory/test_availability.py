"""Others are told what can be sold: to and from zero at once, everything else once per second at most."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.inventory.domain.availability import end_of_period
from services.inventory.settings import InventorySettings
from services.inventory.wiring import declare
from tests.inventory.samples import (
    BACK,
    LAMP,
    MUG,
    NEXT_SECOND,
    ORDER,
    OTHER_ORDER,
    accepted,
    cancelled,
    in_stock,
    inventory,
    line,
    parcel,
    receive,
    received,
    registered,
    reserved,
    told,
    units,
)
from tests.spec import NOON, Spec, Timer

ANNOUNCE = Timer(f"sku/{LAMP}", "announce")
DUE = (f"sku/{LAMP}", "announce")


def test_the_first_units_of_a_sku_are_told_at_once() -> None:
    """From zero: an order may be waiting for them."""
    inventory.given(registered()).when(receive(5)).then(received(5, reference="DN-17"), told(5))


def test_a_promise_of_the_last_units_is_told_at_once() -> None:
    """To zero: a channel must not sell what is gone."""
    inventory.given(*in_stock(2)).when(accepted(units(2))).then(reserved(line(2)), told(0, on_hand=2))


def test_units_at_any_place_keep_a_sku_above_zero() -> None:
    """What can be sold is counted over all places."""
    inventory.given(*in_stock(2), received(1, location=BACK), told(3)).when(accepted(units(2))).then(
        reserved(line(2))
    )


def test_each_sku_of_an_order_is_told_for_itself() -> None:
    """Only the one that ran out."""
    inventory.given(*in_stock(2), *in_stock(9, MUG)).when(accepted(units(2), units(1, MUG))).then(
        reserved(line(2), line(1, MUG)), told(0, on_hand=2)
    )


def test_any_other_change_waits_for_the_end_of_the_period() -> None:
    """The timer is a function of what was told and what is: due when the SKU may be spoken of again."""
    then = inventory.given(*in_stock(5)).when(accepted(units(2)))
    then.then(reserved(line(2)))
    assert then.world.timers()[DUE] == NEXT_SECOND


def test_at_the_end_of_the_period_the_newest_number_is_told_once() -> None:
    """A hundred orders within a second are one event, and its number is the last one."""
    orders = [accepted(units(1), order=f"shopify:{n}") for n in range(100)]
    given = inventory.given(*in_stock(500))
    assert all(event.TYPE == "inventory.StockReserved.v1" for event in given.when(*orders).events)
    then = given.at(NEXT_SECOND).when(ANNOUNCE, ANNOUNCE)
    then.then(told(400, on_hand=500, at=NEXT_SECOND))
    assert DUE not in then.world.timers()


def test_a_change_and_its_opposite_are_no_news() -> None:
    """Reserved and cancelled within the period: nobody needs to hear of it."""
    then = inventory.given(*in_stock(5)).when(accepted(units(2)), cancelled())
    assert DUE not in then.world.timers()
    inventory.given(*in_stock(5)).at(NEXT_SECOND).when(ANNOUNCE).then_nothing()


def test_a_crossing_within_the_period_is_told_all_the_same() -> None:
    """Quiet is for noise: to zero, from zero, to zero again are three facts."""
    orders = (accepted(units(2)), cancelled(), accepted(units(2), order=OTHER_ORDER))
    then = inventory.given(*in_stock(2)).when(*orders)
    assert [event.available for event in then.events if event.TYPE.endswith("AvailabilityChanged.v2")] == [
        0,
        2,
        0,
    ]


def test_dispatching_promised_units_is_not_told_again() -> None:
    """On hand and reserved fall together."""
    then = inventory.given(*in_stock(5)).when(accepted(units(2)), parcel(units(2)))
    assert then.world.state(f"sku/{LAMP}").available == 3
    at_end = inventory.given(*in_stock(5), reserved(line(2)), told(3, on_hand=5)).when(parcel(units(2)))
    assert DUE not in at_end.world.timers()


def test_a_timer_for_a_sku_that_nobody_knows_does_nothing() -> None:
    """Nothing can be said of it."""
    inventory.when(Timer("sku/GHOST", "announce")).then_nothing()


def test_the_period_is_the_shops_policy() -> None:
    """A marketplace that allows few calls gets few events."""
    calm = Spec(declare(InventorySettings(announce_after_seconds=300)))
    then = calm.given(registered()).when(receive(5), accepted(units(1), order=ORDER))
    assert then.world.timers()[DUE] == NOON + timedelta(seconds=300)


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("12:00:00", "12:00:05"),
        ("12:00:03.25", "12:00:05"),
        ("12:00:04.999999", "12:00:05"),
        ("12:00:05", "12:00:10"),
    ],
)
def test_periods_end_for_all_skus_at_the_same_moment(now: str, end: str) -> None:
    """So that what is due is told in one transaction; and always later than now, so that it ends."""
    day = datetime(2026, 11, 21, tzinfo=UTC).date()
    moment, expected = (
        datetime.combine(day, datetime.strptime(t, "%H:%M:%S.%f" if "." in t else "%H:%M:%S").time(), UTC)  # noqa: DTZ007
        for t in (now, end)
    )
    assert end_of_period(moment, timedelta(seconds=5)) == expected
