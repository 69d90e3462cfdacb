"""The invoice as a PDF: rendered when asked for, always the same bytes from the same immutable event.

Fonts are the ones inside the typesetter, the creation date is the invoice's: nothing depends on the machine or the day.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import typst

from contracts.address import Address
from contracts.billing import InvoiceIssued, Seller
from contracts.money import from_minor

TEMPLATE = Path(__file__).with_name("invoice.typ")


def render_invoice(invoice: InvoiceIssued) -> bytes:
    """The PDF/A-2b document of an invoice. Takes some 50 ms of CPU: call it on a thread."""
    return typst.compile(
        str(TEMPLATE),
        format="pdf",
        sys_inputs={"invoice": json.dumps(printed(invoice), ensure_ascii=False)},
        ignore_system_fonts=True,
        timestamp=datetime.combine(invoice.issued_on, time(), UTC),
        pdf_standards="a-2b",
    )


def printed(invoice: InvoiceIssued) -> dict[str, Any]:
    """What stands on the paper, as text: amounts of the invoice's currency with its decimals."""
    seller = invoice.seller or Seller(name="")
    return {
        "number": invoice.number,
        "issued_on": invoice.issued_on.isoformat(),
        "order_id": invoice.order_id,
        "parcel_id": invoice.parcel_id,
        "currency": invoice.currency,
        "seller": {
            "name": seller.name,
            "lines": list(seller.lines),
            "vat_id": f"VAT id {seller.vat_id}" if seller.vat_id else "",
            "contact": seller.contact,
        },
        "buyer": address_lines(invoice.buyer),
        "lines": [
            {
                "title": line.title or line.sku,
                "sku": line.sku,
                "quantity": line.quantity,
                "rate": percent(line.rate),
                "gross": money(line.gross_minor, invoice.currency),
            }
            for line in invoice.lines
        ],
        "vat": [
            {
                "rate": percent(group.rate),
                "net": money(group.net_minor, invoice.currency),
                "tax": money(group.tax_minor, invoice.currency),
                "gross": money(group.gross_minor, invoice.currency),
            }
            for group in invoice.vat
        ],
        "net": money(invoice.net_minor, invoice.currency),
        "tax": money(invoice.tax_minor, invoice.currency),
        "rounding": money(invoice.rounding_minor, invoice.currency) if invoice.rounding_minor else "",
        "total": money(invoice.total_minor, invoice.currency),
    }


def address_lines(address: Address) -> list[str]:
    """An address as printed, without its empty lines."""
    town = " ".join(part for part in (address.postcode, address.city, address.region) if part)
    lines = (address.name, address.company, address.line1, address.line2, town, address.country)
    return [line for line in lines if line]


def money(minor: int, currency: str) -> str:
    """`1234567` EUR is `12,345.67`; a true minus sign."""
    text = f"{Decimal(from_minor(abs(minor), currency)):,}"
    return f"\u2212{text}" if minor < 0 else text


def percent(rate: Decimal) -> str:
    """0.19 is `19 %`."""
    return f"{(rate * 100).normalize():f}\u202f%"
