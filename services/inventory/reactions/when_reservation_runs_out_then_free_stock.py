"""A promise that was not kept in time ends: its units can be sold again.

That is told at once, whatever was told before: from now on the order itself waits for them.
"""

from __future__ import annotations

from collections.abc import Iterable

from contracts.event import Event
from contracts.inventory import ReservationExpired
from services.inventory.domain.availability import with_news
from services.inventory.domain.books import Books, reservation_of


def when_reservation_runs_out_then_free_stock(entity: str, books: Books) -> Iterable[Event]:
    """Frees what is still held; nothing if it was dispatched, released or promised anew meanwhile."""
    order_id = entity.partition("/")[2]
    reservation = reservation_of(books, order_id)
    if reservation is None or not reservation.lines:
        return ()
    if reservation.expires_at is None or books.now < reservation.expires_at:
        return ()
    freed = tuple(dict.fromkeys(line.sku for line in reservation.lines))
    return with_news([ReservationExpired(order_id=order_id, lines=reservation.lines)], books, freed)
