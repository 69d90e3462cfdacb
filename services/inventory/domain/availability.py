"""When others are told how much of a SKU can be sold.

To zero and from zero at once, in the decision that causes it: a channel must not sell what is gone.
Everything else at most once per SKU and period (`Policies.announcements`), whatever happened meanwhile, so
that load does not mean an event per order. Periods end for all SKUs at the same moment: what is due then is
one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from contracts.event import Event
from contracts.inventory import AvailabilityChanged
from services.inventory.domain.books import Books, stock_of
from services.inventory.domain.movements import changes
from services.inventory.domain.stock import LONG_AGO, UNSPOKEN


def with_news(events: Iterable[Event], books: Books) -> tuple[Event, ...]:
    """The events, followed by what has to be told at once because of them."""
    happened = tuple(events)
    return (*happened, *_crossings(happened, books))


def announcement(sku: str, books: Books, on_hand: int = 0, reserved: int = 0) -> AvailabilityChanged:
    """What can be sold of a SKU when its numbers have changed by so many."""
    stock = stock_of(books, sku) or UNSPOKEN
    on_hand, reserved = stock.on_hand + on_hand, stock.reserved + reserved
    return AvailabilityChanged(
        sku=sku,
        available=on_hand - reserved,
        on_hand=on_hand,
        reserved=reserved,
        quiet_until=end_of_period(books.now, books.policies.announcements),
    )


def end_of_period(now: datetime, period: timedelta) -> datetime:
    """When the period that `now` lies in is over; periods are counted from 1970."""
    return now + period - (now - LONG_AGO) % period


def _crossings(events: Iterable[Event], books: Books) -> Iterable[AvailabilityChanged]:
    for sku, (on_hand, reserved) in changes(events).items():
        if on_hand == reserved:
            continue
        stock = stock_of(books, sku) or UNSPOKEN
        sellable = stock.available + on_hand - reserved > 0
        if sellable != (stock.announced > 0):
            yield announcement(sku, books, on_hand, reserved)
