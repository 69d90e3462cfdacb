"""An accepted order is promised all of its units at one point in time, or is told what is short."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.event import Event
from contracts.inventory import ReservationRefused, ReservationReleased, StockReserved
from contracts.orders import OrderAccepted
from services.inventory.domain import stock
from services.inventory.domain.allocation import Find, allocate, demand, shortages, weights
from services.inventory.domain.availability import with_news
from services.inventory.domain.books import Books, reservation_of, stock_of
from services.inventory.domain.names import reservation_entity, sku_entity


def when_order_accepted_then_reserve_stock(accepted: OrderAccepted, books: Books) -> Iterable[Event]:
    """A later attempt replaces an open promise, and may use what that frees. The same again: nothing.

    An order that has left asked before it heard so: it is refused, though nothing is short.
    """
    reservation = reservation_of(books, accepted.order_id)
    if reservation and reservation.attempt >= accepted.attempt:
        return ()
    if reservation and reservation.has_left:
        return (ReservationRefused(order_id=accepted.order_id, attempt=accepted.attempt, short=()),)
    if reservation is None or not reservation.lines:
        decided = _decide(accepted, books, lambda sku: stock_of(books, sku))
        return with_news([decided], books, _passed_on(accepted, decided))
    reason = f"accepted again, attempt {accepted.attempt}"
    freed = ReservationReleased(order_id=accepted.order_id, lines=reservation.lines, reason=reason)
    decided = _decide(accepted, books, _after(freed, books))
    return with_news([freed, decided], books, _passed_on(accepted, decided))


def needs(accepted: OrderAccepted) -> tuple[str, ...]:
    """The order's reservation and the SKUs it asks for."""
    return (reservation_entity(accepted.order_id), *[sku_entity(line.sku) for line in accepted.lines])


def _decide(accepted: OrderAccepted, books: Books, find: Find) -> Event:
    asked = demand(accepted.lines)
    if short := shortages(asked, find):
        return ReservationRefused(order_id=accepted.order_id, attempt=accepted.attempt, short=short)
    return StockReserved(
        order_id=accepted.order_id,
        attempt=accepted.attempt,
        lines=allocate(asked, find),
        expires_at=books.now + books.policies.reservation,
        weights=weights(asked, find),
    )


def _passed_on(accepted: OrderAccepted, decided: Event) -> tuple[str, ...]:
    """What an order that had waited does not take, for want of something else: others were passed over for it."""
    if accepted.attempt == 1 or not isinstance(decided, ReservationRefused):
        return ()
    missing = {short.sku for short in decided.short}
    return tuple(sku for sku in demand(accepted.lines) if sku not in missing)


def _after(freed: ReservationReleased, books: Books) -> Find:
    """The stock as it is once the old promise is taken back."""
    entities = {line.sku: sku_entity(line.sku) for line in freed.lines}
    changed = {sku: stock.evolve(stock_of(books, sku), freed, entity) for sku, entity in entities.items()}
    return lambda sku: changed.get(sku) or stock_of(books, sku)
