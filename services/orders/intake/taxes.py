"""Tax lines as a channel states them, and what to do where it states less than a rate for each line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from contracts.money import allocate
from contracts.placed_order import OrderLine, TaxLine

RATE_STEP = Decimal("0.0001")
"""An estimated rate is rounded to a hundredth of a per cent."""
RATE_MAX = Decimal(10)


def estimated_rate(tax_minor: int, net_minor: int) -> Decimal:
    """The rate behind an amount of tax whose rate the channel does not state; 0 to 10, whatever the amounts."""
    if net_minor == 0:
        return Decimal(0)
    rate = min(max(Decimal(tax_minor) / net_minor, Decimal(0)), RATE_MAX)
    return rate.quantize(RATE_STEP)


def spread(taxes: Sequence[TaxLine], lines: Sequence[OrderLine]) -> tuple[OrderLine, ...]:
    """Taxes that are stated for the whole order only, given to its lines by largest remainder (rule 7.8)."""
    if not lines:
        return ()
    weights = [max(line.total_minor, 0) for line in lines]
    shares = [allocate(tax.amount_minor, weights) for tax in taxes]
    return tuple(
        replace(
            line,
            taxes=tuple(
                replace(tax, amount_minor=share[i]) for tax, share in zip(taxes, shares, strict=True)
            ),
        )
        for i, line in enumerate(lines)
    )
