"""VAT of a document: per rate group, never per line (rules 7.5 to 7.7 of EN 16931), and what the channel charged.

Prices that include tax: the group's tax is taken out of its gross, net is the rest, nothing is multiplied again.
Prices that do not: the group's tax is added to its net; where the channel rounded by line, the document carries
a rounding amount, so that the customer sees what the customer paid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from contracts.billing import VatGroup
from contracts.money import from_minor, tax_inside, tax_on

NO_TAX = Decimal(0)


@dataclass(frozen=True, slots=True)
class Position:
    """A line of a document: its amount as priced (with or without tax), and the tax the channel charged for it.

    `adjustment` is which kind of adjustment it is, where it is one and that is known.
    """

    kind: str
    title: str
    sku: str
    quantity: int
    rate: Decimal
    amount_minor: int
    tax_minor: int
    adjustment: str | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """A document's tax: net + tax + rounding = payable. `note` is empty unless 7.6's tolerance is exceeded."""

    groups: tuple[VatGroup, ...]
    rounding_minor: int
    note: str

    @property
    def net_minor(self) -> int:
        """Sum of the groups' nets."""
        return sum(group.net_minor for group in self.groups)

    @property
    def tax_minor(self) -> int:
        """Sum of the groups' taxes (BT-110 = sum of BT-117)."""
        return sum(group.tax_minor for group in self.groups)


def vat_group(rate: Decimal, amount_minor: int, *, inclusive: bool) -> VatGroup:
    """One rate's net, tax and gross from the sum of its lines: gross where prices include tax, net otherwise."""
    if inclusive:
        tax = tax_inside(amount_minor, rate)
        return VatGroup(rate=rate, net_minor=amount_minor - tax, tax_minor=tax, gross_minor=amount_minor)
    tax = tax_on(amount_minor, rate)
    return VatGroup(rate=rate, net_minor=amount_minor, tax_minor=tax, gross_minor=amount_minor + tax)


def vat_groups(positions: Sequence[Position], *, inclusive: bool) -> tuple[VatGroup, ...]:
    """The groups in the order in which their rates appear."""
    sums: dict[Decimal, int] = {}
    for position in positions:
        sums[position.rate] = sums.get(position.rate, 0) + position.amount_minor
    return tuple(vat_group(rate, amount, inclusive=inclusive) for rate, amount in sums.items())


def nets_of(positions: Sequence[Position], *, inclusive: bool) -> tuple[int, ...]:
    """Each position's amount without tax. Those of one rate add up to the group's net (BR-CO-10), whatever was rounded.

    Where prices include tax, a position's net is what it adds to the net of those before it at its rate.
    """
    if not inclusive:
        return tuple(position.amount_minor for position in positions)
    gross: dict[Decimal, int] = {}
    nets = []
    for position in positions:
        before = gross.get(position.rate, 0)
        gross[position.rate] = before + position.amount_minor
        nets.append(_net(gross[position.rate], position.rate) - _net(before, position.rate))
    return tuple(nets)


def _net(gross_minor: int, rate: Decimal) -> int:
    return gross_minor - tax_inside(gross_minor, rate)


def within_tolerance(difference_minor: int, lines: int, groups: int) -> bool:
    """Rule 7.6: half a minor unit for each rounding that was made."""
    return 2 * abs(difference_minor) <= lines + groups


def assess(
    positions: Sequence[Position],
    *,
    inclusive: bool,
    payable_minor: int,
    channel_tax_minor: int,
    currency: str,
) -> Assessment:
    """The document that asks for exactly `payable_minor`, whatever the channel's rounding was (rule 7.6)."""
    groups = vat_groups(positions, inclusive=inclusive)
    rounding = payable_minor - sum(group.gross_minor for group in groups)
    ours = sum(group.tax_minor for group in groups)
    off = max(abs(ours - channel_tax_minor), abs(rounding))
    if within_tolerance(off, len(positions), len(groups)):
        return Assessment(groups, rounding, "")
    charged, due = from_minor(channel_tax_minor, currency), from_minor(ours, currency)
    return Assessment(
        groups, rounding, f"the channel charged {charged} {currency} tax, its rates give {due} {currency}"
    )
