"""What is known about one SKU: its master data, and per location what is on hand and what is promised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from contracts.event import Event
from contracts.frozen import replace
from contracts.inventory import (
    AvailabilityChanged,
    ReservationExpired,
    ReservationReleased,
    SkuAmended,
    SkuRegistered,
    StockAdjusted,
    StockDispatched,
    StockReceived,
    StockReserved,
    WriteOffApproved,
    WriteOffDenied,
    WriteOffRequested,
)
from contracts.parking import REFUSALS
from services.inventory.domain.gtin import comparable
from services.inventory.domain.movements import MOVEMENTS, CountedEvent, PromiseEvent

OURSELVES = "doorstep"
"""The actor of what the service does without a person."""
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
LISTED = "listed"
COUNT_DUE = "count=due"
"""The tag of SKUs of which more left than the books had."""
COMMAND_REFUSED = REFUSALS["inventory"].command_refused


class ImpossibleStock(ValueError):
    """An event would make stock negative or promise more than there is. No decision may return one."""


@dataclass(frozen=True, slots=True)
class Item:
    """Master data. The price is per unit, in minor units of the currency."""

    title: str
    barcode: str
    price_minor: int
    currency: str
    vat_class: str
    weight_g: int


@dataclass(frozen=True, slots=True)
class Place:
    """One location: 0 <= reserved <= on_hand. `opened` is the part that came as opening stock."""

    location: str
    on_hand: int = 0
    reserved: int = 0
    opened: int = 0

    @property
    def available(self) -> int:
        """What can still be promised here."""
        return self.on_hand - self.reserved


@dataclass(frozen=True, slots=True)
class Stock:
    """One SKU. `item` is None while nobody registered it; places are in the order of their names.

    `announced` is the availability last told to others, `quiet_until` when it may be told again.
    `uncounted` are units that left though the books did not have them, since the last count.
    """

    item: Item | None = None
    places: tuple[Place, ...] = ()
    announced: int = 0
    quiet_until: datetime = LONG_AGO
    uncounted: int = 0

    @property
    def on_hand(self) -> int:
        """Units in the house, over all locations."""
        return sum([place.on_hand for place in self.places])

    @property
    def reserved(self) -> int:
        """Units promised to orders, over all locations."""
        return sum([place.reserved for place in self.places])

    @property
    def available(self) -> int:
        """Units that can still be promised, over all locations."""
        return sum([place.on_hand - place.reserved for place in self.places])

    def at(self, location: str) -> Place:
        """The place with this name; an empty one where nothing ever was."""
        return next((place for place in self.places if place.location == location), Place(location))


UNSPOKEN = Stock()


def evolve(state: Stock | None, event: Event, entity: str) -> Stock:
    """The SKU after an event. Raises `ImpossibleStock` rather than let a number go below zero."""
    return EVOLVES[type(event)](state or UNSPOKEN, event, entity.partition("/")[2])


def timers(stock: Stock) -> Mapping[str, datetime]:
    """A changed availability is told when the SKU has been quiet long enough."""
    return {"announce": stock.quiet_until} if stock.available != stock.announced else {}


def tags(stock: Stock) -> tuple[str, ...]:
    """Found as listed, by barcode, by being in or out of stock, and while a count is due."""
    if stock.item is None:
        return ()
    barcode = (barcode_tag(stock.item.barcode),) if stock.item.barcode else ()
    due = (COUNT_DUE,) if stock.uncounted else ()
    return (LISTED, "stock=in" if stock.announced else "stock=out", *barcode, *due)


def barcode_tag(barcode: str) -> str:
    """The same for every way to write the same GTIN."""
    return f"barcode:{comparable(barcode)}"


def _described(state: Stock, event: SkuRegistered | SkuAmended, _: str) -> Stock:
    return replace(state, item=item_of(event))


def item_of(event: SkuRegistered | SkuAmended) -> Item:
    """The master data as an event states it."""
    return Item(
        event.title, event.barcode, event.price_minor, event.currency, event.vat_class, event.weight_g
    )


def _counted(state: Stock, event: CountedEvent, _: str) -> Stock:
    opened = event.quantity if event.opening else 0
    places = _shifted(state.places, event.location, event.quantity, 0, opened)
    explained = isinstance(event, StockAdjusted) and event.actor != OURSELVES
    return replace(state, places=places, uncounted=0 if explained else state.uncounted)


def _moved(state: Stock, event: PromiseEvent, sku: str) -> Stock:
    on_hand, reserved = MOVEMENTS[type(event)]
    places = state.places
    for line in event.lines:
        if line.sku == sku:
            places = _shifted(places, line.location, on_hand * line.quantity, reserved * line.quantity)
    return Stock(state.item, places, state.announced, state.quiet_until, state.uncounted)


def _dispatched(state: Stock, event: StockDispatched, sku: str) -> Stock:
    moved = _moved(state, event, sku)
    if not event.missing:
        return moved
    missing = sum(units.quantity for units in event.missing if units.sku == sku)
    return replace(moved, uncounted=moved.uncounted + missing) if missing else moved


def _announced(state: Stock, event: AvailabilityChanged, _: str) -> Stock:
    quiet_until = event.quiet_until or LONG_AGO
    return Stock(state.item, state.places, event.available, quiet_until, state.uncounted)


def _unchanged(state: Stock, _: Event, __: str) -> Stock:
    return state


def _shifted(
    places: tuple[Place, ...], location: str, on_hand: int, reserved: int, opened: int = 0
) -> tuple[Place, ...]:
    for at, old in enumerate(places):
        if old.location == location:
            return (*places[:at], _changed(old, on_hand, reserved, opened), *places[at + 1 :])
    new = _changed(Place(location), on_hand, reserved, opened)
    return tuple(sorted((*places, new), key=lambda place: place.location))


def _changed(old: Place, on_hand: int, reserved: int, opened: int) -> Place:
    new = Place(old.location, old.on_hand + on_hand, old.reserved + reserved, old.opened + opened)
    if not 0 <= new.reserved <= new.on_hand:
        raise ImpossibleStock(f"{old.location} would have {new.on_hand} on hand and {new.reserved} reserved")
    return new


EVOLVES: Mapping[type[Event], Callable[[Stock, Any, str], Stock]] = {
    SkuRegistered: _described,
    SkuAmended: _described,
    StockReceived: _counted,
    StockAdjusted: _counted,
    StockReserved: _moved,
    ReservationReleased: _moved,
    ReservationExpired: _moved,
    StockDispatched: _dispatched,
    AvailabilityChanged: _announced,
    WriteOffRequested: _unchanged,
    WriteOffApproved: _unchanged,
    WriteOffDenied: _unchanged,
    COMMAND_REFUSED: _unchanged,
}
