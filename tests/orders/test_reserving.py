"""Inventory answers: promised, short, unknown, expired; and what was short appears."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contracts.event import Event
from contracts.inventory import Short
from contracts.orders import (
    HoldReason,
    OrderAccepted,
    OrderHeld,
    OrderReceived,
    OrderReleased,
    PaymentRequested,
)
from contracts.placed_order import Units
from services.orders.domain.deciding import UnknownOrder
from services.orders.domain.states import tags
from tests.orders.situations import (
    AN_ORDER_ACCEPTED,
    AN_ORDER_BILLED,
    AN_ORDER_CANCELLED,
    AN_ORDER_CANCELLING,
    AN_ORDER_FULFILLED,
    AN_ORDER_PAID,
    AN_ORDER_RELEASED,
    BERLIN,
    BULB,
    DEMAND,
    ENTITY,
    LAMP,
    RELEASED,
    RESERVATION_EXPIRED,
    accepted,
    availability,
    handed_over,
    held,
    hold_released,
    order,
    payment_captured,
    payment_requested,
    received,
    reservation_refused,
    sku_registered,
    spec,
    stock_reserved,
)
from tests.spec import NOON

SHORT_BULBS = Short(sku=BULB, asked=2, available=1)
UNKNOWN_LAMP = Short(sku=LAMP, asked=1, available=0, known=False)
BULBS, LAMPS = Units(sku=BULB, quantity=2), Units(sku=LAMP, quantity=1)
SHORT_HOLD = held(HoldReason.STOCK_SHORT, "BULB: 2 asked, 1 available", (BULBS,))
UNMAPPED_HOLD = held(HoldReason.SKU_UNMAPPED, "not in the catalogue: LAMP", (LAMPS,))
EXPIRED_HOLD = held(HoldReason.STOCK_SHORT, "the reservation ran out before the order was released", DEMAND)


def test_reserved_stock_leads_to_the_request_for_payment() -> None:
    """Billing is told everything it needs to collect and to invoice."""
    spec.given(*AN_ORDER_ACCEPTED).when(stock_reserved()).then(payment_requested())


def test_the_bill_goes_to_who_is_billed() -> None:
    """Not to where the parcel goes, if the two differ."""
    office = replace(BERLIN, company="Ada AG")
    history = (received(order(bill_to=office)), accepted())
    (event,) = spec.given(*history).when(stock_reserved()).events
    assert isinstance(event, PaymentRequested)
    assert event.bill.buyer == office


def test_a_repeated_promise_does_nothing() -> None:
    """One request for payment per promise."""
    spec.given(*AN_ORDER_BILLED).when(stock_reserved()).then_nothing()


def test_a_promise_to_an_older_attempt_does_nothing() -> None:
    """It was replaced since; acting on it could ship what is not reserved."""
    spec.given(*AN_ORDER_ACCEPTED, accepted(2)).when(stock_reserved(attempt=1)).then_nothing()


@pytest.mark.parametrize("history", [AN_ORDER_CANCELLED, AN_ORDER_FULFILLED, AN_ORDER_RELEASED])
def test_a_promise_to_an_order_that_went_on_does_nothing(history: tuple[Event, ...]) -> None:
    """Cancelled meanwhile, or long gone: inventory hears of that by itself."""
    spec.given(*history).when(stock_reserved()).then_nothing()


def test_a_promise_to_an_unknown_order_is_an_error() -> None:
    """A message about an order that was never received is parked, not dropped."""
    with pytest.raises(UnknownOrder, match="shop:1001"):
        spec.when(stock_reserved())


def test_a_promise_to_a_held_order_is_not_used() -> None:
    """It is asked for anew when the hold is gone, so nothing depends on an old answer."""
    spec.given(*AN_ORDER_ACCEPTED, held(HoldReason.MANUAL, "mira: wait")).when(
        stock_reserved()
    ).then_nothing()


def test_short_stock_holds_the_order_and_says_what_for() -> None:
    """Purchasing sees what was asked and what was there."""
    spec.given(*AN_ORDER_ACCEPTED).when(reservation_refused(SHORT_BULBS)).then(SHORT_HOLD)


def test_unknown_and_short_skus_are_two_holds() -> None:
    """The catalogue desk and the purchasing desk work at the same time."""
    spec.given(*AN_ORDER_ACCEPTED).when(reservation_refused(UNKNOWN_LAMP, SHORT_BULBS)).then(
        UNMAPPED_HOLD, SHORT_HOLD
    )


def test_a_hold_names_no_address_that_was_given_for_a_sku() -> None:
    """As from a list whose columns have slipped: the words are kept for ever, the SKU stands beside them."""
    slipped = Short(sku="qzkan8105@mail.example", asked=1, available=0, known=False)
    spec.given(*AN_ORDER_ACCEPTED).when(reservation_refused(slipped)).then(
        held(HoldReason.SKU_UNMAPPED, "not in the catalogue: ...", (Units(sku=slipped.sku, quantity=1),))
    )


def test_a_repeated_or_stale_refusal_does_nothing() -> None:
    """The hold is placed once, and not for an attempt that was replaced."""
    spec.given(*AN_ORDER_ACCEPTED, SHORT_HOLD).when(reservation_refused(SHORT_BULBS)).then_nothing()
    spec.given(*AN_ORDER_ACCEPTED, accepted(2)).when(reservation_refused(SHORT_BULBS)).then_nothing()


@pytest.mark.parametrize("history", [AN_ORDER_CANCELLED, AN_ORDER_FULFILLED])
def test_a_refusal_for_an_ended_order_does_nothing(history: tuple[Event, ...]) -> None:
    """There is nothing left to hold."""
    spec.given(*history).when(reservation_refused(SHORT_BULBS)).then_nothing()


def test_a_refusal_in_which_nothing_is_short_holds_nothing() -> None:
    """The order has left, and its last parcel is on the way to us."""
    again = accepted(2)
    spec.given(*AN_ORDER_RELEASED, again).when(reservation_refused(attempt=2)).then()


def test_an_expired_reservation_holds_the_order() -> None:
    """The units can be sold to others again, so this order may not count on them."""
    spec.given(*AN_ORDER_BILLED).when(RESERVATION_EXPIRED).then(EXPIRED_HOLD)


def test_an_expired_reservation_counts_once() -> None:
    """The second message finds the order already waiting."""
    spec.given(*AN_ORDER_BILLED).when(RESERVATION_EXPIRED, RESERVATION_EXPIRED).then(EXPIRED_HOLD)


def test_a_reservation_that_expires_with_the_goods_in_the_warehouse_is_renewed() -> None:
    """They are being packed: the promise is asked for again at once, and only if that fails is there a hold."""
    spec.given(*AN_ORDER_RELEASED).when(
        RESERVATION_EXPIRED, reservation_refused(SHORT_BULBS, attempt=2)
    ).then(accepted(2), SHORT_HOLD)


def test_what_already_left_is_not_reserved_again() -> None:
    """The lamp is with the carrier: only the bulbs are promised anew, now and after a wait."""
    spec.given(*AN_ORDER_RELEASED, handed_over("p1", LAMPS)).when(
        RESERVATION_EXPIRED, reservation_refused(SHORT_BULBS, attempt=2), availability(BULB, 2)
    ).then(
        accepted(2, (BULBS,)),
        SHORT_HOLD,
        hold_released(HoldReason.STOCK_SHORT, "BULB is available"),
        accepted(3, (BULBS,)),
    )


@pytest.mark.parametrize("history", [AN_ORDER_ACCEPTED, AN_ORDER_CANCELLED, AN_ORDER_CANCELLING])
def test_an_expiry_that_concerns_nothing_does_nothing(history: tuple[Event, ...]) -> None:
    """Waiting for an answer, ended, or being stopped: there is no promise that the order relies on."""
    spec.given(*history).when(RESERVATION_EXPIRED).then_nothing()


def test_stock_that_appears_lets_the_order_go_on() -> None:
    """Nobody has to click when the delivery is booked in."""
    spec.given(*AN_ORDER_ACCEPTED, SHORT_HOLD).when(availability(BULB, 2)).then(
        hold_released(HoldReason.STOCK_SHORT, "BULB is available"), accepted(2)
    )


@pytest.mark.parametrize("event", [availability(BULB, 1), availability(BULB, 0), availability(LAMP, 9)])
def test_stock_that_is_not_enough_or_not_waited_for_does_nothing(event: Event) -> None:
    """Asking again in vain would only make noise."""
    spec.given(*AN_ORDER_ACCEPTED, SHORT_HOLD).when(event).then_nothing()


def test_availability_again_finds_nobody_waiting() -> None:
    """The order has gone on; the same news must not accept it twice."""
    spec.given(*AN_ORDER_ACCEPTED, SHORT_HOLD).when(availability(BULB, 2), availability(BULB, 2)).then(
        hold_released(HoldReason.STOCK_SHORT, "BULB is available"), accepted(2)
    )


def waiting(number: int, units: int) -> tuple[Event, ...]:
    """Another order that waits for so many bulbs."""
    this = f"shop:{number}"
    lines = (Units(sku=BULB, quantity=units),)
    return (
        OrderReceived(order_id=this, order=order(channel_order_id=str(number))),
        OrderAccepted.model_validate(accepted(1, lines).model_dump() | {"order_id": this}),
        OrderHeld.model_validate(SHORT_HOLD.model_dump() | {"order_id": this, "skus": lines}),
    )


def test_the_oldest_are_served_first_and_no_more_than_there_is() -> None:
    """5 units: the first takes 2, the second wants 4 and is passed over, the third takes 3 (RSV-04)."""
    given = spec.given(*waiting(1, 2), *waiting(2, 4), *waiting(3, 3), *waiting(4, 1))
    served = [e for e in given.when(availability(BULB, 5)).events if isinstance(e, OrderAccepted)]
    assert [event.order_id for event in served] == ["shop:1", "shop:3"]


def test_an_order_held_for_something_else_too_does_not_take_the_stock() -> None:
    """Its wait is over, but it cannot go on: the units are left to the next."""
    given = spec.given(*AN_ORDER_ACCEPTED, SHORT_HOLD, held(HoldReason.MANUAL, "mira: wait"), *waiting(2, 2))
    events = given.when(availability(BULB, 2)).events
    assert [event.order_id for event in events if isinstance(event, OrderAccepted)] == ["shop:2"]


def test_a_sku_that_is_registered_lets_the_order_go_on() -> None:
    """Unknown SKU: held, released by itself when the SKU is imported (NRM-03)."""
    spec.given(*AN_ORDER_ACCEPTED, UNMAPPED_HOLD).when(sku_registered(LAMP), sku_registered(LAMP)).then(
        hold_released(HoldReason.SKU_UNMAPPED, "LAMP was registered"), accepted(2)
    )


def test_a_registration_says_nothing_about_stock() -> None:
    """Whoever waits for units of a known SKU goes on waiting."""
    spec.given(*AN_ORDER_ACCEPTED, SHORT_HOLD).when(sku_registered(BULB)).then_nothing()


def test_a_new_promise_to_a_paid_order_releases_it() -> None:
    """The money was confirmed before the reservation ran out: it is not asked for twice."""
    spec.given(*AN_ORDER_PAID, EXPIRED_HOLD).when(availability(LAMP, 1), stock_reserved(attempt=2)).then(
        hold_released(HoldReason.STOCK_SHORT, "LAMP is available"), accepted(2), RELEASED
    )


def test_a_new_promise_while_the_payment_is_out_repeats_the_same_request() -> None:
    """Same attempt, so billing does nothing; the order knows that it is reserved when the money comes."""
    spec.given(*AN_ORDER_BILLED, EXPIRED_HOLD).when(availability(LAMP, 1), stock_reserved(attempt=2)).then(
        hold_released(HoldReason.STOCK_SHORT, "LAMP is available"), accepted(2), payment_requested(1)
    )


def test_a_waiting_order_is_found_by_what_it_waits_for() -> None:
    """The tags are how the stock finds it, and how people count holds."""
    state = spec.given(*AN_ORDER_ACCEPTED, SHORT_HOLD).world.states[ENTITY]
    assert list(tags(state)) == ["state=held", "hold=stock_short", "waits:BULB"]
    assert state.holds[0].since == NOON


def test_a_weight_the_channel_did_not_tell_comes_from_the_catalogue() -> None:
    """The lamp keeps the channel's 1200 g; the bulb gets the catalogue's, kept from the promise to the release."""
    promise = stock_reserved(weights={LAMP: 9999, BULB: 80})
    known = spec.given(*AN_ORDER_ACCEPTED).when(promise)
    paid = spec.given(*AN_ORDER_ACCEPTED).when(promise, payment_captured())
    request, _, released = paid.events
    assert isinstance(request, PaymentRequested)
    assert isinstance(released, OrderReleased)
    assert request.weights == {BULB: 80} == known.world.states[ENTITY].weights
    assert [line.weight_g for line in released.lines] == [1200, 80]
    assert paid.world.states[ENTITY].weights == {}
