"""Stopping a fulfilment: in time, too late, and while the carrier is being asked."""

from __future__ import annotations

from services.shipping.domain.answers import Label, Refused, Voided
from tests.shipping.makers import (
    DS1,
    DS2,
    FULFILMENT,
    P1,
    cancel,
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
    too_late,
    voided,
)
from tests.spec import Answered

LATE = Label(f"{P1}-l1", "SB1", "https://c.example/SB1", 490, "EUR")
UNKNOWN = "the warehouse knows no fulfilment of this order"
sandbox = shipping(carrier="sandbox", autopilot=True)
asked = planned(carrier="sandbox"), requested()


def test_a_label_of_our_own_is_void_with_the_cancellation() -> None:
    """Its number is used up and never comes back."""
    after = shipping().given(granted(), planned(), own_label(DS1, 1)).when(cancel())
    after.then(cancelled(DS1), voided(DS1))
    assert not after.world.calls()


def test_a_label_of_a_carrier_is_given_back_by_a_call() -> None:
    """It cost money: the carrier is told, and its answer is kept."""
    after = shipping().given(*asked, carrier_label()).when(cancel()).then(cancelled("SB1"))
    (key,) = after.world.calls()
    assert key == (FULFILMENT, f"void/{P1}-l1")
    given = shipping().given(*asked, carrier_label(), cancelled("SB1"))
    done = given.when(Answered(*key, Voided())).then(voided("SB1", carrier="sandbox"))
    assert not done.world.calls()


def test_a_carrier_that_will_not_take_a_label_back_is_recorded_with_its_reason() -> None:
    """Someone has to claim the money; the call is not made for ever."""
    given = shipping().given(*asked, carrier_label(), cancelled("SB1"))
    after = given.when(Answered(FULFILMENT, f"void/{P1}-l1", Refused("already scanned")))
    after.then(voided("SB1", carrier="sandbox", accepted=False, reason="already scanned"))
    assert not after.world.calls()


def test_a_label_that_arrives_after_the_cancellation_is_given_back_and_no_parcel_leaves() -> None:
    """The answer was on its way: with the autopilot on, it must not send the parcel."""
    stopped = sandbox.given(*asked).when(cancel()).then(cancelled())
    assert list(stopped.world.calls()) == [(FULFILMENT, f"label/{P1}-l1")]
    given = sandbox.given(*asked, cancelled())
    after = given.when(Answered(FULFILMENT, f"label/{P1}-l1", LATE)).then(carrier_label())
    assert list(after.world.calls()) == [(FULFILMENT, f"void/{P1}-l1")]


def test_a_refusal_that_arrives_after_the_cancellation_ends_it() -> None:
    """There is no label, so nothing is left to give back."""
    after = sandbox.given(*asked, cancelled()).when(
        Answered(FULFILMENT, f"label/{P1}-l1", Refused("no service"))
    )
    after.then(failed("no service", carrier="sandbox"))
    assert not after.world.calls()


def test_after_the_hand_over_it_is_too_late() -> None:
    """A return is the way back now; the reason says which parcel is gone."""
    label = own_label(DS1, 1)
    reason = f"parcel {P1} was handed over to doorstep"
    shipping().given(granted(), planned(), label, dispatched(label)).when(cancel()).then(too_late(reason))


def test_one_parcel_handed_over_is_too_late_for_all() -> None:
    """Half a cancellation would leave the order in no state that has a name."""
    one, two = own_label(DS1, 1), own_label(DS2, 2, number=2)
    both = planned(parcel(), parcel(("ANVIL", 1), number=2))
    given = shipping().given(granted(), both, one, two, dispatched(one, last=False))
    given.when(cancel()).then(too_late(f"parcel {P1} was handed over to doorstep"))


def test_a_failed_label_does_not_stand_in_the_way() -> None:
    """Nothing was bought, so nothing is voided."""
    given = shipping().given(planned(), failed("none left", range_exhausted=True))
    after = given.when(cancel()).then(cancelled())
    assert "awaits_range:doorstep" not in after.world.kind(FULFILMENT).tags(after.state(FULFILMENT))


def test_a_second_cancellation_does_nothing() -> None:
    """The orders service has its answer already."""
    shipping().given(granted(), planned(), own_label(DS1, 1)).when(cancel(), cancel()).then(
        cancelled(DS1), voided(DS1)
    )


def test_an_order_the_warehouse_never_saw_cannot_be_stopped_here() -> None:
    """Every question gets an answer, so that no order waits for one for ever."""
    shipping().when(cancel()).then(too_late(UNKNOWN))


def test_an_order_asked_about_too_early_is_still_planned_when_it_is_released() -> None:
    """The refused question must leave nothing behind that would swallow the order."""
    shipping().given(granted(), too_late(UNKNOWN)).when(released()).then(planned(), own_label(DS1, 1))
