"""An accepted order is promised everything at one point in time, or nothing."""

from __future__ import annotations

from datetime import timedelta

from contracts.inventory import ReservationExpired, ReservationRefused, ReservationReleased, Short
from services.inventory.settings import InventorySettings
from services.inventory.wiring import declare
from tests.inventory.samples import (
    BACK,
    EXPIRES,
    GHOST,
    LAMP,
    MAIN,
    MUG,
    ORDER,
    OTHER_ORDER,
    accepted,
    in_stock,
    inventory,
    line,
    received,
    registered,
    reserved,
    told,
    units,
)
from tests.spec import NOON, Spec


def refused(*short: Short, order: str = ORDER, attempt: int = 1) -> ReservationRefused:
    return ReservationRefused(order_id=order, attempt=attempt, short=short)


def test_an_order_that_can_be_met_is_promised_its_units_for_seven_days() -> None:
    """The promise names places and ends by itself: unpaid orders must not hold stock for ever."""
    inventory.given(*in_stock(5)).when(accepted(units(2))).then(reserved(line(2)))


def test_how_long_a_promise_lasts_is_the_shops_policy() -> None:
    """A shop with instant payment frees abandoned carts sooner."""
    quick = Spec(declare(InventorySettings(reservation_minutes=15)))
    quick.given(*in_stock(5)).when(accepted(units(2))).then(
        reserved(line(2), expires_at=NOON + timedelta(minutes=15))
    )


def test_the_last_unit_goes_to_one_order_only() -> None:
    """The second order is refused and told how many were left."""
    inventory.given(*in_stock(1)).when(
        accepted(units(1)), accepted(units(1), order=OTHER_ORDER)
    ).then(
        reserved(line(1)),
        told(0, on_hand=1),
        refused(Short(sku=LAMP, asked=1, available=0), order=OTHER_ORDER),
    )  # fmt: skip


def test_what_an_order_was_refused_for_is_told_at_once() -> None:
    """Units that come back later are news then; else the order would wait for what is there."""
    inventory.given(*in_stock(5), told(5), reserved(line(4))).when(
        accepted(units(2), order=OTHER_ORDER)
    ).then(
        refused(Short(sku=LAMP, asked=2, available=1), order=OTHER_ORDER),
        told(1, on_hand=5),
    )  # fmt: skip


def test_what_an_order_that_had_waited_cannot_use_is_offered_again() -> None:
    """Others were passed over for it: its lamps are there for them as long as it waits for mugs."""
    inventory.given(*in_stock(5), told(5), registered(MUG)).when(
        accepted(units(2), units(1, sku=MUG), attempt=2)
    ).then(
        refused(Short(sku=MUG, asked=1, available=0), attempt=2),
        told(5),
    )  # fmt: skip


def test_two_lines_of_one_sku_are_one_demand() -> None:
    """Each line alone could be met, both together cannot: 3 + 3 of 5 is refused as 6."""
    inventory.given(*in_stock(5)).when(accepted(units(3), units(3))).then(
        refused(Short(sku=LAMP, asked=6, available=5))
    )


def test_two_lines_of_one_sku_are_promised_together() -> None:
    """2 + 3 of 5 fits, as one line of five."""
    inventory.given(*in_stock(5)).when(accepted(units(2), units(3))).then(
        reserved(line(5)), told(0, on_hand=5)
    )


def test_every_short_sku_is_named_and_nothing_is_promised() -> None:
    """A person sees all that is missing at once; the mug, which is there, stays free for others."""
    inventory.given(*in_stock(1), *in_stock(9, MUG)).when(
        accepted(units(4), units(2, MUG), units(1, GHOST))
    ).then(
        refused(
            Short(sku=LAMP, asked=4, available=1),
            Short(sku=GHOST, asked=1, available=0, known=False),
        )
    )  # fmt: skip


def test_a_registered_sku_without_stock_is_known_but_short() -> None:
    """Different people act on it: purchasing here, master data there."""
    inventory.given(registered()).when(accepted(units(1))).then(
        refused(Short(sku=LAMP, asked=1, available=0))
    )


def test_an_order_without_goods_is_promised_nothing_and_goes_on() -> None:
    """Gift cards and downloads need no stock; and nothing of them can run out."""
    then = inventory.when(accepted()).then(reserved())
    assert then.world.timers() == {}
    assert then.state(f"reservation/{ORDER}").status == "empty"


def test_a_place_that_has_the_whole_line_is_taken_even_if_others_come_first() -> None:
    """One pick instead of two."""
    inventory.given(*in_stock(2, location=BACK), received(5)).when(accepted(units(4))).then(reserved(line(4)))


def test_of_several_places_that_have_it_the_first_by_name_is_taken() -> None:
    """The same choice on every machine and in every replay."""
    inventory.given(*in_stock(5), received(5, location=BACK)).when(accepted(units(4))).then(
        reserved(line(4, location=BACK))
    )


def test_a_line_that_no_place_has_alone_is_spread_by_name() -> None:
    """Better two picks than a customer who waits."""
    inventory.given(*in_stock(3), received(2, location=BACK)).when(accepted(units(4))).then(
        reserved(line(2, location=BACK), line(2, location=MAIN))
    )


def test_accepted_again_in_the_same_attempt_does_nothing() -> None:
    """Messages are delivered more than once."""
    inventory.given(*in_stock(5), reserved(line(2))).when(accepted(units(2))).then_nothing()


def test_an_older_attempt_does_nothing() -> None:
    """A straggler must not replace the promise that stands."""
    inventory.given(*in_stock(5), reserved(line(2), attempt=3)).when(
        accepted(units(1), attempt=2)
    ).then_nothing()


def test_a_refused_attempt_is_not_decided_again() -> None:
    """Also when stock came in meanwhile: orders asks again with a higher attempt."""
    short = refused(Short(sku=LAMP, asked=9, available=1))
    inventory.given(*in_stock(1), short, received(9, reference="DN-2")).when(
        accepted(units(9))
    ).then_nothing()


def test_a_refused_order_is_promised_its_units_when_it_is_accepted_again() -> None:
    """The hold was released after stock came in."""
    short = refused(Short(sku=LAMP, asked=2, available=1))
    inventory.given(*in_stock(1), short, received(9, reference="DN-2")).when(
        accepted(units(2), attempt=2)
    ).then(reserved(line(2), attempt=2))  # fmt: skip


def released_for_attempt(attempt: int, quantity: int) -> ReservationReleased:
    reason = f"accepted again, attempt {attempt}"
    return ReservationReleased(order_id=ORDER, lines=(line(quantity),), reason=reason)


def test_a_higher_attempt_replaces_an_open_promise_and_may_use_what_it_frees() -> None:
    """3 of 5 were held; now 4 are asked for: they fit only because the order's own 3 count as free."""
    inventory.given(*in_stock(5), reserved(line(3))).when(accepted(units(4), attempt=2)).then(
        released_for_attempt(2, 3), reserved(line(4), attempt=2)
    )


def test_a_higher_attempt_that_cannot_be_met_gives_the_old_units_back() -> None:
    """All or nothing also the second time; the refusal counts what was freed as available."""
    inventory.given(*in_stock(5), reserved(line(3))).when(accepted(units(6), attempt=2)).then(
        released_for_attempt(2, 3),
        refused(Short(sku=LAMP, asked=6, available=5), attempt=2),
    )


def test_replacing_a_promise_with_the_same_units_is_no_news_to_others() -> None:
    """Availability was zero before and is zero after: nobody may see a unit in between."""
    inventory.given(*in_stock(3), reserved(line(3)), told(0, on_hand=3)).when(
        accepted(units(3), attempt=2)
    ).then(released_for_attempt(2, 3), reserved(line(3), attempt=2))  # fmt: skip


def test_an_expired_promise_can_be_given_anew() -> None:
    """Payment came late; the units are still there."""
    gone = ReservationExpired(order_id=ORDER, lines=(line(2),))
    inventory.given(*in_stock(5), reserved(line(2)), gone).when(accepted(units(2), attempt=2)).then(
        reserved(line(2), attempt=2)
    )


def test_a_promise_is_due_to_end_until_it_has_ended() -> None:
    """The timer is a function of the state, so that a restart finds it again."""
    then = inventory.given(*in_stock(5)).when(accepted(units(2)))
    assert then.world.timers()[f"reservation/{ORDER}", "expiry"] == EXPIRES


def test_more_units_than_one_line_can_hold_are_promised_in_several_lines() -> None:
    """A line holds a million; what is stored must be readable again."""
    many = [received(1_000_000, reference=f"DN-{n}") for n in range(3)]
    inventory.given(registered(), *many, told(3_000_000)).when(
        accepted(units(1_000_000), units(1_000_000))
    ).then(reserved(line(1_000_000), line(1_000_000)))  # fmt: skip


def test_a_promise_says_what_a_unit_weighs_where_the_catalogue_knows() -> None:
    """Most channels do not tell weights; the packing table needs them."""
    stock = (registered(LAMP, weight_g=1200), received(5), *in_stock(5, MUG))
    inventory.given(*stock, told(5)).when(accepted(units(2), units(1, MUG))).then(
        reserved(line(2), line(1, MUG), weights={LAMP: 1200})
    )
