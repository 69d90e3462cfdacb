"""Invoices by the worked examples on delivery (7.14) and gift cards (7.15), and in other currencies (7.11)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from contracts.billing import InvoiceIssued, VatGroup
from contracts.orders import BillLine
from contracts.placed_order import TaxLine
from tests.billing.makers import (
    adjustment,
    delivery,
    entry,
    goods,
    invoices,
    paid,
    parcel,
    tax,
)

ZERO, TWENTY = Decimal("0.00"), Decimal("0.20")


def invoiced(*lines: BillLine, currency: str = "EUR", **of: bool) -> InvoiceIssued:
    """The one invoice of an order whose parcel has everything in it."""
    units = ((line.sku, line.quantity) for line in lines if line.sku)
    (issued,) = invoices(paid(*lines, currency=currency, **of).when(parcel(*units)))
    assert not sum(posting.amount_minor for posting in issued.entry.postings)
    return issued


def test_delivery_is_taxed_as_the_goods_it_brings() -> None:
    """7.14: goods of 30.00 at 20 % and 10.00 at 0 %, delivery 5.00: 3.75 and 1.25, its tax 0.75 and not 1.00."""
    issued = invoiced(
        goods("LAMP", 3000, tax("0.20", 600)),
        goods("BOOK", 1000),
        delivery(500, tax("0.20", 75), tax("0.00", 0)),
        inclusive=False,
    )
    assert [(line.title, line.net_minor, line.rate) for line in issued.lines[2:]] == [
        ("Delivery", 375, TWENTY),
        ("Delivery", 125, ZERO),
    ]
    assert issued.vat == (
        VatGroup(rate=TWENTY, net_minor=3375, tax_minor=675, gross_minor=4050),
        VatGroup(rate=ZERO, net_minor=1125, tax_minor=0, gross_minor=1125),
    )
    assert (issued.total_minor, issued.rounding_minor, issued.vat_note) == (5175, 0, "")
    assert issued.entry == entry(
        "EUR",
        ("customer_receivable", 5175),
        ("revenue", -4000),
        ("shipping_revenue", -500),
        ("vat_payable:0.2", -675),
    )


@pytest.mark.parametrize("inclusive", [True, False])
def test_a_delivery_at_two_rates_is_never_taxed_at_their_sum(inclusive: bool) -> None:
    """7.14 with 19 % and 7 %: net 4.00 and 1.00 of it; 26 % is no rate that exists."""
    taxes = (tax("0.19", 76), tax("0.07", 7))
    issued = invoiced(goods("LAMP", 0), delivery(583 if inclusive else 500, *taxes), inclusive=inclusive)
    at = {group.rate: (group.net_minor, group.tax_minor) for group in issued.vat if group.net_minor}
    assert at == {Decimal("0.19"): (400, 76), Decimal("0.07"): (100, 7)}
    assert (issued.total_minor, issued.rounding_minor, issued.vat_note) == (583, 0, "")


@pytest.mark.parametrize(
    "taxes",
    [
        pytest.param((tax("0.0625", 31), tax("0.01", 5)), id="of a state and a county, on the same amount"),
        pytest.param((tax("0.19", 5), tax("0.07", 2)), id="that no share explains"),
        pytest.param((tax("0.19", 90), tax("0.07", 30)), id="on more than there is"),
    ],
)
def test_taxes_that_are_no_shares_leave_the_delivery_whole(taxes: tuple[TaxLine, ...]) -> None:
    """One position at both rates together; where that does not fit either, the document says so."""
    issued = invoiced(goods("LAMP", 0), delivery(500, *taxes), inclusive=False)
    charged = sum(each.amount_minor for each in taxes)
    assert [line.rate for line in issued.lines] == [0, sum(each.rate for each in taxes)]
    assert issued.total_minor == 500 + charged
    assert bool(issued.vat_note) is (charged != 36)


def test_a_redeemed_gift_card_is_a_debt_paid_not_a_discount() -> None:
    """7.15: 59.50 incl. 19 %, of which a card of 50.00 pays: VAT 9.50, cash 9.50, liability -50.00, revenue 50.00."""
    issued = invoiced(goods("LAMP", 5950, tax("0.19", 950)), adjustment(-5000, kind="gift_card"))
    assert (issued.tax_minor, issued.total_minor, issued.vat_note) == (950, 950, "")
    assert issued.entry == entry(
        "EUR",
        ("customer_receivable", 950),
        ("revenue", -5000),
        ("gift_cards", 5000),
        ("vat_payable:0.19", -950),
    )


def test_an_order_that_a_gift_card_pays_whole_is_still_revenue() -> None:
    """Nothing is collected, and the tax is owed all the same."""
    issued = invoiced(goods("LAMP", 5950, tax("0.19", 950)), adjustment(-5950, kind="gift_card"))
    assert (issued.total_minor, issued.tax_minor) == (0, 950)
    assert issued.entry == entry("EUR", ("revenue", -5000), ("gift_cards", 5950), ("vat_payable:0.19", -950))


def test_a_gift_card_that_is_sold_is_no_revenue_yet() -> None:
    """7.15: money for a promise; the same account carries it until it is redeemed."""
    issued = invoiced(goods("LAMP", 1190, tax("0.19", 190)), adjustment(5000, kind="gift_card"))
    assert issued.entry == entry(
        "EUR",
        ("customer_receivable", 6190),
        ("revenue", -1000),
        ("gift_cards", -5000),
        ("vat_payable:0.19", -190),
    )


def test_a_tip_is_revenue_beside_the_goods() -> None:
    """Given without tax, it lands in a group of its own at no rate."""
    issued = invoiced(goods("LAMP", 1190, tax("0.19", 190)), adjustment(250, kind="tip"))
    assert [group.gross_minor for group in issued.vat] == [1190, 250]
    assert issued.entry == entry(
        "EUR", ("customer_receivable", 1440), ("revenue", -1250), ("vat_payable:0.19", -190)
    )


@pytest.mark.parametrize(
    ("currency", "gross", "charged"),
    [("JPY", 10890, 990), ("KWD", 12345, 1122), ("EUR", -1100, -100), ("EUR", 0, 0)],
)
def test_the_arithmetic_is_that_of_minor_units(currency: str, gross: int, charged: int) -> None:
    """7.11: yen without decimals, dinars with three; negative orders and those discounted by 100 % add up as well."""
    issued = invoiced(goods("LAMP", gross, tax("0.10", charged), quantity=3), currency=currency)
    (group,) = issued.vat
    assert (group.gross_minor, group.tax_minor) == (gross, charged)
    assert (issued.total_minor, issued.rounding_minor, issued.vat_note) == (gross, 0, "")
