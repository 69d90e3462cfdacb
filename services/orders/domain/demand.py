"""What an order asks of the warehouse. A line counts when it has to be shipped and says which SKU it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from contracts.orders import ReleasedLine
from contracts.placed_order import OrderLine, PlacedOrder, Units


class Counted(Protocol):
    """Anything that is so many units of a SKU."""

    @property
    def sku(self) -> str:
        """The SKU."""

    @property
    def quantity(self) -> int:
        """Whole units."""


def goods_of(placed: PlacedOrder) -> tuple[OrderLine, ...]:
    """The lines that the warehouse has to do with."""
    return tuple(line for line in placed.lines if line.requires_shipping and line.sku)


def cannot_ship(placed: PlacedOrder) -> bool:
    """True when goods have to be shipped and none of them says which SKU it is."""
    return any(line.requires_shipping for line in placed.lines) and not goods_of(placed)


def summed(lines: Iterable[Counted]) -> tuple[Units, ...]:
    """The units per SKU, summed over the lines, in the order of their first line."""
    units: dict[str, int] = {}
    for line in lines:
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    return tuple(Units(sku=sku, quantity=quantity) for sku, quantity in units.items())


def without(units: tuple[Units, ...], gone: Iterable[Units]) -> tuple[Units, ...]:
    """What is left of the units when these are gone."""
    left = {unit.sku: unit.quantity for unit in units}
    for unit in gone:
        left[unit.sku] = left.get(unit.sku, 0) - unit.quantity
    return tuple(Units(sku=sku, quantity=quantity) for sku, quantity in left.items() if quantity > 0)


def demand_of(placed: PlacedOrder) -> tuple[Units, ...]:
    """What inventory is asked to reserve: one demand per SKU."""
    return summed(goods_of(placed))


def weights_missing(placed: PlacedOrder, weights: Mapping[str, int]) -> dict[str, int]:
    """What the catalogue knows of goods whose channel told no weight: SKU to grams per unit."""
    unknown = {line.sku for line in goods_of(placed) if not line.weight_g}
    return {sku: grams for sku, grams in weights.items() if sku in unknown}


def released_lines(placed: PlacedOrder, weights: Mapping[str, int]) -> tuple[ReleasedLine, ...]:
    """The lines that the warehouse packs; grams per unit from the channel, else from the catalogue, else 0."""
    return tuple(
        ReleasedLine(
            line_id=line.line_id,
            sku=line.sku,
            title=line.title,
            quantity=line.quantity,
            weight_g=line.weight_g or weights.get(line.sku, 0),
        )
        for line in goods_of(placed)
    )
