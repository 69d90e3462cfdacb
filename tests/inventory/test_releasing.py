"""A promise ends when its order is cancelled, or when it runs out; its units can be sold again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contracts.event import Event
from contracts.inventory import (
    ReservationExpired,
    ReservationRefused,
    ReservationReleased,
    Short,
    StockDispatched,
)
from tests.inventory.samples import (
    EXPIRES,
    LAMP,
    ORDER,
    accepted,
    cancelled,
    in_stock,
    inventory,
    line,
    reserved,
    told,
    units,
)
from tests.spec import Timer

EXPIRY = Timer(f"reservation/{ORDER}", "expiry")
REASON = "order cancelled: customer changed her mind"


def released(quantity: int, reason: str = REASON) -> ReservationReleased:
    return ReservationReleased(order_id=ORDER, lines=(line(quantity),), reason=reason)


def expired(quantity: int) -> ReservationExpired:
    return ReservationExpired(order_id=ORDER, lines=(line(quantity),))


def test_a_cancelled_order_gives_its_units_back() -> None:
    """They were the last ones: others hear at once that there are some again."""
    inventory.given(*in_stock(2), reserved(line(2)), told(0, on_hand=2)).when(cancelled()).then(
        released(2), told(2)
    )


def test_cancelled_twice_frees_once() -> None:
    """Restoring stock twice is how shops come to sell what they do not have."""
    inventory.given(*in_stock(5), reserved(line(2))).when(cancelled(), cancelled()).then(released(2))


def test_cancelling_an_order_that_never_asked_does_nothing() -> None:
    """It was held before it was accepted."""
    inventory.given(*in_stock(5)).when(cancelled()).then_nothing()


ENDED: dict[str, Event] = {
    "refused": ReservationRefused(order_id=ORDER, attempt=2, short=(Short(sku=LAMP, asked=9, available=5),)),
    "expired": expired(2),
    "dispatched": StockDispatched(order_id=ORDER, parcel_id="P1", lines=(line(2),)),
}


@pytest.mark.parametrize("end", ENDED)
def test_cancelling_after_the_promise_ended_frees_nothing(end: str) -> None:
    """What is not held cannot be given back."""
    before = (released(2),) if end == "refused" else ()
    inventory.given(*in_stock(5), reserved(line(2)), *before, ENDED[end]).when(cancelled()).then_nothing()


def test_a_long_reason_is_kept_as_far_as_it_fits() -> None:
    """An event's text holds 500 characters; a cancellation must not fail on its reason."""
    then = inventory.given(*in_stock(5), reserved(line(2))).when(cancelled(reason="x" * 500))
    then.then(released(2, ("order cancelled: " + "x" * 500)[:500]))


def test_a_promise_runs_out() -> None:
    """At its time, not a moment earlier; the units are free for the next order."""
    inventory.given(*in_stock(5), reserved(line(2))).at(EXPIRES).when(
        EXPIRY, accepted(units(5), order="shopify:1002")
    ).then(
        expired(2),
        told(5, at=EXPIRES),
        reserved(line(5), order="shopify:1002", expires_at=EXPIRES + timedelta(days=7)),
        told(0, on_hand=5, at=EXPIRES),
    )  # fmt: skip


def test_a_promise_that_ran_out_of_the_last_units_is_told_at_once() -> None:
    """From zero: channels may sell again."""
    inventory.given(*in_stock(2), reserved(line(2)), told(0, on_hand=2)).at(EXPIRES).when(EXPIRY).then(
        expired(2), told(2, at=EXPIRES)
    )


def test_a_timer_that_comes_too_early_does_nothing() -> None:
    """The order was accepted again meanwhile and its new promise lasts longer."""
    early = EXPIRES - timedelta(microseconds=1)
    inventory.given(*in_stock(5), reserved(line(2))).at(early).when(EXPIRY).then_nothing()


@pytest.mark.parametrize("end", ["expired", "dispatched"])
def test_a_timer_that_comes_after_the_end_does_nothing(end: str) -> None:
    """Timers can fire while the end is being committed."""
    inventory.given(*in_stock(5), reserved(line(2)), ENDED[end]).at(EXPIRES).when(EXPIRY).then_nothing()


@pytest.mark.parametrize("end", [released(2), *[ENDED[end] for end in ("expired", "dispatched")]])
def test_nothing_is_due_after_the_end(end: Event) -> None:
    """No end of a promise leaves its timer behind."""
    given = inventory.given(*in_stock(5), reserved(line(2)))
    assert (f"reservation/{ORDER}", "expiry") in given.world.timers()
    given.world.apply([end])
    assert (f"reservation/{ORDER}", "expiry") not in given.world.timers()
