"""An order comes in for the first time: accepted, held with reasons, or cancelled already."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from contracts import orders
from contracts.address import Address
from contracts.orders import HoldReason
from contracts.placed_order import Adjustment, PaymentFacts, Units
from services.orders.domain.rules import PARTLY_REFUNDED
from services.orders.domain.states import displayed
from tests.orders.situations import (
    AN_ORDER_ACCEPTED,
    BERLIN,
    BULB,
    DEMAND,
    ENTITY,
    ID,
    LAMP,
    LINES,
    accepted,
    cancelled,
    held,
    line,
    order,
    payment_captured,
    payment_confirmed,
    payment_requested,
    place,
    received,
    spec,
)


def test_a_sound_order_is_accepted() -> None:
    """Nothing stands in the way: inventory is asked for everything at once."""
    spec.when(place()).then(received(), accepted(1, DEMAND))


def test_the_same_order_again_does_nothing() -> None:
    """Channels deliver more than once; the second delivery must not be a second order."""
    spec.given(*AN_ORDER_ACCEPTED).when(place()).then_nothing()


def test_lines_of_the_same_sku_are_one_demand() -> None:
    """3 + 3 of a SKU are 6: reserved or refused together (RSV-03)."""
    placed = order(lines=(line(LAMP, 3, 2900), line(LAMP, 3, 2900)))
    lines = (Units(sku=LAMP, quantity=6),)
    spec.when(place(placed)).then(received(placed), accepted(1, lines))


def test_a_line_that_is_not_shipped_is_not_reserved() -> None:
    """A download beside a lamp needs no stock, and no SKU."""
    placed = order(lines=(line(LAMP, 1, 5000), replace(line("", 1, 800), requires_shipping=False)))
    spec.when(place(placed)).then(received(placed), accepted(1, (Units(sku=LAMP, quantity=1),)))


def test_totals_that_do_not_add_up_hold_the_order_and_name_the_numbers() -> None:
    """Money that nobody can explain must not be captured or invoiced."""
    placed = order(total_minor=6300)
    detail = (
        "lines 5800 + shipping 490 + adjustments 0 = 6290, but the channel's total is 6300 "
        "(minor units of EUR, difference 10)"
    )
    spec.when(place(placed)).then(received(placed), held(HoldReason.TOTALS_MISMATCH, detail))


def test_net_prices_add_up_with_the_tax_and_adjustments() -> None:
    """Where prices are net the tax is part of the sum; a gift card lowers it."""
    gift_card = Adjustment(kind="gift_card", amount_minor=-1000)
    placed = order(
        prices_include_tax=False,
        adjustments=(gift_card,),
        tax_minor=1195,
        total_minor=5800 + 490 - 1000 + 1195,
    )
    spec.when(place(placed)).then(received(placed), accepted(total_minor=6485))


@pytest.mark.parametrize(
    ("ship_to", "missing"),
    [
        (None, "there is no delivery address"),
        (replace(BERLIN, country=""), "the delivery address lacks a country"),
        (replace(BERLIN, city="", postcode=""), "the delivery address lacks a city or postcode"),
        (replace(BERLIN, line1=" "), "the delivery address lacks a street or company"),
        (Address(), "the delivery address lacks a country, a city or postcode, a street or company"),
    ],
)
def test_an_address_that_cannot_be_shipped_to_holds_the_order(ship_to: Address | None, missing: str) -> None:
    """The person on the hold's desk is told what to ask the customer for."""
    placed = order(ship_to=ship_to)
    spec.when(place(placed)).then(received(placed), held(HoldReason.ADDRESS_INVALID, missing))


@pytest.mark.parametrize("ship_to", [replace(BERLIN, city=""), replace(BERLIN, line1="", company="Ada AG")])
def test_one_of_two_ways_to_find_the_place_is_enough(ship_to: Address) -> None:
    """City-states have no postcode, companies no street: neither may stop an order."""
    placed = order(ship_to=ship_to)
    spec.when(place(placed)).then(received(placed), accepted())


def test_a_line_without_a_sku_holds_the_order() -> None:
    """SKUs are never invented; the line is named so that it can be mapped."""
    placed = order(lines=(LINES[0], line("", 2, 800)))
    detail = "no SKU on line l- ''"
    spec.when(place(placed)).then(received(placed), held(HoldReason.SKU_UNMAPPED, detail))


@pytest.mark.parametrize("state", ["refunded", "voided"])
def test_money_already_given_back_holds_the_order(state: str) -> None:
    """Goods must not leave for money that went back before we saw the order."""
    placed = order(payment=PaymentFacts(state=state))  # type: ignore[arg-type]
    detail = f"the payment is already {state} at the channel"
    spec.when(place(placed)).then(received(placed), held(HoldReason.MANUAL, detail))


def test_money_given_back_in_part_holds_the_order() -> None:
    """Channels go on listing the line that was taken out: it must not be shipped unseen."""
    placed = order(payment=PaymentFacts(state="paid", refunded_in_part=True))
    spec.when(place(placed)).then(received(placed), held(HoldReason.MANUAL, PARTLY_REFUNDED))


def test_every_reason_is_its_own_hold() -> None:
    """Different desks work on different reasons at the same time."""
    placed = order(ship_to=None, lines=(), shipping=(), total_minor=1)
    then = spec.when(place(placed)).then(
        received(placed),
        held(
            HoldReason.TOTALS_MISMATCH,
            "lines 0 + shipping 0 + adjustments 0 = 0, but the channel's total is 1 "
            "(minor units of EUR, difference 1)",
        ),
        held(HoldReason.MANUAL, "the order has no lines"),
    )
    assert displayed(then.state(ENTITY)) == "held"


def test_an_order_cancelled_before_we_saw_it_ends_at_once() -> None:
    """The creation was lost or late; nothing is reserved, and the cancellation is kept with its reason."""
    placed = order(cancelled_at=datetime(2026, 11, 21, tzinfo=UTC), cancel_reason="customer")
    spec.when(place(placed)).then(received(placed), cancelled("customer", "shop", by_channel=True))


DOWNLOAD = order(lines=(replace(line(BULB, 1, 5800), requires_shipping=False),), ship_to=None, bill_to=BERLIN)


def test_an_order_of_downloads_is_billed_without_asking_for_stock() -> None:
    """There is nothing to reserve, so nothing is waited for."""
    spec.when(place(DOWNLOAD)).then(received(DOWNLOAD), accepted(1, ()), payment_requested(1, DOWNLOAD))


def test_an_order_of_downloads_is_done_when_it_is_paid() -> None:
    """There is nothing to ship either: the warehouse never hears of it."""
    spec.given(received(DOWNLOAD), accepted(1, ()), payment_requested(1, DOWNLOAD)).when(
        payment_captured()
    ).then(payment_confirmed(), orders.OrderFulfilled(order_id=ID))
