"""A cancelled order gives its units back."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.event import Event
from contracts.inventory import ReservationReleased
from contracts.orders import OrderCancelled
from services.inventory.domain.availability import with_news
from services.inventory.domain.books import Books, reservation_of
from services.inventory.domain.names import reservation_entity
from services.inventory.domain.refusals import TEXT_MAX


def when_order_cancelled_then_release_stock(cancelled: OrderCancelled, books: Books) -> Iterable[Event]:
    """Frees what is still held. Nothing is held where the promise was refused, ran out, or has left."""
    reservation = reservation_of(books, cancelled.order_id)
    if reservation is None or not reservation.lines:
        return ()
    reason = f"order cancelled: {cancelled.reason}"[:TEXT_MAX]
    released = ReservationReleased(order_id=cancelled.order_id, lines=reservation.lines, reason=reason)
    return with_news([released], books)


def needs(cancelled: OrderCancelled) -> tuple[str, ...]:
    """The order's reservation; its SKUs are read when there is one to release."""
    return (reservation_entity(cancelled.order_id),)
