"""A carrier's own tracking numbers: blocks granted to us, used up one by one without a call."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.frozen import replace
from contracts.parking import CommandRefused
from contracts.shipping import LabelBought, TrackingRangeGranted
from services.shipping.domain.tracking_number import tracking_number


def range_entity(carrier: str) -> str:
    """The entity of a carrier's own range: `range/doorstep`."""
    return f"range/{carrier}"


class RangeBroken(Exception):
    """A number was used out of turn. Only a broken log or a broken rule leads here."""


@dataclass(frozen=True, slots=True)
class Block:
    """One grant: every serial from `first` to `last`, both included."""

    range_id: str
    prefix: str
    suffix: str
    first: int
    last: int

    def overlaps(self, other: Block) -> bool:
        """True where both would print the same number."""
        same_form = (self.prefix, self.suffix) == (other.prefix, other.suffix)
        return same_form and self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True)
class NumberRange:
    """All blocks ever granted, the one in use, and the next serial of it."""

    carrier: str
    blocks: tuple[Block, ...] = ()
    current: int = 0
    next: int = 0

    @property
    def exhausted(self) -> bool:
        """True when every granted number is used."""
        return self.current >= len(self.blocks)

    @property
    def left(self) -> int:
        """How many numbers can still be given."""
        if self.exhausted:
            return 0
        later = sum(block.last - block.first + 1 for block in self.blocks[self.current + 1 :])
        return self.blocks[self.current].last - self.next + 1 + later

    def number(self) -> str:
        """The next tracking number. Only to be asked of a range that is not exhausted."""
        block = self.blocks[self.current]
        return tracking_number(block.prefix, self.next, block.suffix)

    def after_use(self) -> NumberRange:
        """The range with its next number given away."""
        if self.next < self.blocks[self.current].last:
            return replace(self, next=self.next + 1)
        rest = self.blocks[self.current + 1 :]
        return replace(self, current=self.current + 1, next=rest[0].first if rest else 0)

    def with_block(self, block: Block) -> NumberRange:
        """The range with one more block, used after all others."""
        return replace(self, blocks=(*self.blocks, block), next=block.first if self.exhausted else self.next)


type RangeFact = TrackingRangeGranted | LabelBought | CommandRefused


def evolve_range(state: NumberRange | None, event: RangeFact, entity: str) -> NumberRange:
    """A grant adds a block, a label bought from the range uses its next number, a refusal changes nothing."""
    known = state or NumberRange(carrier=entity.partition("/")[2])
    match event:
        case TrackingRangeGranted():
            return known.with_block(
                Block(event.range_id, event.prefix, event.suffix, event.first, event.last)
            )
        case LabelBought(serial=serial):
            if known.exhausted or serial != known.next:
                raise RangeBroken(f"{event.tracking_number} is not the next number of {entity}")
            return known.after_use()
        case _:
            return known
