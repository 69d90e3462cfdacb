"""Documents that moved stock: each moves a SKU at a location once, however late it is sent again.

Each is an entity of its own: what was counted is remembered for ever, and no other state grows with it.
"""

from __future__ import annotations

from dataclasses import dataclass

from contracts.inventory import StockAdjusted, StockReceived


class BookedTwice(ValueError):
    """A document would count twice. No decision may return that."""


@dataclass(frozen=True, slots=True)
class Booked:
    """The document was booked, with so many units."""

    quantity: int


def evolve(state: Booked | None, event: StockReceived | StockAdjusted, entity: str) -> Booked:
    """Booked, once. Raises `BookedTwice`."""
    if state is not None:
        raise BookedTwice(f"{entity} was booked with {state.quantity} before")
    return Booked(event.quantity)
