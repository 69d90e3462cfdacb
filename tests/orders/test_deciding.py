"""People decide: cancel, hold, release. In every state there is an answer, and refusals are recorded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contracts.event import Event
from contracts.inventory import Short
from contracts.orders import CancellationRequested, HoldReason
from contracts.placed_order import PaymentFacts, PaymentState, Units
from services.orders.domain.commands import CancelOrder, PlaceHold, ReleaseHold
from services.orders.domain.deciding import NOTHING_MAPPED, TOO_LATE, UnknownOrder
from services.orders.domain.machine import COMMANDS
from services.orders.domain.states import State, displayed
from tests.orders.situations import (
    AN_ORDER_ACCEPTED,
    AN_ORDER_BILLED,
    AN_ORDER_CANCELLED,
    AN_ORDER_CANCELLING,
    AN_ORDER_FULFILLED,
    AN_ORDER_PAID,
    AN_ORDER_RELEASED,
    BULB,
    ENTITY,
    ID,
    LAMP,
    PAYMENT_FAILED,
    RELEASED,
    accepted,
    cancelled,
    held,
    hold_released,
    line,
    order,
    payment_requested,
    place,
    received,
    refused,
    reservation_refused,
    spec,
    stock_reserved,
)

CANCEL = CancelOrder(order_id=ID, actor="mira", reason="changed my mind")
HOLD = PlaceHold(order_id=ID, actor="mira", note="call first")
MANUAL_HOLD = held(HoldReason.MANUAL, "mira: call first").model_copy(update={"actor": "mira"})


def release(reason: HoldReason) -> ReleaseHold:
    return ReleaseHold(order_id=ID, reason=reason, actor="mira", note="checked")


def released(reason: HoldReason) -> Event:
    return hold_released(reason, "checked", "mira")


HELD_FOR_ITS_ADDRESS = (
    received(order(ship_to=None)),
    held(HoldReason.ADDRESS_INVALID, "there is no delivery address"),
)


@pytest.mark.parametrize(
    "history", [HELD_FOR_ITS_ADDRESS, AN_ORDER_ACCEPTED, AN_ORDER_BILLED, (*AN_ORDER_PAID, MANUAL_HOLD)]
)
def test_before_release_an_order_is_cancelled_at_once(history: tuple[Event, ...]) -> None:
    """Stock and money come back by the others' reaction to this one fact; its holds end with it."""
    after = spec.given(*history).when(CANCEL).then(cancelled("changed my mind", "mira"))
    assert after.state(ENTITY).holds == ()


def test_a_released_order_is_stopped_by_asking_the_warehouse() -> None:
    """Only shipping knows whether a parcel has left: the order is locked until it answers."""
    after = (
        spec.given(*AN_ORDER_RELEASED)
        .when(CANCEL)
        .then(CancellationRequested(order_id=ID, reason="changed my mind", actor="mira"))
    )
    assert displayed(after.state(ENTITY)) == "cancel_pending"


@pytest.mark.parametrize("state", ["refunded", "voided"])
def test_billing_is_told_whether_the_channel_has_given_the_money_back_already(state: PaymentState) -> None:
    """Refunded there and then cancelled here: nothing is due. A voided payment was never taken."""
    undone = order(payment=PaymentFacts(state=state))
    held_for_it = held(HoldReason.MANUAL, f"the payment is already {state} at the channel")
    spec.given(received(undone), held_for_it).when(CANCEL).then(
        cancelled("changed my mind", "mira", by_channel=state == "refunded")
    )


def test_a_fulfilled_order_cannot_be_cancelled() -> None:
    """A return is the way back; the refusal says so and is recorded."""
    spec.given(*AN_ORDER_FULFILLED).when(CANCEL).then(
        refused("CancelOrder", "fulfilled", State.FULFILLED, TOO_LATE)
    )


@pytest.mark.parametrize("history", [AN_ORDER_CANCELLING, AN_ORDER_CANCELLED])
def test_a_repeated_cancellation_does_nothing(history: tuple[Event, ...]) -> None:
    """The wish is known, or fulfilled."""
    spec.given(*history).when(CANCEL).then_nothing()


def test_a_command_for_an_unknown_order_is_an_error() -> None:
    """HTTP answers 404 before; whoever comes another way gets an exception."""
    with pytest.raises(UnknownOrder):
        spec.when(CANCEL)


@pytest.mark.parametrize("history", [HELD_FOR_ITS_ADDRESS, AN_ORDER_ACCEPTED, AN_ORDER_PAID])
def test_an_order_can_be_held_by_hand_before_release(history: tuple[Event, ...]) -> None:
    """Once; the note and who wrote it are on the hold."""
    spec.given(*history).when(HOLD, HOLD).then(MANUAL_HOLD)


@pytest.mark.parametrize(
    ("history", "state"),
    [
        (AN_ORDER_RELEASED, State.RELEASED),
        (AN_ORDER_CANCELLING, State.CANCEL_PENDING),
        (AN_ORDER_CANCELLED, State.CANCELLED),
        (AN_ORDER_FULFILLED, State.FULFILLED),
    ],
)
def test_an_order_cannot_be_held_once_the_warehouse_has_it(history: tuple[Event, ...], state: State) -> None:
    """A hold that stops nothing would be a lie: cancel instead."""
    spec.given(*history).when(HOLD).then(
        refused("PlaceHold", state.value, state, "an order can be held only before it is released")
    )


def test_releasing_the_last_hold_of_a_received_order_accepts_it() -> None:
    """The person takes responsibility for going on; again does nothing."""
    spec.given(*HELD_FOR_ITS_ADDRESS).when(
        release(HoldReason.ADDRESS_INVALID), release(HoldReason.ADDRESS_INVALID)
    ).then(released(HoldReason.ADDRESS_INVALID), accepted())


def test_releasing_one_of_two_holds_is_not_enough() -> None:
    """RSK-02: still not pickable while another reason is open."""
    spec.given(*HELD_FOR_ITS_ADDRESS, MANUAL_HOLD).when(release(HoldReason.ADDRESS_INVALID)).then(
        released(HoldReason.ADDRESS_INVALID)
    )


def test_a_hold_that_is_not_open_cannot_be_released() -> None:
    """A slip of the reason must not look like success."""
    spec.given(*AN_ORDER_ACCEPTED, MANUAL_HOLD).when(release(HoldReason.STOCK_SHORT)).then(
        refused("ReleaseHold", "held", State.ACCEPTED, "no hold stock_short is open")
    )


@pytest.mark.parametrize(
    ("history", "state"), [(AN_ORDER_CANCELLED, "cancelled"), (AN_ORDER_FULFILLED, "fulfilled")]
)
def test_an_ended_order_has_no_holds_to_release(history: tuple[Event, ...], state: str) -> None:
    """Refused with what is allowed: nothing."""
    spec.given(*history).when(release(HoldReason.MANUAL)).then(
        refused("ReleaseHold", state, State(state), "no hold manual is open")
    )


def test_releasing_a_manual_hold_of_a_paid_order_releases_the_order() -> None:
    """Everything else was done while it waited."""
    spec.given(*AN_ORDER_PAID, MANUAL_HOLD).when(release(HoldReason.MANUAL)).then(
        released(HoldReason.MANUAL), RELEASED
    )


def test_releasing_a_manual_hold_asks_for_stock_again_if_no_answer_was_used() -> None:
    """The promise that came while it was held is not relied on: it may have run out since."""
    spec.given(*AN_ORDER_ACCEPTED, MANUAL_HOLD).when(stock_reserved(), release(HoldReason.MANUAL)).then(
        released(HoldReason.MANUAL), accepted(2)
    )


def test_releasing_a_stock_hold_tries_the_reservation_again() -> None:
    """The person knows that the goods are there; inventory has the last word."""
    short = reservation_refused(Short(sku=BULB, asked=2, available=0))
    spec.given(*AN_ORDER_ACCEPTED).when(short, release(HoldReason.STOCK_SHORT)).then(
        held(HoldReason.STOCK_SHORT, "BULB: 2 asked, 0 available", (Units(sku=BULB, quantity=2),)),
        released(HoldReason.STOCK_SHORT),
        accepted(2),
    )


def test_releasing_a_payment_hold_asks_for_the_money_again() -> None:
    """A new attempt, so that billing tries a new charge."""
    spec.given(*AN_ORDER_BILLED).when(PAYMENT_FAILED, release(HoldReason.PAYMENT_FAILED)).then(
        held(HoldReason.PAYMENT_FAILED, "card declined"),
        released(HoldReason.PAYMENT_FAILED),
        payment_requested(2),
    )


def test_a_line_without_sku_that_a_person_lets_through_is_not_reserved() -> None:
    """A service or a custom item: it is billed, but no stock stands for it."""
    placed = order(lines=(line(LAMP, 1, 5000), replace(line("", 2, 800), line_id="2", title="Gift wrap")))
    detail = "no SKU on line 2 'Gift wrap'"
    spec.when(place(placed), release(HoldReason.SKU_UNMAPPED)).then(
        received(placed),
        held(HoldReason.SKU_UNMAPPED, detail),
        released(HoldReason.SKU_UNMAPPED),
        accepted(1, (Units(sku=LAMP, quantity=1),)),
    )


def test_an_order_of_which_nothing_is_mapped_cannot_be_let_through() -> None:
    """It would be billed and called fulfilled without a parcel."""
    placed = order(lines=(replace(line("", 1, 5800), title="Chair"),))
    history = (received(placed), held(HoldReason.SKU_UNMAPPED, "no SKU on line l- 'Chair'"))
    spec.given(*history).when(release(HoldReason.SKU_UNMAPPED)).then(
        refused("ReleaseHold", "held", State.RECEIVED, NOTHING_MAPPED)
    )


HISTORIES: dict[State, tuple[Event, ...]] = {
    State.RECEIVED: HELD_FOR_ITS_ADDRESS,
    State.ACCEPTED: (*AN_ORDER_ACCEPTED, held(HoldReason.ADDRESS_INVALID, "?")),
    State.RELEASED: (*AN_ORDER_RELEASED, held(HoldReason.ADDRESS_INVALID, "?")),
    State.CANCEL_PENDING: AN_ORDER_CANCELLING,
    State.CANCELLED: AN_ORDER_CANCELLED,
    State.FULFILLED: AN_ORDER_FULFILLED,
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("command", [CANCEL, HOLD, release(HoldReason.ADDRESS_INVALID)])
def test_every_command_in_every_state_does_what_the_table_allows(
    state: State, command: CancelOrder | PlaceHold | ReleaseHold
) -> None:
    """ORD-01: allowed ones cause an event, the others a recorded refusal, or nothing where the wish is met."""
    events = spec.given(*HISTORIES[state]).when(command).events
    is_refused = [event for event in events if event.TYPE == "orders.CommandRefused.v1"]
    if type(command).__name__ in COMMANDS[state]:
        assert events
        assert not is_refused
    else:
        assert events == is_refused
