"""A parcel left the house: its units leave the books once, and no number goes below zero."""

from __future__ import annotations

from contracts.inventory import ReservationExpired, ReservationRefused, ReservationReleased, StockDispatched
from contracts.placed_order import Units
from services.inventory.domain.reservation import Status
from tests.inventory.samples import (
    BACK,
    LAMP,
    MUG,
    ORDER,
    OTHER_ORDER,
    accepted,
    adjust,
    adjusted,
    in_stock,
    inventory,
    line,
    parcel,
    received,
    registered,
    reserved,
    told,
    units,
)

RESERVATION = f"reservation/{ORDER}"


def dispatched(
    *lines, missing: tuple[Units, ...] = (), parcel_id: str = "P1", last: bool = False
) -> StockDispatched:
    return StockDispatched(order_id=ORDER, parcel_id=parcel_id, lines=lines, missing=missing, last=last)


def nothing_to_promise(attempt: int) -> ReservationRefused:
    return ReservationRefused(order_id=ORDER, attempt=attempt, short=())


def from_free_stock(quantity: int, sku: str = LAMP, location: str = "MAIN"):
    return adjusted(
        -quantity,
        sku,
        location,
        reason="left with a parcel without being reserved for its order",
        actor="doorstep",
        reference=f"parcel P1 of {ORDER}",
    )


def test_a_parcel_takes_the_units_that_were_promised_where_they_were_promised() -> None:
    """The parcel does not say from which place; the reservation does."""
    stock = (*in_stock(3, location=BACK), received(3))
    held = reserved(line(3, location=BACK), line(1))
    then = inventory.given(*stock, held).when(parcel(units(4)))
    then.then(dispatched(line(3, location=BACK), line(1)))
    assert then.state(RESERVATION).status is Status.DISPATCHED


def test_two_lines_of_one_sku_in_a_parcel_are_summed() -> None:
    """As they were when they were promised."""
    inventory.given(*in_stock(5), reserved(line(3))).when(parcel(units(1), units(2))).then(
        dispatched(line(3))
    )


def test_the_same_parcel_again_does_nothing() -> None:
    """Delivered twice, dispatched once."""
    inventory.given(*in_stock(9), reserved(line(2))).when(parcel(units(1)), parcel(units(1))).then(
        dispatched(line(1))
    )


def test_an_order_leaves_in_two_parcels() -> None:
    """What is still in the house stays promised until the second has left."""
    given = inventory.given(*in_stock(9), reserved(line(3)))
    first = given.when(parcel(units(1)))
    assert (first.state(RESERVATION).status, first.state(RESERVATION).lines) == (Status.RESERVED, (line(2),))
    given.when(parcel(units(2), parcel_id="P2", last=True)).then(
        dispatched(line(2), parcel_id="P2", last=True)
    )
    assert first.state(RESERVATION).status is Status.DISPATCHED


def test_what_the_last_parcel_left_behind_is_released() -> None:
    """Less was shipped than promised, and nothing more will be: the rest must not wait for its expiry."""
    then = inventory.given(*in_stock(3), reserved(line(3)), told(0, on_hand=3)).when(
        parcel(units(2), last=True)
    )
    then.then(
        dispatched(line(2), last=True),
        ReservationReleased(order_id=ORDER, lines=(line(1),), reason="the order's last parcel has left"),
        told(1),
    )
    assert then.state(RESERVATION).status is Status.DISPATCHED


def test_an_order_that_has_left_is_promised_nothing_more() -> None:
    """Its promise ran out while the parcel left, and orders asked again before it heard so: nobody needs the units."""
    gone = ReservationExpired(order_id=ORDER, lines=(line(2),))
    then = inventory.given(*in_stock(5), reserved(line(2)), gone).when(
        parcel(units(2), last=True), accepted(units(2), attempt=2)
    )
    then.then(from_free_stock(2), dispatched(last=True), nothing_to_promise(attempt=2))
    assert then.state(RESERVATION).status is Status.DISPATCHED


def test_the_same_question_after_an_order_has_left_is_answered_once() -> None:
    """Delivered twice, refused once."""
    inventory.given(*in_stock(2), reserved(line(2)), dispatched(line(2), last=True)).when(
        accepted(units(2)), accepted(units(2), attempt=2), accepted(units(2), attempt=2)
    ).then(nothing_to_promise(attempt=2))


def test_what_the_last_parcel_left_behind_is_not_promised_again() -> None:
    """Freed with the parcel; a question that was under way finds the order gone."""
    released = ReservationReleased(
        order_id=ORDER, lines=(line(1),), reason="the order's last parcel has left"
    )
    inventory.given(*in_stock(3), reserved(line(3)), dispatched(line(2), last=True), released).when(
        accepted(units(3), attempt=2)
    ).then(nothing_to_promise(attempt=2))


def test_an_order_of_which_a_parcel_is_still_here_is_promised_the_rest() -> None:
    """Only the last parcel ends it."""
    gone = ReservationExpired(order_id=ORDER, lines=(line(3),))
    inventory.given(*in_stock(5), reserved(line(3)), gone, told(5)).when(
        parcel(units(1)), accepted(units(2), attempt=2)
    ).then(from_free_stock(1), dispatched(), reserved(line(2), attempt=2))


def test_a_parcel_that_is_heard_of_before_its_order_leaves_nothing_to_promise() -> None:
    """A store that was set back hears again of both, in whatever order: the goods are gone all the same."""
    inventory.given(*in_stock(5)).when(parcel(units(2), last=True), accepted(units(2))).then(
        from_free_stock(2), dispatched(last=True), nothing_to_promise(attempt=1)
    )


def test_a_first_parcel_that_is_heard_of_before_its_order_is_not_all_of_it() -> None:
    """The second one may still need its promise."""
    then = inventory.given(*in_stock(5)).when(parcel(units(1)), accepted(units(3)))
    then.then(from_free_stock(1), dispatched(), reserved(line(3)))


def test_dispatching_what_was_promised_is_no_news_to_others() -> None:
    """Availability fell when it was promised."""
    then = inventory.given(*in_stock(3), reserved(line(3)), told(0, on_hand=3)).when(parcel(units(3)))
    then.then(dispatched(line(3)))
    assert then.world.timers() == {}


def test_units_whose_promise_ran_out_are_taken_from_free_stock() -> None:
    """The goods are gone: the books follow, and say that it was not planned."""
    gone = ReservationExpired(order_id=ORDER, lines=(line(2),))
    then = inventory.given(*in_stock(5), reserved(line(2)), gone).when(parcel(units(2)))
    then.then(from_free_stock(2), dispatched())
    assert then.state(RESERVATION).status is Status.EXPIRED


def test_units_beyond_the_promise_are_taken_from_free_stock() -> None:
    """Somebody packed three where two were asked for."""
    inventory.given(*in_stock(5), reserved(line(2))).when(parcel(units(3))).then(
        from_free_stock(1), dispatched(line(2))
    )


def test_a_parcel_of_an_order_that_never_asked_is_taken_from_free_stock_once() -> None:
    """The same rule, and the same protection against being told twice."""
    inventory.given(*in_stock(2)).when(parcel(units(2)), parcel(units(2))).then(
        from_free_stock(2), dispatched(), told(0)
    )


def test_units_promised_to_others_are_not_taken_but_what_is_missing_is_named() -> None:
    """Three left, the books have one free: the other order keeps its two, and the lamp has to be counted."""
    then = inventory.given(*in_stock(3), reserved(line(2), order=OTHER_ORDER)).when(parcel(units(3)))
    then.then(from_free_stock(1), dispatched(missing=(units(2),)), told(0, on_hand=2))
    assert then.state(f"sku/{LAMP}").uncounted == 2
    assert then.world.tagged("count=due") == (f"sku/{LAMP}",)


def test_a_count_by_a_person_explains_what_was_missing() -> None:
    """Whatever it finds, somebody has looked."""
    then = inventory.given(*in_stock(1), dispatched(missing=(units(2),))).when(adjust(1))
    then.then(adjusted(1))
    assert then.state(f"sku/{LAMP}").uncounted == 0
    assert then.world.tagged("count=due") == ()


def test_a_correction_of_our_own_explains_nothing() -> None:
    """Only a person can say where the units were."""
    then = inventory.given(*in_stock(3), dispatched(missing=(units(2),), parcel_id="P0")).when(
        parcel(units(1))
    )
    assert then.state(f"sku/{LAMP}").uncounted == 2


def test_a_sku_that_nobody_registered_can_only_be_missing() -> None:
    """It left, so it existed; there is nothing to deduct it from."""
    inventory.given(*in_stock(1)).when(parcel(units(1, MUG))).then(dispatched(missing=(units(1, MUG),)))


def test_a_promise_in_several_lines_of_one_place_is_taken_line_by_line() -> None:
    """More than a line can hold; half of it leaves, half of it stays promised."""
    many = [received(1_000_000, reference=f"DN-{n}") for n in range(2)]
    half = line(1_000_000)
    then = inventory.given(registered(), *many, reserved(half, half)).when(parcel(units(1_000_000)))
    then.then(dispatched(half))
    assert then.state(RESERVATION).lines == (half,)
