"""Tax that follows the goods: a delivery of goods at two rates is taxed at both, each on its share (rule 7.14).

A channel says so with several taxes on one line. Several taxes are also what a state and a county levy on the same
amount; the figures tell which of the two it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from math import ceil

from contracts.money import allocate, divide_half_up
from contracts.placed_order import TaxLine
from services.billing.domain.vat import NO_TAX, Position, vat_group, within_tolerance


def by_rate(position: Position, taxes: Sequence[TaxLine], *, inclusive: bool) -> list[Position]:
    """The position, or one for each rate where each of its taxes was charged on a share of it only.

    Shares that the taxes do not explain leave it whole: then the document says that its tax does not fit (7.6).
    """
    if len(taxes) < 2 or _is_on_all_of_it(position, taxes, inclusive=inclusive):
        return [position]
    shares = _shares(position, taxes, inclusive=inclusive)
    if shares is None:
        return [position]
    amounts = allocate(position.amount_minor, [abs(share) for share in shares])
    return [
        replace(position, rate=tax.rate, amount_minor=amount, tax_minor=tax.amount_minor)
        for tax, amount in zip(taxes, amounts, strict=True)
    ]


def _is_on_all_of_it(position: Position, taxes: Sequence[TaxLine], *, inclusive: bool) -> bool:
    together = vat_group(position.rate, position.amount_minor, inclusive=inclusive)
    return within_tolerance(together.tax_minor - position.tax_minor, len(taxes), 1)


def _shares(position: Position, taxes: Sequence[TaxLine], *, inclusive: bool) -> list[int] | None:
    """What each tax was charged on, as priced; what is left goes to the one without a rate. None if they do not fit."""
    nets = [_net_of(tax) for tax in taxes]
    net_minor = position.amount_minor - (position.tax_minor if inclusive else 0)
    rest = net_minor - sum(nets)
    free = next((at for at, tax in enumerate(taxes) if not tax.rate), None)
    if free is not None:
        nets[free], rest = rest, 0
    if abs(rest) > sum(_doubt(tax.rate) for tax in taxes) or min(nets) * net_minor < 0:
        return None
    return [net + (tax.amount_minor if inclusive else 0) for net, tax in zip(nets, taxes, strict=True)]


def _net_of(tax: TaxLine) -> int:
    if not tax.rate:
        return 0
    top, bottom = tax.rate.as_integer_ratio()
    return divide_half_up(tax.amount_minor * bottom, top)


def _doubt(rate: Decimal) -> int:
    """By how many minor units a share may be off, because its tax was rounded to one."""
    return ceil(1 / (2 * rate)) if rate != NO_TAX else 0
