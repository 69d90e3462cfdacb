"""What a decision about stock may look at."""

from __future__ import annotations

from typing import cast

from contracts.world import World
from services.inventory.domain.names import reservation_entity, sku_entity
from services.inventory.domain.policies import Policies
from services.inventory.domain.reservation import Reservation
from services.inventory.domain.stock import Stock

type Books = World[Policies]
"""The time, the shop's policies, and the newest states."""


def stock_of(books: Books, sku: str) -> Stock | None:
    """What is known about a SKU; None where nobody ever spoke of it."""
    return cast("Stock | None", books.state(sku_entity(sku)))


def reservation_of(books: Books, order_id: str) -> Reservation | None:
    """What an order was promised; None where it never asked."""
    return cast("Reservation | None", books.state(reservation_entity(order_id)))
