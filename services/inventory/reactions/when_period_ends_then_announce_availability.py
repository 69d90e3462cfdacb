"""What can be sold has changed, and was not told yet because the SKU was told of only just before."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.event import Event
from services.inventory.domain.availability import announcement
from services.inventory.domain.books import Books, stock_of


def when_period_ends_then_announce_availability(entity: str, books: Books) -> Iterable[Event]:
    """The newest number, whatever was in between; nothing if it is what was told last."""
    sku = entity.partition("/")[2]
    stock = stock_of(books, sku)
    if stock is None or stock.available == stock.announced:
        return ()
    return (announcement(sku, books),)
