"""Addresses and recipients as Shopify and WooCommerce write them."""

from __future__ import annotations

from chassis.iso3166 import country_code
from contracts.address import TEXT_MAX, Address, Recipient
from services.orders.intake.fields import Fields

LOCALE_MAX = 35
"""Longest BCP 47 tag of practice (RFC 5646, section 4.4.1)."""


def shopify_address(fields: Fields) -> Address | None:
    """None where the order has no such address, as for a pick-up or a download."""
    if not fields.values:
        return None
    return Address(
        name=fields.text("name") or full_name(fields),
        company=fields.text("company"),
        line1=fields.text("address1"),
        line2=fields.text("address2"),
        city=fields.text("city"),
        region=fields.text("province_code", "province"),
        postcode=fields.text("zip"),
        country=country_code(fields.text("country_code", "country")),
        phone=fields.text("phone"),
    )


def woocommerce_address(fields: Fields) -> Address | None:
    """None where every field is empty: the shop sends the keys always."""
    address = Address(
        name=full_name(fields),
        company=fields.text("company"),
        line1=fields.text("address_1"),
        line2=fields.text("address_2"),
        city=fields.text("city"),
        region=fields.text("state"),
        postcode=fields.text("postcode"),
        country=country_code(fields.text("country")),
        phone=fields.text("phone"),
    )
    return None if address == Address() else address


def full_name(fields: Fields) -> str:
    """First and last name in one, as far as there is room."""
    return f"{fields.text('first_name')} {fields.text('last_name')}".strip()[:TEXT_MAX]


def recipient(name: str, email: str, locale: str = "", order_number: str = "") -> Recipient:
    """Whom to write to, and as which number they know the order; a locale that cannot be one is English."""
    known = locale.replace("_", "-")
    spoken = known if 2 <= len(known) <= LOCALE_MAX else "en"
    return Recipient(name=name, email=email, locale=spoken, order_number=order_number)


def number_beside(order_id: str, number: str) -> str:
    """The order's number as customers know it, where it is not just the channel's id."""
    return "" if number == order_id else number
