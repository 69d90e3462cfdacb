"""The invoice as a PDF: what the customer reads, and always the same bytes."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from contracts.address import Address
from contracts.billing import InvoiceIssued
from contracts.generate import golden
from contracts.orders import BillLine
from services.billing.documents.figures import address_lines, country, money, unit_price
from services.billing.documents.invoice import RESPELLED, render_invoice
from tests.billing.makers import (
    BERLIN,
    adjustment,
    billing,
    captured,
    delivery,
    due,
    goods,
    parcel,
    requested,
    tax,
)

ROOT = Path(__file__).parents[2]
RENDER_ELSEWHERE = """
import sys
from contracts.billing import InvoiceIssued
from services.billing.documents.invoice import render_invoice
sys.stdout.buffer.write(render_invoice(InvoiceIssued.model_validate_json(sys.stdin.buffer.read())))
"""
SHIPPING = delivery(595, tax("0.19", 95))
LODZ = Address(
    name="Zażółć Gęślą-Jaźń", line1="ul. Święty Krzyż 3", postcode="90-001", city="Łódź", country="PL"
)


def issued(*sold: BillLine, currency: str = "EUR", buyer: Address = BERLIN, **of: Any) -> InvoiceIssued:
    asked = requested(*(sold or lamps(1)), SHIPPING, currency=currency, **of)
    asked = asked.model_copy(update={"bill": replace(asked.bill, buyer=buyer)})
    units = [(line.sku, line.quantity) for line in asked.bill.lines if line.kind == "goods"]
    (invoice,) = billing.given(due(asked), captured(asked)).when(parcel(*units)).events
    assert isinstance(invoice, InvoiceIssued)
    return invoice


def lamps(lines: int) -> list[BillLine]:
    return [goods(f"LAMP-{n}", 123_456, tax("0.19", 19_711)) for n in range(lines)]


def pages_of(pdf: bytes) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages]


def text_of(pdf: bytes) -> str:
    return " ".join(pages_of(pdf))


def test_a_customer_finds_what_an_invoice_must_say() -> None:
    """Article 226: both parties, number, dates of issue and supply, quantity, unit price, tax by rate, total."""
    (text,) = pages_of(render_invoice(issued()))
    for said in (
        "Lantern & Loom",
        "Hafenstrasse 7 · Hamburg · Germany · VAT id DE123456789",
        "Anna Berg Lindenallee 3 10115 Berlin Germany",
        "Invoice number INV-2026-000001",
        "Date of issue 2026-11-21",
        "Date of supply 2026-11-20",
        "amounts in EUR",
        "1 1,037.45 19 % 1,037.45 1,234.56 Lamp-0",
        "1 5.00 19 % 5.00 5.95 Delivery",
        "19 % 1,042.45 198.06 1,240.51",
        "Net 1,042.45 VAT 198.06 Total 1,240.51 EUR",
        "Page 1 of 1",
    ):
        assert said in text


def test_several_rates_are_summed_each_and_the_lines_add_up() -> None:
    """A customer with a calculator finds no cent missing, in any column."""
    sold = (
        goods("LAMP", 2997, tax("0.19", 479), quantity=3),
        goods("BOOK", 1070, tax("0.07", 70)),
        adjustment(-119, tax("0.19", -19)),
    )
    invoice = issued(*sold)
    assert [line.net_minor for line in invoice.lines] == [2518, 1000, -100, 500]
    for group in invoice.vat:
        assert (
            sum(line.net_minor or 0 for line in invoice.lines if line.rate == group.rate) == group.net_minor
        )
    text = text_of(render_invoice(invoice))
    assert "3 8.3933 19 % 25.18 29.97 Lamp" in text
    assert "\u22121.00 19 % \u22121.00 \u22121.19 Voucher" in text
    assert "19 % 29.18 5.55 34.73 7 % 10.00 0.70 10.70" in text


@pytest.mark.parametrize(
    ("paid_minor", "said"),
    [
        (124_051, "Paid 1,240.51 Still to pay 0.00"),
        (100_000, "Paid 1,000.00 Still to pay 240.51"),
        (0, "Paid 0.00 Still to pay 1,240.51"),
    ],
)
def test_it_says_what_is_paid_and_what_is_left(paid_minor: int, said: str) -> None:
    """Nobody pays twice; nobody thinks it is done when it is not."""
    assert issued().paid_minor == 124_051
    assert said in text_of(render_invoice(issued().model_copy(update={"paid_minor": paid_minor})))


def test_an_event_of_an_older_release_is_printed_without_what_it_does_not_say() -> None:
    """No date of supply and no payment is made up; a line's net is what its rate leaves."""
    old = InvoiceIssued.model_validate_json(golden("billing.InvoiceIssued.v1")["complete"])
    text = text_of(render_invoice(old))
    assert "2 12.5950 19 % 25.19 29.98 Oak lamp LAMP-OAK" in text
    assert "Date of supply" not in text
    assert "to pay" not in text


def test_every_golden_invoice_can_be_printed() -> None:
    """Also the one that has nothing but what must be there."""
    messages = golden("billing.InvoiceIssued.v1")
    assert len(messages) >= 3
    for message in messages.values():
        assert render_invoice(InvoiceIssued.model_validate_json(message)).startswith(b"%PDF-")


def test_names_are_printed_as_written_or_it_says_that_they_are_not() -> None:
    """Polish letters are there; Japanese ones are spelled, and the invoice says so."""
    polish = text_of(render_invoice(issued(buyer=LODZ)))
    assert "Zażółć Gęślą-Jaźń ul. Święty Krzyż 3 90-001 Łódź Poland" in polish
    assert RESPELLED not in polish
    japanese = text_of(render_invoice(issued(buyer=replace(LODZ, city="東京", country="JP"))))
    assert "90-001 DongJing Japan" in japanese
    assert RESPELLED in japanese


def test_the_same_invoice_is_the_same_bytes_in_another_process() -> None:
    """Rendered when asked for, from the immutable event: nothing depends on the day or the process."""
    invoice = issued(buyer=LODZ)
    elsewhere = subprocess.run(
        [sys.executable, "-c", RENDER_ELSEWHERE],
        input=invoice.to_bytes(),
        capture_output=True,
        check=True,
        cwd=ROOT,
    )
    assert elsewhere.stdout == render_invoice(invoice)


def test_a_long_invoice_goes_over_pages_with_its_header() -> None:
    """Eighty lines: each page has the table's head and its number, each line is there once, the total on the last."""
    pages = pages_of(render_invoice(issued(*lamps(80))))
    assert len(pages) > 3
    for number, page in enumerate(pages, 1):
        assert "Description, amounts in EUR Quantity Unit price net VAT Net Gross" in page
        assert f"Page {number} of {len(pages)}" in page
        assert ("Total" in page) is (number == len(pages))
    assert re.findall(r"Lamp-(\d+)", " ".join(pages)) == [str(n) for n in range(80)]


@pytest.mark.parametrize("lines", range(8, 16))
def test_the_total_never_stands_on_a_page_without_a_line(lines: int) -> None:
    """Wherever the first page happens to end."""
    *_, last = pages_of(render_invoice(issued(*lamps(lines))))
    assert "Total" in last
    assert "Delivery" in last


def test_a_long_description_is_broken_not_cut() -> None:
    """What was sold must be readable, and stay in its column."""
    title = "An oak reading lamp with an adjustable arm, a linen shade and a switch in the cord " * 4
    text = text_of(render_invoice(issued(replace(lamps(1)[0], title=title))))
    assert " ".join(title.split()) in text


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
    assert printed in text_of(render_invoice(issued(goods("A", minor, tax("0", 0)), currency=currency)))


@pytest.mark.parametrize(
    ("net_minor", "quantity", "currency", "printed"),
    [
        (2000, 2, "EUR", "10.00"),
        (2518, 3, "EUR", "8.3933"),
        (9899, 2, "JPY", "4,949.50"),
        (-100, 3, "KWD", "\u22120.03333"),
        (595, 0, "EUR", "5.95"),
    ],
)
def test_a_unit_price_is_exact_or_two_decimals_finer(
    net_minor: int, quantity: int, currency: str, printed: str
) -> None:
    """Quantity times unit price comes to the line's net for whoever checks it."""
    assert unit_price(net_minor, quantity, currency) == printed


def test_countries_are_written_out() -> None:
    """A code that nobody knows, and a name, stay what they are."""
    assert [country(code) for code in ("DE", "GB", "KR", "XX", "Wonderland", "")] == [
        "Germany",
        "United Kingdom",
        "South Korea",
        "XX",
        "Wonderland",
        "",
    ]
    assert address_lines(Address(name="Anna", city="Berlin", country="DE")) == ["Anna", "Berlin", "Germany"]


def test_a_rate_of_nothing_is_still_a_rate() -> None:
    """Tax-free goods are shown as such, not left blank."""
    text = text_of(render_invoice(issued(goods("STAMP", 500, tax("0", 0)))))
    assert Decimal("0") in {group.rate for group in issued(goods("STAMP", 500, tax("0", 0))).vat}
    assert "1 5.00 0 % 5.00 5.00 Stamp" in text
