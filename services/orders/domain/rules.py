"""The rules an order must meet before it is accepted: named functions that say what is wrong, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from contracts.address import Address
from contracts.order import PlacedOrder
from contracts.orders import HoldReason

UNPAYABLE = frozenset({"refunded", "voided"})
"""What the channel says of money that it no longer has, or never took."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A reason to hold the order, with what a person needs to know to act on it."""

    reason: HoldReason
    detail: str


def findings(placed: PlacedOrder) -> tuple[Finding, ...]:
    """Everything that is wrong with the order, one finding per reason, in the order of the table."""
    found: dict[HoldReason, Finding] = {}
    for reason, rule in RULES:
        if detail := rule(placed):
            found.setdefault(reason, Finding(reason, detail))
    return tuple(found.values())


def totals_add_up(placed: PlacedOrder) -> str:
    """Lines + shipping + adjustments (+ tax, where prices are net) = total, to the minor unit."""
    parts = {
        "lines": sum(line.total_minor for line in placed.lines),
        "shipping": sum(line.total_minor for line in placed.shipping),
        "adjustments": sum(line.amount_minor for line in placed.adjustments),
    }
    if not placed.prices_include_tax:
        parts["tax"] = placed.tax_minor
    computed = sum(parts.values())
    if computed == placed.total_minor:
        return ""
    terms = " + ".join(f"{name} {amount}" for name, amount in parts.items())
    return (
        f"{terms} = {computed}, but the channel's total is {placed.total_minor} "
        f"(minor units of {placed.currency}, difference {placed.total_minor - computed})"
    )


def the_address_can_be_shipped_to(placed: PlacedOrder) -> str:
    """Country, city or postcode, and street or company: needed as soon as one line has to be shipped."""
    if not any(line.requires_shipping for line in placed.lines):
        return ""
    if placed.ship_to is None:
        return "there is no delivery address"
    missing = [what for what, has in ADDRESS_NEEDS if not has(placed.ship_to)]
    return f"the delivery address lacks {', '.join(missing)}" if missing else ""


ADDRESS_NEEDS: tuple[tuple[str, Callable[[Address], str]], ...] = (
    ("a country", lambda to: to.country.strip()),
    ("a city or postcode", lambda to: to.city.strip() or to.postcode.strip()),
    ("a street or company", lambda to: to.line1.strip() or to.company.strip()),
)


def every_shipped_line_has_a_sku(placed: PlacedOrder) -> str:
    """SKUs are never invented: a line without one is mapped at the channel, or let through by a person."""
    unmapped = [line for line in placed.lines if line.requires_shipping and not line.sku]
    if not unmapped:
        return ""
    named = ", ".join(f"{line.line_id} {line.title!r}" for line in unmapped[:5])
    more = f" and {len(unmapped) - 5} more" if len(unmapped) > 5 else ""
    return f"no SKU on line {named}{more}"[:500]


def an_order_needs_at_least_one_line(placed: PlacedOrder) -> str:
    """An order for nothing is a mistake at the channel."""
    return "" if placed.lines else "the order has no lines"


def the_money_was_not_given_back(placed: PlacedOrder) -> str:
    """Goods must not leave for money that the channel has already refunded or voided."""
    return (
        f"the payment is already {placed.payment.state} at the channel"
        if placed.payment.state in UNPAYABLE
        else ""
    )


RULES: tuple[tuple[HoldReason, Callable[[PlacedOrder], str]], ...] = (
    (HoldReason.TOTALS_MISMATCH, totals_add_up),
    (HoldReason.ADDRESS_INVALID, the_address_can_be_shipped_to),
    (HoldReason.SKU_UNMAPPED, every_shipped_line_has_a_sku),
    (HoldReason.MANUAL, an_order_needs_at_least_one_line),
    (HoldReason.MANUAL, the_money_was_not_given_back),
)
"""Hold reason -> the rule that places it."""
