"""The retail file becomes orders and returns, by rules that are counted, and no penny goes missing."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from contracts.address import Address, Recipient
from contracts.channels import OrderPlaced, ReturnReported
from contracts.placed_order import Adjustment, OrderLine, PaymentFacts, PlacedOrder, ShippingLine
from ops.publishing.retail import publications
from ops.publishing.retail_report import RULES
from ops.publishing.retail_tables import CHARGES, COUNTRIES
from services.orders.domain.rules import findings
from tests.ops.retail_files import event, file_of, published, row

AT = datetime(2009, 12, 1, 7, 45, tzinfo=UTC)
SOMEWHERE = Address(name="Customer 13085", line1="see channel", city="see channel", country="GB")


def order_of(path: Path) -> PlacedOrder:
    (found,), _ = published(path)
    assert isinstance(found, OrderPlaced)
    return found.order


def return_of(path: Path) -> ReturnReported:
    (found,), _ = published(path)
    assert isinstance(found, ReturnReported)
    return found


def test_a_sale_is_one_order_paid_at_the_channel(tmp_path: Path) -> None:
    """In one comparison: what a shop's ledger line says, and what it leaves open."""
    assert order_of(file_of(tmp_path, row(), row(code="79323P", quantity=1, price="6.7"))) == PlacedOrder(
        channel="retail",
        channel_order_id="489434",
        placed_at=AT,
        currency="GBP",
        lines=(
            OrderLine(
                line_id="1",
                sku="85048",
                title="GLASS BALL",
                quantity=2,
                unit_price_minor=695,
                total_minor=1390,
            ),
            OrderLine(
                line_id="2",
                sku="79323P",
                title="GLASS BALL",
                quantity=1,
                unit_price_minor=670,
                total_minor=670,
            ),
        ),
        total_minor=2060,
        customer=Recipient(name="Customer 13085"),
        ship_to=SOMEWHERE,
        bill_to=SOMEWHERE,
        payment=PaymentFacts(state="paid", reference="retail-489434", method="channel"),
    )


def test_a_sale_meets_every_rule_of_an_order(tmp_path: Path) -> None:
    """The file has no streets: the address must be enough all the same, or every order would be held."""
    assert findings(order_of(file_of(tmp_path, row()))) == ()


def test_a_publication_names_its_invoice(tmp_path: Path) -> None:
    """The message id is the invoice, so that the file can be sent twice and changes nothing."""
    path = file_of(tmp_path, row(), row("C489449", quantity=-1))
    (sale, back), again = publications(path, "retail"), list(publications(path, "retail"))
    assert (sale.subject, sale.message_id) == ("evt.channels.retail.order_placed", "retail:489434")
    assert (back.subject, back.message_id) == ("evt.channels.retail.return_reported", "retail:C489449")
    assert [sale, back] == again


def test_lines_that_stand_apart_are_one_invoice(tmp_path: Path) -> None:
    """In the real file hundreds of invoices are interleaved; half an order would be a wrong one."""
    path = file_of(tmp_path, row(), row("489435"), row(code="B", quantity=1), row(code="79323P"))
    events, _ = published(path)
    assert [len(e.order.lines) for e in events if isinstance(e, OrderPlaced)] == [1, 2]


def test_the_same_code_twice_is_two_lines(tmp_path: Path) -> None:
    """They may have different prices; inventory sums the demand."""
    assert len(order_of(file_of(tmp_path, row(), row(price="1.25"))).lines) == 2


def test_a_cancellation_is_a_return(tmp_path: Path) -> None:
    """Positive units and money that went back; charges have no SKU, so they move no stock."""
    path = file_of(tmp_path, row("C1", quantity=-3), row("C1", "M", -1, "5.00", title="Manual"))
    assert return_of(path) == ReturnReported(
        channel="retail",
        return_id="C1",
        reported_at=AT,
        currency="GBP",
        lines=(
            OrderLine(
                line_id="1",
                sku="85048",
                title="GLASS BALL",
                quantity=3,
                unit_price_minor=695,
                total_minor=2085,
            ),
            OrderLine(
                line_id="2",
                sku="",
                title="Manual",
                quantity=1,
                unit_price_minor=500,
                total_minor=500,
                requires_shipping=False,
            ),
        ),
        total_minor=2585,
        reason="cancelled invoice",
    )


def test_a_charge_on_a_cancellation_lowers_what_went_back(tmp_path: Path) -> None:
    """The real file has one: the return's total is then negative, as the file says."""
    found = return_of(file_of(tmp_path, row("C496350", "M", 1, "373.57")))
    assert (found.total_minor, found.lines[0].quantity, found.lines[0].total_minor) == (-37357, 1, -37357)


def test_an_invoice_of_negative_quantities_is_stock_written_off(tmp_path: Path) -> None:
    """Not a sale, and nobody was paid."""
    found = return_of(file_of(tmp_path, row("489464", quantity=-96, price="0.0", title="damages")))
    assert (found.reason, found.total_minor, found.lines[0].quantity) == ("stock written off", 0, 96)


def test_a_bad_debt_is_money_without_goods(tmp_path: Path) -> None:
    """A… invoices lower what is owed; their line has no SKU."""
    found = return_of(file_of(tmp_path, row("A506401", "B", 1, "-53594.36", title="Adjust bad debt")))
    assert (found.reason, found.total_minor) == ("bad debt", 5359436)
    assert [(line.sku, line.total_minor) for line in found.lines] == [("", 5359436)]


@pytest.mark.parametrize("code", ["POST", "DOT", "C2", "C3"])
def test_delivery_codes_are_delivery(tmp_path: Path, code: str) -> None:
    """Never goods: there is nothing to pick."""
    order = order_of(file_of(tmp_path, row(), row(code=code, quantity=2, price="9.00")))
    assert order.shipping == (ShippingLine(title=CHARGES[code].title, total_minor=1800),)
    assert len(order.lines) == 1


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("M", "other"),
        ("m", "other"),
        ("D", "other"),
        ("S", "other"),
        ("ADJUST", "other"),
        ("TEST001", "other"),
        ("BANK CHARGES", "fee"),
        ("AMAZONFEE", "fee"),
        ("CRUK", "fee"),
        ("gift_0001_20", "gift_card"),
    ],
)
def test_charge_codes_are_adjustments(tmp_path: Path, code: str, kind: str) -> None:
    """Never goods, but their money counts."""
    order = order_of(file_of(tmp_path, row(), row(code=code, quantity=1, price="12.50")))
    assert [(a.kind, a.amount_minor) for a in order.adjustments] == [(kind, 1250)]
    assert order.total_minor == 1390 + 1250


@pytest.mark.parametrize("code", ["PADS", "DCGS0076", "47503J ", "79323w"])
def test_odd_codes_that_are_products_stay_goods(tmp_path: Path, code: str) -> None:
    """Codes are kept as the shop writes them, without the spaces around."""
    assert order_of(file_of(tmp_path, row(code=code))).lines[0].sku == code.strip()


def test_free_goods_are_sent(tmp_path: Path) -> None:
    """They leave the shelf like any other."""
    events, report = published(file_of(tmp_path, row(), row(code="22111", price="0.0")))
    assert isinstance(events[0], OrderPlaced)
    assert [line.total_minor for line in events[0].order.lines] == [1390, 0]
    assert report.counts["free_goods"] == 1


def test_what_is_taken_back_within_a_sale_is_money_only(tmp_path: Path) -> None:
    """A negative line ships nothing; what it is worth still lowers the total."""
    path = file_of(
        tmp_path, row(), row(code="22111", quantity=-1, price="2.00"), row(code="22112", quantity=0)
    )
    events, report = published(path)
    assert isinstance(events[0], OrderPlaced)
    assert events[0].order.adjustments == (Adjustment(kind="other", title="GLASS BALL", amount_minor=-200),)
    assert len(events[0].order.lines) == 1
    assert report.counts["taken_back_in_a_sale"] == 2


def test_fractions_of_a_penny_are_rounded_by_line_and_stated(tmp_path: Path) -> None:
    """Half away from zero; the report says what that left over."""
    events, report = published(
        file_of(tmp_path, row(quantity=5, price="0.001"), row(quantity=4, price="0.001"))
    )
    assert isinstance(events[0], OrderPlaced)
    first, second = events[0].order.lines
    assert (first.total_minor, second.total_minor) == (1, 0)
    assert first.quantity * first.unit_price_minor - first.discount_minor == first.total_minor
    assert report.counts["rounded_lines"] == 2
    assert report.rounding_pence == Decimal("-0.1")


def test_a_guest_is_a_customer_without_a_name(tmp_path: Path) -> None:
    """A fifth of the lines has no customer: nobody to write to, and still an order."""
    events, report = published(file_of(tmp_path, row(customer="")))
    assert isinstance(events[0], OrderPlaced)
    assert events[0].order.customer == Recipient(name="Guest")
    assert report.counts["guests"] == 1


@pytest.mark.parametrize(("country", "code"), [("EIRE", "IE"), ("RSA", "ZA"), ("Channel Islands", "JE")])
def test_countries_have_their_codes(tmp_path: Path, country: str, code: str) -> None:
    """The file's own names, not those of a standard."""
    order = order_of(file_of(tmp_path, row(country=country)))
    assert order.ship_to is not None
    assert (order.ship_to.country, order.note) == (code, "")


def test_a_country_that_is_not_stated_is_home_with_a_note(tmp_path: Path) -> None:
    """The order can be sent, and a person can see what was assumed."""
    order = order_of(file_of(tmp_path, row(country="Unspecified")))
    assert order.ship_to is not None
    assert order.ship_to.country == "GB"
    assert order.note == "country 'Unspecified' is not stated by the channel, taken as GB"


def test_every_code_of_a_country_is_two_letters() -> None:
    """A typing mistake here would send parcels astray."""
    assert all(len(code) == 2 and code.isupper() for code in COUNTRIES.values())


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (row(quantity="two"), "Quantity 'two' is not a whole number"),
        (row(quantity=10_000_000), "Quantity '10000000' is beyond 1000000"),
        (row(price="x"), "UnitPrice 'x' is not a number"),
        (row(price="NaN"), "UnitPrice 'NaN' cannot be a price"),
        (row(code=""), "StockCode '' cannot be a SKU"),
    ],
)
def test_a_bad_line_is_named_and_its_invoice_is_not_sent(tmp_path: Path, bad: str, reason: str) -> None:
    """An order that lacks a line would be a wrong order; all other invoices go out."""
    events, report = published(file_of(tmp_path, row(), bad, row("489435")))
    assert [e.order.channel_order_id for e in events if isinstance(e, OrderPlaced)] == ["489435"]
    assert report.refused == [(3, reason)]
    assert report.counts["refused_invoices"] == 1
    assert report.rounding_pence == 0


def test_a_line_without_invoice_or_time_is_named(tmp_path: Path) -> None:
    """Short lines and empty fields, as a broken export leaves them."""
    events, report = published(file_of(tmp_path, "489434", row("489436", at="soon"), row("489435")))
    assert len(events) == 1
    assert report.refused == [(2, "StockCode '' cannot be a SKU"), (3, "InvoiceDate is not a time")]


def test_the_report_ties_to_the_file(tmp_path: Path) -> None:
    """Orders less returns, refused and rounding: together the file's total, to the last digit."""
    path = file_of(
        tmp_path,
        row(),
        row("C1", quantity=-1),
        row("489435", "POST", 1, "18.00"),
        row("489436", quantity="x"),
    )
    _, report = published(path)
    assert report.as_json() == {
        "invoices": 4,
        "lines": 4,
        "rules": {
            "sales": 2,
            "cancellations": 1,
            "refused_invoices": 1,
            "sales_without_goods": 1,
            "delivery_lines": 1,
        },
        "file_total": "24.95",
        "orders_total": "31.90",
        "returns_total": "6.95",
        "sent_total": "24.95",
        "refused_total": "0",
        "rounding": "0",
        "refused": [{"line": 5, "reason": "Quantity 'x' is not a whole number"}],
    }


def test_every_rule_is_explained() -> None:
    """The report's names are only as good as their explanations."""
    assert all(text and not text.endswith(".") for text in RULES.values())


def test_publications_come_one_by_one(tmp_path: Path) -> None:
    """The first is ready before the last line is read: memory does not grow with the file."""
    stream = publications(file_of(tmp_path, row(), row("489435", price="x"), row("489436")), "retail")
    assert isinstance(event(next(stream)), OrderPlaced)
    assert len(list(stream)) == 1
