"""The invoice as a PDF: what the customer reads, and always the same bytes."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from pypdf import PdfReader

from contracts.billing import InvoiceIssued
from services.billing.documents.invoice import money, render_invoice
from tests.billing.makers import billing, captured, delivery, due, goods, parcel, requested, tax

ROOT = Path(__file__).parents[2]
RENDER_ELSEWHERE = """
import sys
from contracts.billing import InvoiceIssued
from services.billing.documents.invoice import render_invoice
sys.stdout.buffer.write(render_invoice(InvoiceIssued.model_validate_json(sys.stdin.buffer.read())))
"""


def issued(currency: str = "EUR", lines: int = 1) -> InvoiceIssued:
    sold = [goods(f"LAMP-{n}", 123_456, tax("0.19", 19_711)) for n in range(lines)]
    asked = requested(*sold, delivery(595, tax("0.19", 95)), currency=currency)
    units = [(line.sku, 1) for line in sold]
    (invoice,) = billing.given(due(asked), captured(asked)).when(parcel(*units)).events
    assert isinstance(invoice, InvoiceIssued)
    return invoice


def text_of(pdf: bytes) -> str:
    text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    return " ".join(text.split())


def test_a_customer_finds_what_an_invoice_must_say() -> None:
    """Seller with VAT id, buyer, number, date, lines, tax by rate, total."""
    text = text_of(render_invoice(issued()))
    for said in (
        "Lantern & Loom",
        "VAT id DE123456789",
        "Anna Berg",
        "Lindenallee 3",
        "INV-2026-000001",
        "2026-11-21",
        "Lamp-0",
        "Delivery",
        "1,234.56",
        "1,042.45",
        "198.06",
        "1,240.51 EUR",
    ):
        assert said in text


def test_the_same_invoice_is_the_same_bytes_in_another_process() -> None:
    """Rendered when asked for, from the immutable event: nothing depends on the day or the process."""
    invoice = issued()
    elsewhere = subprocess.run(
        [sys.executable, "-c", RENDER_ELSEWHERE],
        input=invoice.to_bytes(),
        capture_output=True,
        check=True,
        cwd=ROOT,
    )
    assert elsewhere.stdout == render_invoice(invoice)


def test_a_long_invoice_goes_over_pages_with_its_header() -> None:
    """Sixty lines: the table's header is repeated, the pages are numbered."""
    pdf = PdfReader(io.BytesIO(render_invoice(issued(lines=60))))
    assert len(pdf.pages) >= 2
    assert all("Description" in page.extract_text() for page in pdf.pages[:2])


@pytest.mark.parametrize(
    ("minor", "currency", "printed"),
    [
        (1234567, "EUR", "12,345.67"),
        (9899, "JPY", "9,899"),
        (12345, "KWD", "12.345"),
        (-5, "EUR", "\u22120.05"),
    ],
)
def test_amounts_have_their_currencys_decimals(minor: int, currency: str, printed: str) -> None:
    """Yen have none, dinars three."""
    assert money(minor, currency) == printed
