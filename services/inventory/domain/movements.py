"""The ledger in one table: how each event moves what is on hand and what is reserved.

On hand is the sum of its movements, reserved the sum of the open promises. Whoever wants to check the books
needs this table and the log, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

from contracts.event import Event
from contracts.inventory import (
    ReservationExpired,
    ReservationReleased,
    StockAdjusted,
    StockDispatched,
    StockReceived,
    StockReserved,
)

type CountedEvent = StockReceived | StockAdjusted
type PromiseEvent = StockReserved | ReservationReleased | ReservationExpired | StockDispatched


class Direction(NamedTuple):
    """By how much one unit of an event's quantity moves each number."""

    on_hand: int
    reserved: int


MOVEMENTS: Mapping[type[Event], Direction] = {
    StockReceived: Direction(on_hand=+1, reserved=0),
    StockAdjusted: Direction(on_hand=+1, reserved=0),
    StockReserved: Direction(on_hand=0, reserved=+1),
    ReservationReleased: Direction(on_hand=0, reserved=-1),
    ReservationExpired: Direction(on_hand=0, reserved=-1),
    StockDispatched: Direction(on_hand=-1, reserved=-1),
}


class Line(Protocol):
    """Units of a SKU at a location: a line of an event, or an event that is about one line only."""

    @property
    def sku(self) -> str:
        """Which SKU."""

    @property
    def location(self) -> str:
        """Where."""

    @property
    def quantity(self) -> int:
        """How many units."""


def lines_of(event: CountedEvent | PromiseEvent) -> Iterable[Line]:
    """The lines that an event moves."""
    return (event,) if isinstance(event, StockReceived | StockAdjusted) else event.lines


def changes(events: Iterable[Event]) -> dict[str, Direction]:
    """By how much events change what is on hand and reserved of each SKU, over all its locations."""
    total: dict[str, Direction] = {}
    for event in events:
        direction = MOVEMENTS.get(type(event))
        if direction:
            for line in lines_of(event):  # type: ignore[arg-type]
                on_hand, reserved = total.get(line.sku, (0, 0))
                total[line.sku] = Direction(
                    on_hand + direction.on_hand * line.quantity, reserved + direction.reserved * line.quantity
                )
    return total
