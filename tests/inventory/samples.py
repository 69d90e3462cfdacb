"""What the tests of inventory talk about: a lamp and a mug in two places, and the orders for them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from contracts.address import Recipient
from contracts.event import Event
from contracts.inventory import (
    AvailabilityChanged,
    SkuRegistered,
    StockAdjusted,
    StockLine,
    StockReceived,
    StockReserved,
)
from contracts.orders import OrderAccepted, OrderCancelled
from contracts.placed_order import Units
from contracts.shipping import ParcelDispatched
from services.inventory.domain.commands import AdjustStock, ReceiveStock
from services.inventory.settings import InventorySettings
from services.inventory.wiring import declare
from tests.spec import NOON, Spec

LAMP, MUG, GHOST = "LAMP", "MUG", "GHOST"
BACK, MAIN = "BACK", "MAIN"
"""Two locations, in the order of their names."""
ORDER, OTHER_ORDER = "shopify:1001", "shopify:1002"
EXPIRES = NOON + timedelta(days=7)
NEXT_SECOND = NOON + timedelta(seconds=1)
BY_ANNA = {"reason": "delivery", "actor": "anna", "reference": "DN-17"}

inventory = Spec(declare(InventorySettings()))


def registered(sku: str = LAMP, **facts: Any) -> SkuRegistered:
    return SkuRegistered(sku=sku, currency="EUR", **facts)


def received(quantity: int, sku: str = LAMP, location: str = MAIN, reference: str = "DN-1") -> StockReceived:
    return StockReceived(
        sku=sku, location=location, quantity=quantity, reason="delivery", actor="anna", reference=reference
    )


def told(
    available: int, sku: str = LAMP, on_hand: int | None = None, at: datetime = NOON
) -> AvailabilityChanged:
    """What others hear of a SKU; nothing is reserved unless `on_hand` says so."""
    on_hand = available if on_hand is None else on_hand
    return AvailabilityChanged(
        sku=sku,
        available=available,
        on_hand=on_hand,
        reserved=on_hand - available,
        quiet_until=at + timedelta(seconds=1),
    )


def in_stock(quantity: int, sku: str = LAMP, location: str = MAIN) -> tuple[Event, ...]:
    """A registered SKU with so many units at one location, all of it told."""
    return registered(sku), received(quantity, sku, location), told(quantity, sku)


def line(quantity: int, sku: str = LAMP, location: str = MAIN) -> StockLine:
    return StockLine(sku=sku, location=location, quantity=quantity)


def units(quantity: int, sku: str = LAMP) -> Units:
    return Units(sku=sku, quantity=quantity)


def accepted(*lines: Units, order: str = ORDER, attempt: int = 1) -> OrderAccepted:
    return OrderAccepted(
        order_id=order, attempt=attempt, currency="EUR", total_minor=100, lines=lines, recipient=Recipient()
    )


def cancelled(order: str = ORDER, reason: str = "customer changed her mind") -> OrderCancelled:
    return OrderCancelled(order_id=order, reason=reason, actor="anna")


def reserved(
    *lines: StockLine,
    order: str = ORDER,
    attempt: int = 1,
    expires_at: datetime = EXPIRES,
    weights: dict[str, int] | None = None,
) -> StockReserved:
    return StockReserved(
        order_id=order, attempt=attempt, lines=lines, expires_at=expires_at, weights=weights or {}
    )


def parcel(*lines: Units, order: str = ORDER, parcel_id: str = "P1", last: bool = False) -> ParcelDispatched:
    return ParcelDispatched(
        order_id=order,
        fulfilment_id="F1",
        parcel_id=parcel_id,
        carrier="own_range",
        tracking_number="T1",
        lines=lines,
        recipient=Recipient(),
        actor="anna",
        last=last,
    )


def receive(quantity: int, sku: str = LAMP, location: str = MAIN, **facts: str) -> ReceiveStock:
    return ReceiveStock(sku, location, quantity, **{**BY_ANNA, **facts})


def adjust(quantity: int, sku: str = LAMP, location: str = MAIN, **facts: str) -> AdjustStock:
    return AdjustStock(
        sku, location, quantity, **{"reason": "count", "actor": "anna", "reference": "COUNT-3", **facts}
    )


def adjusted(quantity: int, sku: str = LAMP, location: str = MAIN, **facts: Any) -> StockAdjusted:
    said = {"reason": "count", "actor": "anna", "reference": "COUNT-3", **facts}
    return StockAdjusted(sku=sku, location=location, quantity=quantity, **said)
