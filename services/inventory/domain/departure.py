"""Which promised units a parcel took with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from contracts.frozen import replace
from contracts.inventory import StockLine


def taken(promised: Iterable[StockLine], asked: Mapping[str, int]) -> tuple[StockLine, ...]:
    """The promised lines, or parts of them, that meet what a parcel holds; less where less was promised."""
    open_units = dict(asked)
    found = []
    for line in promised:
        units = min(line.quantity, open_units.get(line.sku, 0))
        if units:
            open_units[line.sku] -= units
            found.append(line if units == line.quantity else replace(line, quantity=units))
    return tuple(found)


def without(promised: Iterable[StockLine], gone: Iterable[StockLine]) -> tuple[StockLine, ...]:
    """What is still promised after some of it left."""
    leaving: dict[tuple[str, str], int] = {}
    for line in gone:
        leaving[line.sku, line.location] = leaving.get((line.sku, line.location), 0) + line.quantity
    left = []
    for line in promised:
        units = min(line.quantity, leaving.get((line.sku, line.location), 0))
        if units:
            leaving[line.sku, line.location] -= units
        if units < line.quantity:
            left.append(replace(line, quantity=line.quantity - units) if units else line)
    return tuple(left)


def beyond(asked: Mapping[str, int], promised: Iterable[StockLine]) -> dict[str, int]:
    """What a parcel holds beyond what was promised, per SKU."""
    rest = dict(asked)
    for line in promised:
        rest[line.sku] -= line.quantity
    return {sku: units for sku, units in rest.items() if units}
