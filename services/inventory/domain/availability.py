"""When others are told how much of a SKU can be sold.

To zero and from zero at once, in the decision that causes it: a channel must not sell what is gone. So is what an
order was refused for: it waits for more than that, and would wait for ever if the units came back unannounced.
Everything else at most once per SKU and period (`Policies.announcements`), whatever happened meanwhile, so
that load does not mean an event per order. Periods end for all SKUs at the same moment: what is due then is
one transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from contracts.event import Event
from contracts.inventory import AvailabilityChanged, ReservationRefused
from services.inventory.domain.books import Books, stock_of
from services.inventory.domain.movements import changes
from services.inventory.domain.stock import LONG_AGO, UNSPOKEN


def with_news(events: Iterable[Event], books: Books, again: Collection[str] = ()) -> tuple[Event, ...]:
    """The events, followed by what has to be told at once because of them; of the SKUs in `again` in any case."""
    happened = tuple(events)
    return (*happened, *_crossings(happened, books, again))


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


def _crossings(
    events: Sequence[Event], books: Books, again: Collection[str]
) -> Iterable[AvailabilityChanged]:
    changed, refused = changes(events), _refused(events)
    for sku in dict.fromkeys((*changed, *refused, *again)):
        on_hand, reserved = changed.get(sku, (0, 0))
        stock = stock_of(books, sku) or UNSPOKEN
        available = stock.available + on_hand - reserved
        crossed = on_hand != reserved and (available > 0) != (stock.announced > 0)
        if crossed or sku in again or (sku in refused and available != stock.announced):
            yield announcement(sku, books, on_hand, reserved)


def _refused(events: Iterable[Event]) -> tuple[str, ...]:
    """SKUs that somebody waits for from now on."""
    refusals = (event for event in events if isinstance(event, ReservationRefused))
    return tuple(dict.fromkeys(short.sku for event in refusals for short in event.short if short.known))
