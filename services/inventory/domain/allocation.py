"""Which units an order gets: its demand summed per SKU, all or nothing, from as few places as possible."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from contracts.inventory import Short, StockLine
from contracts.placed_order import Units
from services.inventory.domain.stock import UNSPOKEN, Place, Stock

QUANTITY_MAX = 1_000_000
"""A line of an event holds no more units (`contracts.identifiers.Quantity`); more of them are more lines."""

type Find = Callable[[str], Stock | None]
"""The stock of a SKU; None where nobody ever spoke of it."""


def demand(lines: Iterable[Units]) -> dict[str, int]:
    """Units asked for per SKU. Two lines of the same SKU are one demand: 3 + 3 asks for 6."""
    asked: dict[str, int] = {}
    for line in lines:
        asked[line.sku] = asked.get(line.sku, 0) + line.quantity
    return asked


def shortages(asked: Mapping[str, int], find: Find) -> tuple[Short, ...]:
    """Every SKU that cannot be met, not only the first: a person can act on all of them at once."""
    short = []
    for sku, quantity in asked.items():
        stock = find(sku) or UNSPOKEN
        if stock.item is None or stock.available < quantity:
            known = stock.item is not None
            short.append(Short(sku=sku, asked=quantity, available=stock.available, known=known))
    return tuple(short)


def allocate(asked: Mapping[str, int], find: Find) -> tuple[StockLine, ...]:
    """Places for as much of the demand as there is: all of it where `shortages` names none."""
    return tuple(
        line
        for sku, quantity in asked.items()
        for location, units in pick((find(sku) or UNSPOKEN).places, quantity)
        for line in stock_lines(sku, location, units)
    )


def weights(skus: Iterable[str], find: Find) -> dict[str, int]:
    """Grams per unit of each SKU whose weight is known."""
    items = {sku: stock.item for sku in skus if (stock := find(sku))}
    return {sku: item.weight_g for sku, item in items.items() if item and item.weight_g}


def pick(places: Iterable[Place], quantity: int) -> list[tuple[str, int]]:
    """The first place by name that has all of it; where none has, each by name until it is enough."""
    for place in places:
        if place.available >= quantity:
            return [(place.location, quantity)]
    picked = []
    for place in places:
        units = min(place.available, quantity)
        if units:
            picked.append((place.location, units))
            quantity -= units
    return picked


def stock_lines(sku: str, location: str, quantity: int) -> Iterable[StockLine]:
    """One line, or more where the quantity is greater than a line can hold."""
    while quantity > QUANTITY_MAX:
        yield StockLine(sku=sku, location=location, quantity=QUANTITY_MAX)
        quantity -= QUANTITY_MAX
    yield StockLine(sku=sku, location=location, quantity=quantity)
