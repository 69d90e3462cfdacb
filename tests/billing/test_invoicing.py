"""Invoicing: one invoice per parcel, gapless numbers, exactly what the customer paid."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.billing import InvoiceIssued, InvoiceLine, VatGroup
from contracts.orders import BillLine
from services.billing.documents import figures
from services.billing.domain.answers import Captured, Declined
from services.billing.domain.invoicing import NothingToInvoice
from services.billing.settings import BillingSettings
from services.billing.wiring import declare
from tests.billing.makers import (
    BERLIN,
    ORDER,
    PAYMENT,
    SELLER,
    SHOP,
    adjustment,
    billing,
    cancelled,
    captured,
    delivery,
    due,
    entry,
    goods,
    invoices,
    paid,
    parcel,
    requested,
    started,
    tax,
)
from tests.spec import Answered, Given, Spec

DE, REDUCED = Decimal("0.19"), Decimal("0.07")


DOWNLOADS = (goods("FONT", 2380, tax("0.19", 380)), adjustment(-119, tax("0.19", -19)))


def test_an_order_with_nothing_to_ship_is_invoiced_with_its_capture() -> None:
    """No parcel will ever bring it about: over everything on the bill, once, and the books are even."""
    asked = requested(*DOWNLOADS, ships=False)
    after = billing.when(asked, asked)
    *facts, invoice = after.events
    assert facts == [due(asked), captured(asked)]
    assert isinstance(invoice, InvoiceIssued)
    assert (invoice.number, invoice.parcel_id, invoice.total_minor) == ("INV-2026-000001", "", 2261)
    assert (invoice.last, [line.title for line in invoice.lines]) == (True, ["Font", "Voucher"])
    assert after.state(PAYMENT).bill is None
    assert sum(after.state("ledger/EUR").balances.values()) == 0
    assert after.state("ledger/EUR").balances["customer_receivable"] == 0


def test_money_that_the_gateway_collects_for_downloads_is_invoiced_when_it_answers() -> None:
    """Not before: nothing may be invoiced that was declined."""
    asked = requested(*DOWNLOADS, state="unpaid", ships=False)
    reference = f"pay-{ORDER}-1"
    given = billing.given(due(asked), started(asked))
    after = given.when(Answered(PAYMENT, reference, Captured(reference, "ch_1", 2261, "EUR")))
    assert [type(event).__name__ for event in after.events] == ["PaymentCaptured", "InvoiceIssued"]
    declined = billing.given(due(asked), started(asked)).when(
        Answered(PAYMENT, reference, Declined(reference, "no"))
    )
    assert [type(event).__name__ for event in declined.events] == ["PaymentFailed"]


def test_downloads_that_were_cancelled_while_the_gateway_charged_are_given_back_not_invoiced() -> None:
    """An invoice for money on its way back would have to be undone."""
    asked = requested(*DOWNLOADS, state="unpaid", ships=False)
    reference = f"pay-{ORDER}-1"
    after = billing.given(due(asked), started(asked)).when(
        cancelled(), Answered(PAYMENT, reference, Captured(reference, "ch_1", 2261, "EUR"))
    )
    assert [type(event).__name__ for event in after.events] == [
        "PaymentClosed",
        "PaymentCaptured",
        "RefundStarted",
    ]


def test_a_parcel_is_invoiced_with_the_next_number() -> None:
    """Goods, delivery and a voucher at two rates; balanced to the cent, in words a person can read."""
    lines = (
        goods("LAMP", 2380, tax("0.19", 380), quantity=2),
        goods("BOOK", 1070, tax("0.07", 70)),
        delivery(595, tax("0.19", 95)),
        adjustment(-119, tax("0.19", -19)),
    )
    paid(*lines).when(parcel(("LAMP", 2), ("BOOK", 1))).then(
        InvoiceIssued(
            order_id=ORDER,
            number="INV-2026-000001",
            series="INV",
            sequence=1,
            issued_on=date(2026, 11, 21),
            parcel_id=f"{ORDER}-p1",
            currency="EUR",
            buyer=BERLIN,
            lines=(
                InvoiceLine(title="Lamp", sku="LAMP", quantity=2, gross_minor=2380, rate=DE, net_minor=2000),
                InvoiceLine(
                    title="Book", sku="BOOK", quantity=1, gross_minor=1070, rate=REDUCED, net_minor=1000
                ),
                InvoiceLine(title="Delivery", quantity=1, gross_minor=595, rate=DE, net_minor=500),
                InvoiceLine(title="Voucher", quantity=1, gross_minor=-119, rate=DE, net_minor=-100),
            ),
            vat=(
                VatGroup(rate=DE, net_minor=2400, tax_minor=456, gross_minor=2856),
                VatGroup(rate=REDUCED, net_minor=1000, tax_minor=70, gross_minor=1070),
            ),
            net_minor=3400,
            tax_minor=526,
            total_minor=3926,
            entry=entry(
                "EUR",
                ("customer_receivable", 3926),
                ("revenue", -2900),
                ("shipping_revenue", -500),
                ("vat_payable:0.19", -456),
                ("vat_payable:0.07", -70),
            ),
            seller=SELLER,
            supplied_on=date(2026, 11, 20),
            paid_minor=3926,
        )
    )


@pytest.mark.parametrize(
    ("left", "supplied_on"),
    [
        (datetime(2026, 11, 20, 22, 59, tzinfo=UTC), date(2026, 11, 20)),
        (datetime(2026, 11, 20, 23, 1, tzinfo=UTC), date(2026, 11, 21)),
        (None, None),
    ],
)
def test_the_date_of_supply_is_the_parcels_by_the_shops_calendar(
    left: datetime | None, supplied_on: date | None
) -> None:
    """Not the day on which billing heard of it; absent where the parcel's event does not say."""
    berlin = Spec(declare(BillingSettings(timezone="Europe/Berlin"), SHOP))
    asked = requested()
    (invoice,) = berlin.given(due(asked), captured(asked)).when(parcel(("LAMP", 1), at=left)).events
    assert isinstance(invoice, InvoiceIssued)
    assert (invoice.supplied_on, invoice.issued_on) == (supplied_on, date(2026, 11, 21))


def test_an_invoice_calls_the_order_what_the_channel_called_it() -> None:
    """For a customer who looks for it among their own orders there."""
    asked = requested()
    known = replace(asked.bill, recipient=replace(asked.bill.recipient, order_number="#7"))
    asked = asked.model_copy(update={"bill": known})
    (invoice,) = invoices(billing.given(due(asked), captured(asked)).when(parcel(("LAMP", 1))))
    assert ("Order", "#7") in figures.facts(invoice)
    assert ("Order", ORDER) in figures.facts(invoice.model_copy(update={"order_number": ""}))


def test_what_was_collected_is_said_as_far_as_the_invoice_asks_for_it() -> None:
    """Two parcels of one paid order: each invoice is paid, neither with the other's money."""
    two = paid(goods("LAMP", 2380, tax("0.19", 380), quantity=2))
    after = two.when(parcel(("LAMP", 1), last=False), parcel(("LAMP", 1), number=2))
    assert [(i.total_minor, i.paid_minor) for i in invoices(after)] == [(1190, 1190), (1190, 1190)]


def test_a_repeated_parcel_gets_no_second_number() -> None:
    """Redelivered: nothing, also after everything is invoiced and the bill is dropped."""
    after = paid().when(parcel(("LAMP", 1)), parcel(("LAMP", 1)))
    assert [invoice.number for invoice in invoices(after)] == ["INV-2026-000001"]
    assert after.state(PAYMENT).bill is None


def test_a_parcel_of_an_unknown_or_closed_order_is_not_guessed() -> None:
    """It is parked with the reason, and can be tried again."""
    with pytest.raises(NothingToInvoice, match="has no open bill"):
        billing.when(parcel(("LAMP", 1)))
    with pytest.raises(NothingToInvoice, match="has no open bill"):
        paid().when(cancelled(), parcel(("LAMP", 1)))


def test_prices_without_tax_keep_the_channels_tax() -> None:
    """Rule 7.6 on an invoice: 0.18 charged by line, 0.19 owed: the rounding is shown and booked."""
    lines = [goods(sku, 33, tax("0.19", 6)) for sku in "ABC"]
    after = paid(*lines, inclusive=False).when(parcel(("A", 1), ("B", 1), ("C", 1)))
    (invoice,) = invoices(after)
    assert (invoice.net_minor, invoice.tax_minor, invoice.rounding_minor, invoice.total_minor) == (
        99,
        19,
        -1,
        117,
    )
    assert [line.gross_minor for line in invoice.lines] == [39, 39, 39]
    assert after.state("ledger/EUR").balances["rounding"] == 1
    assert invoice.vat_note == ""


def test_tax_that_no_rate_explains_is_invoiced_as_paid_and_made_visible() -> None:
    """Found under a counted tag, so that a person sees it."""
    after = paid(goods("LAMP", 1000, tax("0.19", 500)), inclusive=False).when(parcel(("LAMP", 1)))
    (invoice,) = invoices(after)
    assert (invoice.total_minor, invoice.rounding_minor) == (1500, 310)
    assert invoice.vat_note.startswith("the channel charged 5.00 EUR tax")
    assert "tax=mismatch" in billing.service.kinds[0].tags(after.state(PAYMENT))


def test_lines_without_taxes_are_taxed_at_nothing() -> None:
    """Rate 0, never a guess."""
    (invoice,) = invoices(paid(goods("LAMP", 1000)).when(parcel(("LAMP", 1))))
    assert invoice.vat == (VatGroup(rate=Decimal(0), net_minor=1000, tax_minor=0, gross_minor=1000),)


def test_several_tax_lines_are_one_rate() -> None:
    """State, county and city tax of an American order: one group of their sum."""
    line = goods("LAMP", 10000, tax("0.04", 400), tax("0.045", 450), tax("0.00375", 38))
    (invoice,) = invoices(paid(line, inclusive=False, currency="USD").when(parcel(("LAMP", 1))))
    assert (invoice.vat[0].rate, invoice.tax_minor, invoice.rounding_minor) == (Decimal("0.08875"), 888, 0)


@pytest.mark.parametrize(("currency", "total"), [("JPY", 9899), ("KWD", 12345), ("EUR", 2947), ("ISK", 1)])
def test_an_invoice_is_what_was_captured_in_every_currency(currency: str, total: int) -> None:
    """Minor units are the currency's own: no factor of a hundred anywhere."""
    after = paid(goods("LAMP", total, tax("0.10", 0)), currency=currency, tax_minor=0).when(
        parcel(("LAMP", 1))
    )
    (invoice,) = invoices(after)
    assert invoice.total_minor == after.state(PAYMENT).captured_minor == total
    assert after.state(f"ledger/{currency}").balances["customer_receivable"] == 0


def test_two_parcels_make_two_invoices_that_add_up() -> None:
    """Units of a line follow 7.10; delivery goes on the first, what is left on the last."""
    lines = (
        goods("PEN", 1000, tax("0.19", 160), quantity=3),
        goods("GIFT", 0),
        delivery(500, tax("0.19", 80)),
    )
    after = paid(*lines).when(
        parcel(("PEN", 1), number=1, last=False),
        parcel(("PEN", 1), number=2, last=False),
        parcel(("PEN", 1), number=3),
    )
    issued = invoices(after)
    assert [invoice.total_minor for invoice in issued] == [833, 334, 333]
    assert [invoice.sequence for invoice in issued] == [1, 2, 3]
    assert [line.sku for line in issued[-1].lines] == ["PEN", "GIFT"]
    assert [invoice.vat_note for invoice in issued] == ["", "", ""]
    assert after.state(PAYMENT).bill is None


def test_a_parcel_with_nothing_to_bill_takes_no_number() -> None:
    """A replacement part that is not on the bill: no invoice, no gap."""
    after = paid(goods("PEN", 1000, quantity=2)).when(
        parcel(("PEN", 1), number=1, last=False),
        parcel(("MANUAL", 1), number=2, last=False),
        parcel(("PEN", 1), number=3),
    )
    assert [invoice.number for invoice in invoices(after)] == ["INV-2026-000001", "INV-2026-000002"]


def test_numbers_have_no_gap_across_orders_and_start_again_each_year() -> None:
    """The date is the shop's, from the time of the decision."""
    orders = [requested(order=f"shopify:{n}") for n in range(4)]
    ready = billing.given(*(event for asked in orders for event in (due(asked), captured(asked))))
    old = ready.at(datetime(2026, 12, 31, 23, 0, tzinfo=UTC)).when(
        *(parcel(("LAMP", 1), order=f"shopify:{n}") for n in (0, 1))
    )
    new = (
        Given(old.world)
        .at(datetime(2027, 1, 1, 1, 0, tzinfo=UTC))
        .when(*(parcel(("LAMP", 1), order=f"shopify:{n}") for n in (2, 3)))
    )
    numbers = [invoice.number for invoice in invoices(old) + invoices(new)]
    assert numbers == ["INV-2026-000001", "INV-2026-000002", "INV-2027-000001", "INV-2027-000002"]


RATES = st.sampled_from(["0", "0.05", "0.07", "0.19", "0.2", "0.21", "0.0875"])
SKUS = st.sampled_from("ABCDE")


@st.composite
def bill_lines(draw: st.DrawFn) -> tuple[BillLine, ...]:
    line = st.builds(
        lambda sku, quantity, total, rate, charged: goods(sku, total, tax(rate, charged), quantity=quantity),
        SKUS,
        st.integers(1, 5),
        st.integers(0, 100_000),
        RATES,
        st.integers(0, 5_000),
    )
    shipped = st.builds(lambda total, rate: delivery(total, tax(rate, 0)), st.integers(0, 2_000), RATES)
    off = st.builds(lambda total: adjustment(-total), st.integers(0, 500))
    return (
        *draw(st.lists(line, min_size=1, max_size=4)),
        *draw(st.lists(shipped, max_size=2)),
        *draw(st.lists(off, max_size=1)),
    )


@given(
    lines=bill_lines(),
    parcels=st.lists(st.lists(st.tuples(SKUS, st.integers(1, 4)), min_size=1, max_size=4), max_size=4),
    inclusive=st.booleans(),
    currency=st.sampled_from(["EUR", "JPY", "KWD"]),
)
def test_all_invoices_of_an_order_add_up_to_what_was_paid(
    lines: tuple[BillLine, ...], parcels: list[list[tuple[str, int]]], inclusive: bool, currency: str
) -> None:
    """However it is packed: the sum is the order's total, the numbers have no gap, and the books are balanced."""
    asked = requested(*lines, inclusive=inclusive, currency=currency)
    sent = [parcel(*units, number=n, last=False) for n, units in enumerate(parcels, 1)]
    if asked.total_minor < 0:
        return
    after = billing.given(due(asked), captured(asked)).when(*sent, parcel(("A", 1), number=99))
    issued = invoices(after)
    assert sum(invoice.total_minor for invoice in issued) == asked.total_minor
    assert [invoice.sequence for invoice in issued] == list(range(1, len(issued) + 1))
    for invoice in issued:
        assert invoice.net_minor + invoice.tax_minor + invoice.rounding_minor == invoice.total_minor
    balances = after.state(f"ledger/{currency}").balances
    assert sum(balances.values()) == 0
    assert balances.get("customer_receivable", 0) == 0
