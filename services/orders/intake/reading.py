"""What a channel's message turned out to be."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.channels import ReturnReported
from contracts.placed_order import PlacedOrder


@dataclass(frozen=True, slots=True)
class Placed:
    """An order, new or in a newer version."""

    order: PlacedOrder


@dataclass(frozen=True, slots=True)
class Returned:
    """Goods or money went back at the channel."""

    report: ReturnReported


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message that is known to need nothing from us, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that could not be read. `reason` names the field and its value, never a person."""

    reason: str


type Reading = Placed | Returned | Ignored | Unreadable
