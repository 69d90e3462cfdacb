"""The rules an order must meet before it is accepted: named functions that say what is wrong, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from contracts.address import Address
from contracts.orders import HoldReason
from contracts.placed_order import PlacedOrder
from services.orders.domain.policies import STANDARD_RULES, HoldRules

UNPAYABLE = frozenset({"refunded", "voided"})
"""What the channel says of money that it no longer has, or never took."""
PARTLY_REFUNDED = (
    "part of the money was given back at the channel: see there which lines are still wanted, "
    "then release or cancel"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A reason to hold the order, with what a person needs to know to act on it."""

    reason: HoldReason
    detail: str


def findings(placed: PlacedOrder, rules: HoldRules = STANDARD_RULES) -> tuple[Finding, ...]:
    """Everything that is wrong with the order, one finding per reason, in the order of the table."""
    found: dict[HoldReason, Finding] = {}
    for reason, rule in RULES:
        if detail := rule(placed, rules):
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


def the_address_can_be_shipped_to(placed: PlacedOrder, rules: HoldRules) -> str:
    """Country, city or postcode, and street or company: needed as soon as one line has to be shipped."""
    if not _is_shipped(placed):
        return ""
    to = placed.ship_to
    if to is None:
        return "there is no delivery address"
    missing = [NEEDS[need].called for need in rules.address_needs if not NEEDS[need].has(to)]
    return f"the delivery address lacks {', '.join(missing)}" if missing else ""


@dataclass(frozen=True, slots=True)
class Need:
    """A part of an address: how it is called, and whether an address has it."""

    called: str
    has: Callable[[Address], str]


NEEDS: Mapping[str, Need] = {
    "country": Need("a country", lambda to: to.country.strip()),
    "place": Need("a city or postcode", lambda to: to.city.strip() or to.postcode.strip()),
    "street": Need("a street or company", lambda to: to.line1.strip() or to.company.strip()),
}
"""By the names that `HoldRules.address_needs` uses."""


def the_country_is_delivered_to(placed: PlacedOrder, rules: HoldRules) -> str:
    """A shop that names its countries wants to be asked about every other one."""
    country = placed.ship_to.country.strip().upper() if placed.ship_to else ""
    if not rules.countries or not country or not _is_shipped(placed) or country in rules.countries:
        return ""
    return f"{country} is not among the countries delivered to ({', '.join(sorted(rules.countries))})"


def the_total_is_not_extraordinary(placed: PlacedOrder, rules: HoldRules) -> str:
    """Above the shop's own limit in this currency a person looks at the order first."""
    limit = rules.total_above.get(placed.currency)
    if limit is None or placed.total_minor <= limit:
        return ""
    return f"the total of {placed.total_minor} is above {limit} (minor units of {placed.currency})"


def _is_shipped(placed: PlacedOrder) -> bool:
    return any(line.requires_shipping for line in placed.lines)


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


def no_part_of_the_money_was_given_back(placed: PlacedOrder) -> str:
    """Most often a line was taken out of the order that way, and channels go on listing it."""
    return PARTLY_REFUNDED if placed.payment.refunded_in_part else ""


type Rule = Callable[[PlacedOrder, HoldRules], str]


def _of_any_shop(rule: Callable[[PlacedOrder], str]) -> Rule:
    return lambda placed, _: rule(placed)


RULES: tuple[tuple[HoldReason, Rule], ...] = (
    (HoldReason.TOTALS_MISMATCH, _of_any_shop(totals_add_up)),
    (HoldReason.ADDRESS_INVALID, the_address_can_be_shipped_to),
    (HoldReason.ADDRESS_INVALID, the_country_is_delivered_to),
    (HoldReason.SKU_UNMAPPED, _of_any_shop(every_shipped_line_has_a_sku)),
    (HoldReason.MANUAL, _of_any_shop(an_order_needs_at_least_one_line)),
    (HoldReason.MANUAL, _of_any_shop(the_money_was_not_given_back)),
    (HoldReason.MANUAL, _of_any_shop(no_part_of_the_money_was_given_back)),
    (HoldReason.MANUAL, the_total_is_not_extraordinary),
)
"""Hold reason -> the rule that places it."""
