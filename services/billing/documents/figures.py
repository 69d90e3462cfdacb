"""What stands on an invoice, as text: taken from the event alone, amounts with the decimals of its currency."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

import pycountry

from contracts.address import Address
from contracts.billing import InvoiceIssued, InvoiceLine, Seller
from contracts.money import exponent, from_minor, tax_inside

NO_BREAK = "\u00a0"
FINER = 2
"""Decimals that a unit price gets beyond the currency's, where the line's net does not divide evenly."""
NOT_NAMED = Seller(name="")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of goods, delivery or adjustment."""

    title: str
    sku: str
    quantity: str
    unit_net: str
    rate: str
    net: str
    gross: str


def rows(invoice: InvoiceIssued) -> list[Row]:
    """The lines in the order of the event."""
    return [_row(line, invoice.currency) for line in invoice.lines]


def facts(invoice: InvoiceIssued) -> list[tuple[str, str]]:
    """Number, dates and where it comes from; what is not known is left out."""
    known = (
        ("Invoice number", invoice.number),
        ("Date of issue", invoice.issued_on.isoformat()),
        ("Date of supply", invoice.supplied_on.isoformat() if invoice.supplied_on else ""),
        ("Order", invoice.order_number or invoice.order_id),
        ("Parcel", invoice.parcel_id),
    )
    return [(caption, value) for caption, value in known if value]


def sums(invoice: InvoiceIssued) -> list[tuple[str, str]]:
    """What leads to the total."""
    found = [("Net", invoice.net_minor), ("VAT", invoice.tax_minor)]
    if invoice.rounding_minor:
        found.append(("Rounding", invoice.rounding_minor))
    return [(caption, money(minor, invoice.currency)) for caption, minor in found]


def payment(invoice: InvoiceIssued) -> list[tuple[str, str]]:
    """What was paid when the invoice was issued, and what is left. Nothing, where the event does not say."""
    paid = invoice.paid_minor
    if paid is None:
        return []
    left = invoice.total_minor - paid
    return [("Paid", money(paid, invoice.currency)), ("Still to pay", money(left, invoice.currency))]


def seller_lines(seller: Seller) -> list[str]:
    """The seller's address, with the country's name where a line is its code; VAT id; how to reach them."""
    vat_id = f"VAT id {seller.vat_id}" if seller.vat_id else ""
    return [line for line in (*map(country, seller.lines), vat_id, seller.contact) if line]


def address_lines(address: Address) -> list[str]:
    """An address as printed, without its empty lines."""
    town = " ".join(part for part in (address.postcode, address.city, address.region) if part)
    lines = (address.name, address.company, address.line1, address.line2, town, country(address.country))
    return [line for line in lines if line]


def country(code: str) -> str:
    """The English short name behind an ISO 3166-1 alpha-2 code; any other text is left as it is."""
    found = pycountry.countries.get(alpha_2=code) if len(code) == len("DE") and code.isupper() else None
    return str(getattr(found, "common_name", found.name)) if found else code


def money(minor: int, currency: str) -> str:
    """`1234567` EUR is `12,345.67`; a true minus sign."""
    return _signed(f"{Decimal(from_minor(abs(minor), currency)):,}", minor)


def unit_price(net_minor: int, quantity: int, currency: str) -> str:
    """The price of one, without tax: with the currency's decimals if it comes out even, else two more."""
    minor = Decimal(abs(net_minor)) / max(quantity, 1)
    decimals = exponent(currency) if minor == int(minor) else exponent(currency) + FINER
    price = minor.scaleb(-exponent(currency)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return _signed(f"{price:,}", net_minor)


def percent(rate: Decimal) -> str:
    """0.19 is `19 %`."""
    return f"{(rate * 100).normalize():f}{NO_BREAK}%"


def groups(invoice: InvoiceIssued) -> Iterator[tuple[str, str, str, str]]:
    """Rate, net, tax and gross of each rate."""
    for group in invoice.vat:
        amounts = (group.net_minor, group.tax_minor, group.gross_minor)
        net, tax, gross = (money(minor, invoice.currency) for minor in amounts)
        yield percent(group.rate), net, tax, gross


def _row(line: InvoiceLine, currency: str) -> Row:
    net = _net(line)
    return Row(
        title=line.title or line.sku,
        sku="" if line.sku == line.title else line.sku,
        quantity=str(line.quantity),
        unit_net=unit_price(net, line.quantity, currency),
        rate=percent(line.rate),
        net=money(net, currency),
        gross=money(line.gross_minor, currency),
    )


def _net(line: InvoiceLine) -> int:
    """As recorded; of an event that does not say, what the rate leaves of the gross."""
    return (
        line.gross_minor - tax_inside(line.gross_minor, line.rate)
        if line.net_minor is None
        else line.net_minor
    )


def _signed(text: str, minor: int) -> str:
    return f"\u2212{text}" if minor < 0 else text
