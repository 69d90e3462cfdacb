"""What is shown of a state: JSON shapes, quantities in whole units."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from services.inventory.domain.reservation import Reservation
from services.inventory.domain.stock import Stock


def stock_shape(sku: str, stock: Stock) -> dict[str, Any]:
    """One SKU: what there is, what is promised, what can be sold, by location; and its master data.

    `uncounted`: units that left though the books did not have them; not zero means that a count is due.
    """
    return {
        "sku": sku,
        "on_hand": stock.on_hand,
        "reserved": stock.reserved,
        "available": stock.available,
        "uncounted": stock.uncounted,
        "locations": [
            {"location": place.location, "on_hand": place.on_hand, "reserved": place.reserved}
            for place in stock.places
        ],
        **(asdict(stock.item) if stock.item else {}),
    }


def reservation_shape(order_id: str, reservation: Reservation) -> dict[str, Any]:
    """What an order is promised: `lines` is what is still held for it."""
    return {
        "order_id": order_id,
        "state": str(reservation.status),
        "attempt": reservation.attempt,
        "lines": [asdict(line) for line in reservation.lines],
        "expires_at": reservation.expires_at.isoformat() if reservation.expires_at else None,
        "parcels": list(reservation.parcels),
    }
