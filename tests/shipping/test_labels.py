"""Labels from a carrier that is called: bought once, refused with a reason, asked for again by a person."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chassis.declare import Answer
from contracts.address import Address
from contracts.shipping import FulfilmentPlanned, LabelBought
from services.shipping.domain.answers import Label, Refused
from services.shipping.domain.commands import GrantRange, RetryLabel
from tests.shipping.makers import (
    DS1,
    DS2,
    DS3,
    FULFILMENT,
    P1,
    cancelled,
    carrier_label,
    dispatched,
    failed,
    granted,
    own_label,
    parcel,
    planned,
    refused,
    released,
    requested,
    shipping,
)
from tests.spec import NOON, Answered, Given, Timer

ASKED = f"label/{P1}-l1"
LABEL = Label(f"{P1}-l1", "SB1", "https://c.example/SB1", 490, "EUR")
NO = Refused("no service to this postcode")
RETRY = RetryLabel(order_id="shopify:1001", actor="mia", reason="address corrected")
GRANT = GrantRange(
    carrier="doorstep", range_id="more", prefix="DS", suffix="DE", first=2, last=3, actor="mia", reason="ran out"
)  # fmt: skip


def asking() -> Given:
    """The carrier is being asked for a label."""
    return shipping(carrier="sandbox").given(planned(carrier="sandbox"), requested())


def unlabelled() -> Given:
    """The carrier has refused."""
    return shipping(carrier="sandbox").given(
        planned(carrier="sandbox"), requested(), failed(NO.reason, carrier="sandbox")
    )


def test_the_carriers_label_is_kept_and_the_call_is_settled() -> None:
    """Once the number is known, nothing asks the carrier any more."""
    after = asking().when(Answered(FULFILMENT, ASKED, LABEL)).then(carrier_label())
    assert not after.world.calls()


def test_a_label_without_a_page_of_its_own_gets_ours() -> None:
    """The customer's link works for every carrier."""
    plain = Label(f"{P1}-l1", "SB1")
    (bought,) = asking().when(Answered(FULFILMENT, ASKED, plain)).events
    assert bought.tracking_url == "http://127.0.0.1:8080/parcels/SB1"


def test_with_the_autopilot_the_parcel_leaves_when_its_label_arrives() -> None:
    """The answer of the carrier is what it waited for."""
    piloted = shipping(carrier="sandbox", autopilot=True).given(planned(carrier="sandbox"), requested())
    label = carrier_label()
    piloted.when(Answered(FULFILMENT, ASKED, LABEL)).then(label, dispatched(label))


def test_an_answer_that_comes_twice_counts_once() -> None:
    """A crash after the commit makes the call again; its answer finds nobody waiting."""
    call = asking().world.calls()[FULFILMENT, ASKED]
    answered = asking().when(Answered(FULFILMENT, ASKED, LABEL)).world
    again = Answer(FULFILMENT, ASKED, call.payload, LABEL)
    assert not list(answered.service.effects["label"].then(again, answered))


def test_a_refusal_is_kept_with_its_reason_and_nothing_is_asked_again() -> None:
    """Asking the same again will not help: a person has to change something."""
    after = asking().when(Answered(FULFILMENT, ASKED, NO)).then(failed(NO.reason, carrier="sandbox"))
    assert not after.world.calls()


def test_a_retry_asks_under_a_new_reference_with_the_corrected_address() -> None:
    """The refused reference stays refused at the carrier; the new one carries the new address."""
    moved = Address(
        name="Ada Lindgren", line1="Kungsgatan 2", city="Stockholm", postcode="111 44", country="SE"
    )
    command = RetryLabel(order_id="shopify:1001", actor="mia", reason="wrong house", ship_to=moved)
    after = (
        unlabelled()
        .when(command)
        .then(requested(attempt=2, ship_to=moved, actor="mia", reason="wrong house"))
    )
    (call,) = after.world.calls().values()
    assert (call.payload.reference, call.payload.ship_to) == (f"{P1}-l2", moved)


def test_a_retry_with_our_own_carrier_is_labelled_at_once() -> None:
    """When one carrier will not, another one may, and the parcel does not wait."""
    command = RetryLabel(order_id="shopify:1001", actor="mia", reason="use ours", carrier="doorstep")
    world = shipping(carrier="sandbox", autopilot=True)
    label = own_label(DS1, 1, reference=f"{P1}-l2")
    world.given(granted(), planned(carrier="sandbox"), requested(), failed("no", carrier="sandbox")).when(
        command
    ).then(requested(attempt=2, carrier="doorstep", actor="mia", reason="use ours"), label, dispatched(label))


def test_a_repeated_retry_does_nothing_while_the_carrier_is_being_asked() -> None:
    """An impatient second click must not buy a second label."""
    unlabelled().when(RETRY, RETRY).then(requested(attempt=2, actor="mia", reason="address corrected"))


def test_a_retry_without_a_failed_label_is_refused() -> None:
    """There is nothing to correct, and the answer says what can be done instead."""
    labelled = shipping(carrier="sandbox").given(planned(carrier="sandbox"), requested(), carrier_label())
    labelled.when(RETRY).then(
        refused(
            "RetryLabel",
            "labelled",
            "no label of these parcels has failed",
            "DispatchFulfilment",
            "RecordScan",
        )
    )


def test_a_retry_of_a_cancelled_fulfilment_is_refused() -> None:
    """No label is bought for an order that nobody wants any more."""
    world = shipping(carrier="sandbox").given(planned(carrier="sandbox"), requested(), cancelled())
    world.when(RETRY).then(refused("RetryLabel", "cancelled", "no label of these parcels has failed"))


def test_a_retry_with_an_unknown_carrier_is_refused() -> None:
    """A typing error must not leave a parcel waiting for a carrier that does not exist."""
    command = RetryLabel(order_id="shopify:1001", actor="mia", reason="x", carrier="hermez")
    unlabelled().when(command).then(
        refused("RetryLabel", "label_failed", "no carrier 'hermez' is configured", "RetryLabel")
    )


def test_a_granted_range_labels_what_waited_for_a_number_oldest_first() -> None:
    """Nobody has to go through the waiting orders one by one."""
    world = shipping().given(granted(last=1))
    world = world.when(*(released(order=f"shopify:{n}") for n in (1001, 1002, 1003)))
    assert [e.TYPE for e in world.events].count("shipping.LabelFailed.v1") == 2
    after = shipping().given(*[granted(last=1), *world.events]).when(GRANT)
    after.then(
        granted(2, 3, "more").model_copy(update={"actor": "mia", "reason": "ran out"}),
        own_label(DS2, 2, order="shopify:1002"),
        own_label(DS3, 3, order="shopify:1003"),
    )


def test_a_grant_shorter_than_the_queue_leaves_the_rest_waiting() -> None:
    """The last one keeps its reason, and gets its number with the next grant."""
    two = parcel(("LAMP", 2)), parcel(("ANVIL", 1), number=2, weight_g=29_000)
    failures = failed("none left", 1, range_exhausted=True), failed("none left", 2, range_exhausted=True)
    short = GrantRange(**{**_fields(GRANT), "last": 2})
    after = shipping().given(granted(last=1), *used_up(), planned(*two), *failures).when(short)
    assert [e.TYPE for e in after.events] == ["shipping.TrackingRangeGranted.v1", "shipping.LabelBought.v1"]
    assert after.state(FULFILMENT).state == "label_failed"


def test_a_range_is_granted_once() -> None:
    """The same grant again, by a nervous finger or a restart, adds nothing."""
    more = granted(2, 3, "more")
    shipping().given(granted(last=1), more).when(GRANT).then_nothing()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"first": 900, "last": 1200}, "range first already holds some of these numbers"),
        ({"first": 2000, "last": 1999}, "the range ends at 1999, before it begins"),
    ],
)
def test_a_grant_that_would_print_a_number_twice_is_refused(change: dict[str, int], reason: str) -> None:
    """Two parcels under one number are two lost parcels."""
    command = GrantRange(**{**_fields(GRANT), **change})
    shipping().given(granted(last=1000)).when(command).then(
        refused("GrantRange", "open", reason, "GrantRange", entity="range/doorstep")
    )


def test_a_grant_for_a_carrier_without_a_range_is_refused() -> None:
    """The sandbox gives its own numbers."""
    command = GrantRange(**{**_fields(GRANT), "carrier": "sandbox"})
    reason = "sandbox is no carrier with a range of its own"
    shipping().when(command).then(
        refused("GrantRange", "exhausted", reason, "GrantRange", entity="range/sandbox")
    )


def test_a_patient_autopilot_waits_its_time_and_then_hands_over() -> None:
    """People get a window in which they can still stop the parcel."""
    patient = shipping(autopilot=True, autopilot_after_seconds=600)
    due = NOON + timedelta(minutes=10)
    label = own_label(DS1, 1, hand_over_at=due)
    labelled = patient.given(granted()).when(released()).then(planned(), label)
    assert labelled.world.timers() == {(FULFILMENT, "hand_over"): due}
    later = patient.given(granted(), planned(), label, now=due)
    after = later.when(Timer(FULFILMENT, "hand_over")).then(dispatched(label, at=due))
    assert not after.world.timers()


def test_a_timer_that_fires_too_early_or_again_hands_nothing_over() -> None:
    """A repeated timer finds nothing due."""
    patient = shipping(autopilot=True, autopilot_after_seconds=600)
    label = own_label(DS1, 1, hand_over_at=NOON + timedelta(minutes=10))
    patient.given(granted(), planned(), label).when(Timer(FULFILMENT, "hand_over")).then_nothing()
    gone = patient.given(granted(), planned(), label, dispatched(label), now=NOON + timedelta(hours=1))
    gone.when(Timer(FULFILMENT, "hand_over")).then_nothing()


def used_up() -> tuple[FulfilmentPlanned, LabelBought]:
    """The first number of the range, used by another order."""
    return planned(order="shopify:999"), own_label(DS1, 1, order="shopify:999")


def _fields(command: GrantRange) -> dict[str, object]:
    return {name: getattr(command, name) for name in GrantRange.__slots__}
