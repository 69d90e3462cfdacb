"""What stays readable of an order, for ever: codes, numbers, and names that the shop gave. Rules, reports and invoices
need them, so no key takes them away, and whatever words a customer or a clerk found do not belong among them.

A channel's own body, sealed, keeps the words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from chassis.iso3166 import with_codes
from chassis.quotations import LEFT_OUT, without_addresses
from contracts.frozen import replace
from contracts.placed_order import Adjustment, OrderLine, PlacedOrder, ShippingLine

DELETED = "deleted in the shop"
CANCEL_REASONS = frozenset({"", "customer", "inventory", "fraud", "declined", "staff", "other", DELETED})
"""Shopify's (`OrderCancelReason`), which others may use; WooCommerce gives none, and says when an order is deleted."""
LOCALE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z]{4})?(?:-(?:[A-Za-z]{2}|\d{3}))?(?![^-])")
"""Language, script and region of a BCP 47 tag (RFC 5646, 2.1). Variants and private parts can be any word."""
TELEPHONE = re.compile(
    r"(?<![A-Za-z\d])(?!\d{4}-\d\d-\d\d|\d\d?[./]\d\d?[./]|[A-Z]{2})\+?\d(?:[\s()/.-]{0,2}\d){8,}"
)
"""Nine digits that neither follow a letter, as a tax number's do, nor begin as a date does."""


def with_codes_only(order: PlacedOrder) -> PlacedOrder:
    """The order, and what is not sealed of it is a code, a number, or a name without addresses."""
    reason = order.cancel_reason.lower()
    return replace(
        order,
        lines=tuple(_titled(line, goods_name) for line in order.lines),
        shipping=tuple(_titled(line, shop_name) for line in order.shipping),
        adjustments=tuple(_titled(moved, shop_name) for moved in order.adjustments),
        customer=replace(order.customer, locale=_locale(order.customer.locale)),
        ship_to=order.ship_to and with_codes(order.ship_to),
        bill_to=order.bill_to and with_codes(order.bill_to),
        payment=replace(order.payment, method=shop_name(order.payment.method)),
        cancel_reason=reason if reason in CANCEL_REASONS else "other",
    )


@lru_cache(maxsize=2_000)
def goods_name(text: str) -> str:
    """What is sold, as the shop lists it: without e-mail addresses. Part numbers may be long."""
    return without_addresses(text)


@lru_cache(maxsize=2_000)
def shop_name(text: str) -> str:
    """What the shop calls a way to deliver or to pay, a tax or a fee: without e-mail addresses and telephones."""
    return TELEPHONE.sub(LEFT_OUT, without_addresses(text))


def _titled[T: (OrderLine, ShippingLine, Adjustment)](line: T, name: Callable[[str], str]) -> T:
    taxes = line.taxes
    if any(shop_name(tax.title) != tax.title for tax in taxes):
        taxes = tuple(replace(tax, title=shop_name(tax.title)) for tax in taxes)
    title = name(line.title)
    return line if title == line.title and taxes is line.taxes else replace(line, title=title, taxes=taxes)


def _locale(tag: str) -> str:
    found = LOCALE.match(tag.replace("_", "-"))
    return found[0] if found else "en"
