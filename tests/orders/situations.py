"""A lamp and two bulbs for Ada in Berlin, and how far that order has come: where the tests start from."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from contracts import billing, inventory, orders, shipping
from contracts.address import Address, Recipient
from contracts.event import Event
from contracts.inventory import Short, StockLine
from contracts.orders import HoldReason
from contracts.parking import REFUSALS, CommandRefused
from contracts.placed_order import (
    OrderLine,
    PaymentFacts,
    PaymentState,
    PlacedOrder,
    ShippingLine,
    TaxLine,
    Units,
)
from services.orders.domain.commands import PlaceOrder
from services.orders.domain.holds import OWNERS
from services.orders.domain.machine import COMMANDS
from services.orders.domain.policies import OrderPolicies
from services.orders.domain.states import State
from services.orders.wiring import declare
from tests.spec import NOON, Spec

ID = "shop:1001"
ENTITY = f"order/{ID}"
LAMP, BULB = "LAMP", "BULB"
VAT = Decimal("0.19")
ADA = Recipient(name="Ada", email="ada@example.com", locale="de")
BERLIN = Address(name="Ada", line1="Lindenstraße 9", city="Berlin", postcode="10969", country="DE")
DEMAND = (Units(sku=LAMP, quantity=1), Units(sku=BULB, quantity=2))
LIMIT = timedelta(days=7)


def told(_: Any) -> None:
    """No test of the decisions sends raw messages through here."""


spec = Spec(declare(OrderPolicies(payment_hold_limit=LIMIT), told))


def line(sku: str, quantity: int, total_minor: int, **more: Any) -> OrderLine:
    """A line at an even unit price."""
    return OrderLine(
        line_id=f"l-{sku}",
        sku=sku,
        title=sku.title(),
        quantity=quantity,
        unit_price_minor=total_minor // quantity,
        total_minor=total_minor,
        taxes=(TaxLine(rate=VAT, amount_minor=total_minor * 19 // 119),),
        **more,
    )


LINES = (line(LAMP, 1, 5000, weight_g=1200), line(BULB, 2, 800))

ORDER = PlacedOrder(
    channel="shop",
    channel_order_id="1001",
    version=1,
    placed_at=datetime(2026, 11, 21, 11, 59, tzinfo=UTC),
    currency="EUR",
    lines=LINES,
    shipping=(ShippingLine(title="Parcel", total_minor=490),),
    tax_minor=1004,
    total_minor=6290,
    customer=ADA,
    ship_to=BERLIN,
    payment=PaymentFacts(state="paid", reference="tx-1"),
)
"""A sound order: 50.00 + 8.00 + 4.90 delivery, paid at the channel."""


def order(**changes: Any) -> PlacedOrder:
    """The sound order with these differences."""
    return replace(ORDER, **changes)


def place(placed: PlacedOrder = ORDER) -> PlaceOrder:
    """The order comes in."""
    return PlaceOrder(order=placed)


def received(placed: PlacedOrder = ORDER) -> Event:
    return orders.OrderReceived(order_id=ID, order=placed)


def revised(placed: PlacedOrder, changed: str) -> Event:
    return orders.OrderRevised(order_id=ID, order=placed, applied=True, reason=f"changed: {changed}")


def too_late(placed: PlacedOrder, reason: str) -> Event:
    return orders.OrderRevised(order_id=ID, order=placed, applied=False, reason=reason)


def accepted(attempt: int = 1, lines: tuple[Units, ...] = DEMAND, total_minor: int = 6290) -> Event:
    return orders.OrderAccepted(
        order_id=ID, attempt=attempt, currency="EUR", total_minor=total_minor, lines=lines, recipient=ADA
    )


def held(reason: HoldReason, detail: str, skus: tuple[Units, ...] = (), at: datetime = NOON) -> Event:
    expires_at = at + LIMIT if reason is HoldReason.PAYMENT_FAILED else None
    return orders.OrderHeld(
        order_id=ID,
        reason=reason,
        detail=detail,
        owner=OWNERS[reason],
        skus=skus,
        since=at,
        expires_at=expires_at,
    )


def hold_released(reason: HoldReason, note: str, actor: str = "doorstep") -> Event:
    return orders.HoldReleased(order_id=ID, reason=reason, actor=actor, note=note)


def payment_requested(attempt: int = 1, placed: PlacedOrder = ORDER) -> Event:
    """The bill is spelled out here, so that a test compares it with what the order says."""
    goods = [
        orders.BillLine(
            kind="goods",
            sku=sold.sku,
            title=sold.title,
            quantity=sold.quantity,
            total_minor=sold.total_minor,
            taxes=sold.taxes,
        )
        for sold in placed.lines
    ]
    delivery = [
        orders.BillLine(kind="shipping", title="Parcel", total_minor=paid.total_minor)
        for paid in placed.shipping
    ]
    bill = orders.Bill(
        prices_include_tax=True,
        lines=(*goods, *delivery),
        tax_minor=placed.tax_minor,
        buyer=BERLIN,
        recipient=ADA,
    )
    return orders.PaymentRequested(
        order_id=ID,
        attempt=attempt,
        channel="shop",
        currency="EUR",
        total_minor=placed.total_minor,
        payment=placed.payment,
        bill=bill,
        ships=any(sold.requires_shipping for sold in placed.lines),
    )


def payment_awaited(state: PaymentState = "unpaid") -> Event:
    return orders.PaymentAwaited(order_id=ID, channel="shop", state=state)


def payment_confirmed(amount_minor: int = 6290) -> Event:
    return orders.PaymentConfirmed(order_id=ID, amount_minor=amount_minor)


RELEASED = orders.OrderReleased(
    order_id=ID,
    ship_to=BERLIN,
    recipient=ADA,
    lines=(
        orders.ReleasedLine(line_id="l-LAMP", sku=LAMP, title="Lamp", quantity=1, weight_g=1200),
        orders.ReleasedLine(line_id="l-BULB", sku=BULB, title="Bulb", quantity=2),
    ),
)


def cancelled(reason: str, actor: str, *, by_channel: bool = False) -> Event:
    return orders.OrderCancelled(order_id=ID, reason=reason, actor=actor, by_channel=by_channel)


def handed_over(parcel_id: str, *lines: Units) -> Event:
    return orders.ParcelHandedOver(
        order_id=ID, parcel_id=parcel_id, carrier="post", tracking_number=f"T-{parcel_id}", lines=lines
    )


FULFILLED = orders.OrderFulfilled(order_id=ID)

AN_ORDER_RECEIVED = (received(),)
AN_ORDER_ACCEPTED = (*AN_ORDER_RECEIVED, accepted())
AN_ORDER_BILLED = (*AN_ORDER_ACCEPTED, payment_requested())
AN_ORDER_PAID = (*AN_ORDER_BILLED, payment_confirmed())
AN_ORDER_RELEASED = (*AN_ORDER_PAID, RELEASED)
AN_ORDER_CANCELLING = (
    *AN_ORDER_RELEASED,
    orders.CancellationRequested(order_id=ID, reason="changed my mind", actor="mira"),
)
AN_ORDER_CANCELLED = (*AN_ORDER_ACCEPTED, cancelled("changed my mind", "mira"))
AN_ORDER_FULFILLED = (*AN_ORDER_RELEASED, handed_over("p1", *DEMAND), FULFILLED)


# What the other services say.


def stock_reserved(attempt: int = 1, weights: dict[str, int] | None = None) -> Event:
    lines = tuple(StockLine(sku=units.sku, location="MAIN", quantity=units.quantity) for units in DEMAND)
    return inventory.StockReserved(
        order_id=ID,
        attempt=attempt,
        lines=lines,
        expires_at=NOON + timedelta(minutes=15),
        weights=weights or {},
    )


def reservation_refused(*short: Short, attempt: int = 1) -> Event:
    return inventory.ReservationRefused(order_id=ID, attempt=attempt, short=short)


RESERVATION_EXPIRED = inventory.ReservationExpired(order_id=ID, lines=stock_reserved().lines)  # type: ignore[attr-defined]


def availability(sku: str, available: int) -> Event:
    return inventory.AvailabilityChanged(sku=sku, available=available, on_hand=available, reserved=0)


def sku_registered(sku: str) -> Event:
    return inventory.SkuRegistered(sku=sku, currency="EUR")


def payment_captured(amount_minor: int = 6290) -> Event:
    return billing.PaymentCaptured(
        order_id=ID,
        payment_id=f"pay-{ID}-1",
        source="channel",
        reference="tx-1",
        currency="EUR",
        amount_minor=amount_minor,
        entry=billing.JournalEntry(currency="EUR", postings=()),
    )


PAYMENT_FAILED = billing.PaymentFailed(order_id=ID, payment_id=f"pay-{ID}-1", reason="card declined")


def parcel_dispatched(parcel_id: str, *lines: Units, last: bool) -> Event:
    return shipping.ParcelDispatched(
        order_id=ID,
        fulfilment_id=f"ful-{ID}",
        parcel_id=parcel_id,
        carrier="post",
        tracking_number=f"T-{parcel_id}",
        lines=lines,
        recipient=ADA,
        actor="packer",
        last=last,
    )


FULFILMENT_CANCELLED = shipping.FulfilmentCancelled(
    order_id=ID, fulfilment_id=f"ful-{ID}", reason="asked to stop"
)
CANCELLATION_REFUSED = shipping.CancellationRefused(order_id=ID, reason="a parcel is with the carrier")


def refused(command: str, state: str, axis: State, reason: str, actor: str = "mira") -> CommandRefused:
    return REFUSALS["orders"].command_refused(
        entity=ENTITY, command=command, state=state, allowed=COMMANDS[axis], reason=reason, actor=actor
    )
