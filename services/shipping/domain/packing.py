"""Which units go into which parcel: first fit, line by line in the order's own order. Weights are grams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from contracts.orders import ReleasedLine
from contracts.placed_order import Units

PARCELS_MAX = 50
"""Beyond this many parcels the last one takes the rest, whatever it weighs: that order needs a pallet and a person."""


@dataclass(slots=True)
class Box:
    """A parcel being filled."""

    limit_g: int
    weight_g: int = 0
    units: list[Units] = field(default_factory=list)

    def room_for(self, weight_g: int) -> int | None:
        """How many more units of this weight fit; None for any number. Too heavy a unit travels alone."""
        if weight_g <= 0:
            return None
        fitting = max(0, self.limit_g - self.weight_g) // weight_g
        return max(fitting, 0 if self.units else 1)

    def put(self, sku: str, quantity: int, weight_g: int) -> None:
        """Add units without asking whether they fit."""
        self.units.append(Units(sku=sku, quantity=quantity))
        self.weight_g += quantity * weight_g


def pack(lines: Iterable[ReleasedLine], parcel_max_g: int) -> Sequence[Box]:
    """Filled boxes, none empty, none over the limit except a single unit that is heavier than it (or the last
    of `PARCELS_MAX`). `weight_g` of a line is the weight of one unit; 0 means unknown and fits anywhere.
    """
    boxes: list[Box] = []
    for line in lines:
        _place(line, boxes, parcel_max_g)
    return boxes


def _place(line: ReleasedLine, boxes: list[Box], parcel_max_g: int) -> None:
    left = line.quantity
    for number in range(PARCELS_MAX):
        if not left:
            return
        if number == len(boxes):
            boxes.append(Box(parcel_max_g))
        box = boxes[number]
        room = None if number == PARCELS_MAX - 1 else box.room_for(line.weight_g)
        fitting = left if room is None else min(left, room)
        if fitting:
            box.put(line.sku, fitting, line.weight_g)
            left -= fitting
