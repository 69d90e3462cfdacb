"""Money that the channel collects: asked of nobody until the channel says that it is paid, and never charged by us."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.orders import HoldReason, PaymentRequested
from contracts.placed_order import PaymentFacts, PaymentState, PlacedOrder, Units
from services.orders.domain.commands import ReleaseHold
from services.orders.domain.policies import MANUAL_CHANNEL, OrderPolicies
from services.orders.domain.revising import BILL_CHANGED
from services.orders.domain.states import tags
from services.orders.wiring import declare
from tests.orders.situations import (
    DEMAND,
    ENTITY,
    LAMP,
    RESERVATION_EXPIRED,
    accepted,
    cancelled,
    held,
    hold_released,
    line,
    order,
    payment_awaited,
    payment_requested,
    place,
    received,
    revised,
    spec,
    stock_reserved,
    told,
)
from tests.spec import Spec

UNPAID = order(payment=PaymentFacts(state="unpaid"))
PAID = order(version=2)
AWAITING = (received(UNPAID), accepted(), payment_awaited())


def owing(state: PaymentState, **more: Any) -> PlacedOrder:
    return order(payment=PaymentFacts(state=state), **more)


@pytest.mark.parametrize("state", ["unpaid", "authorised"])
def test_an_order_that_its_channel_has_yet_to_collect_for_waits_with_its_stock(state: PaymentState) -> None:
    """Cash on delivery, a transfer, a part still open: billing is not asked, or the gateway would charge it all."""
    placed = owing(state)
    after = spec.given(received(placed), accepted()).when(stock_reserved(), stock_reserved())
    after.then(payment_awaited(state))
    assert set(tags(after.state(ENTITY))) == {"state=accepted", "waiting=payment"}


def test_once_the_channel_says_paid_billing_is_asked() -> None:
    """orders/paid or orders/updated, as a newer version; the stock is still there."""
    after = spec.given(*AWAITING).when(place(PAID), place(PAID))
    after.then(revised(PAID, "payment"), payment_requested(1, PAID))
    assert set(tags(after.state(ENTITY))) == {"state=accepted"}


def test_paid_before_the_stock_is_there_goes_straight_on() -> None:
    """Whichever comes first."""
    spec.given(received(UNPAID), accepted()).when(place(PAID), stock_reserved()).then(
        revised(PAID, "payment"), payment_requested(1, PAID)
    )


def test_a_newer_version_that_is_still_unpaid_waits_on() -> None:
    """Channels touch an order all the time; authorised there is not collected either."""
    placed = owing("authorised", version=2)
    spec.given(*AWAITING).when(place(placed)).then(revised(placed, "payment"))


def test_a_changed_order_waits_again_with_its_new_stock() -> None:
    """Nothing was billed yet, so a new total is no question for a person."""
    two = owing("unpaid", version=2, lines=(line(LAMP, 2, 10000),), total_minor=10490)
    after = spec.given(*AWAITING).when(place(two), stock_reserved(2), place(owing("paid", version=3)))
    assert [type(event).__name__ for event in after.events][:3] == [
        "OrderRevised",
        "OrderAccepted",
        "PaymentAwaited",
    ]
    assert not any(getattr(event, "detail", "") == BILL_CHANGED for event in after.events)


def test_a_promise_that_runs_out_while_waiting_is_a_hold_on_stock() -> None:
    """The stock is not kept for ever for money that does not come; served again, it waits again."""
    expired = held(HoldReason.STOCK_SHORT, "the reservation ran out before the order was released", DEMAND)
    released = ReleaseHold(order_id=expired.order_id, reason=HoldReason.STOCK_SHORT, actor="mira", note="on")  # type: ignore[attr-defined]
    spec.given(*AWAITING).when(RESERVATION_EXPIRED, released, stock_reserved(2)).then(
        expired, hold_released(HoldReason.STOCK_SHORT, "on", "mira"), accepted(2), payment_awaited()
    )


def test_paid_while_held_goes_on_when_the_hold_is_gone() -> None:
    """A hold stops every step, this one too."""
    manual = held(HoldReason.MANUAL, "mira: wait")
    release = ReleaseHold(order_id="shop:1001", reason=HoldReason.MANUAL, actor="mira", note="on")
    spec.given(*AWAITING, manual).when(place(PAID), release).then(
        revised(PAID, "payment"), hold_released(HoldReason.MANUAL, "on", "mira"), payment_requested(1, PAID)
    )


def test_an_awaiting_order_that_is_cancelled_waits_for_nothing() -> None:
    """It is neither counted as waiting nor billed when the channel collects after all."""
    after = spec.given(*AWAITING, cancelled("no", "mira"))
    assert set(tags(after.world.states[ENTITY])) == {"state=cancelled"}


def test_a_free_order_waits_for_nobody() -> None:
    """There is nothing to collect: billing records it."""
    free = owing("unpaid", lines=(line(LAMP, 1, 0),), shipping=(), total_minor=0, tax_minor=0)
    given = spec.given(received(free), accepted(1, (Units(sku=LAMP, quantity=1),), 0))
    (event,) = given.when(stock_reserved()).events
    assert isinstance(event, PaymentRequested)


@pytest.mark.parametrize(
    ("rules", "channel"),
    [(OrderPolicies(gateway_channels=frozenset({"shop"})), "shop"), (OrderPolicies(), MANUAL_CHANNEL)],
)
def test_our_gateway_collects_for_its_channels_and_for_what_people_type_in(
    rules: OrderPolicies, channel: str
) -> None:
    """Nobody else could: a person at the phone is no shop with a checkout."""
    placed = owing("unpaid", channel=channel)
    first = Spec(declare(rules, told)).when(place(placed))
    (event,) = first.world.service.on_event[type(stock_reserved())].then(
        stock_reserved().model_copy(update={"order_id": f"{channel}:1001"}), first.world
    )
    assert isinstance(event, PaymentRequested)
    assert event.payment.state == "unpaid"
