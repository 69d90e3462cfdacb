"""Reading the retail file, the stock made from it, and bodies published as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from chassis.http import BODY_BYTES_MAX
from ops.console import CannotDo
from ops.publishing.publication import Publication, raw_publication
from ops.publishing.retail_file import NotARetailFile, invoices
from ops.publishing.retail_stock import sku_rows, stock_rows
from ops.publishing.sending import contents
from services.orders.intake.topics import digest_of
from tests.ops.retail_files import HEADER, file_of, row


def test_a_packed_file_is_the_same_as_a_plain_one(tmp_path: Path) -> None:
    """The dataset comes as `.gz`."""
    lines = [row(), row("489435")]
    assert list(invoices(file_of(tmp_path, *lines))) == list(invoices(file_of(tmp_path, *lines, packed=True)))


def test_the_other_editions_column_names_are_known(tmp_path: Path) -> None:
    """The second edition renamed three columns."""
    header = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country"
    (found,) = invoices(file_of(tmp_path, row(), header=header))
    assert (found.number, found.customer, found.lines[0].price.minor) == ("489434", "13085", 695)


def test_columns_may_stand_in_any_order(tmp_path: Path) -> None:
    """And others may stand between them."""
    header = "Country,CustomerID,UnitPrice,InvoiceDate,Quantity,Colour,Description,StockCode,InvoiceNo"
    line = "France,1,2.50,2009-12-01 07:45:00,3,red,BALL,85048,489434"
    (found,) = invoices(file_of(tmp_path, line, header=header))
    assert (found.country, found.lines[0].minor) == ("France", 750)


@pytest.mark.parametrize(
    "header", ["a,b,c", "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,CustomerID,Country"]
)
def test_another_file_is_refused_by_its_first_line(tmp_path: Path, header: str) -> None:
    """Before anything is sent."""
    with pytest.raises(NotARetailFile, match=r"column .* is missing in the first line"):
        next(invoices(file_of(tmp_path, row(), header=header)))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty: its first line has to name the columns InvoiceNo,StockCode,"),
        (HEADER.encode("utf-16"), "it is UTF-16, not UTF-8: save it as CSV UTF-8"),
    ],
    ids=["empty", "UTF-16"],
)
def test_a_file_that_is_none_is_told_what_is_wrong_with_it(tmp_path: Path, content: bytes, said: str) -> None:
    """A missing column would be a strange word for it."""
    path = tmp_path / "retail.csv"
    path.write_bytes(content)
    with pytest.raises(NotARetailFile, match=said):
        next(invoices(path))


def test_a_file_that_breaks_off_is_refused_by_its_line(tmp_path: Path) -> None:
    """A download that was cut short, and a field without an end."""
    packed = file_of(tmp_path, *(row(str(489434 + i)) for i in range(500)), packed=True)
    packed.write_bytes(packed.read_bytes()[:-40])
    with pytest.raises(NotARetailFile, match=r"line \d+: "):
        list(invoices(packed))
    with pytest.raises(NotARetailFile, match="line 2: field larger than"):
        list(invoices(file_of(tmp_path, '489434,"' + "x" * 200_000)))


def test_the_stock_is_what_is_sold(tmp_path: Path) -> None:
    """Sold units summed per SKU; no charge, no return and no write-off is stock."""
    path = file_of(
        tmp_path,
        row(),
        row("489435", quantity=5),
        row("489436", "22111", 1),
        row("489436", "POST", 1),
        row("C1", quantity=-3),
        row("489437", quantity=-4, price="0"),
        row("489438", quantity="x"),
    )
    assert list(stock_rows(path)) == [("85048", "main", 7), ("22111", "main", 1)]
    assert next(stock_rows(path, "hall-2")) == ("85048", "hall-2", 7)


def test_the_skus_are_those_of_the_stock(tmp_path: Path) -> None:
    """Title and price as they last stood on a sale at a price."""
    path = file_of(
        tmp_path,
        row(title="OLD NAME"),
        row("489435", title="NEW NAME", price="7.5"),
        row("489436", title="", price="0.0"),
        row("489437", "22111", title="", price="0.0"),
    )
    assert list(sku_rows(path)) == [
        ("85048", "NEW NAME", "", "7.50", "GBP", "standard", "0"),
        ("22111", "22111", "", "0.00", "GBP", "standard", "0"),
    ]


@pytest.mark.parametrize(
    ("topic", "subject"),
    [
        ("orders/create", "evt.channels.shopify.orders_create"),
        ("order.created", "evt.channels.shopify.order_created"),
        ("order_placed", "evt.channels.shopify.order_placed"),
    ],
)
def test_a_body_is_published_byte_for_byte(topic: str, subject: str) -> None:
    """As a webhook would have stored it; the digest is its id where nothing names it."""
    body = b'{"id":  1}'
    message_id = f"shopify:{digest_of(topic, body)}"
    assert raw_publication("shopify", topic, body) == Publication(
        subject,
        message_id,
        body,
        {
            "doorstep-channel": "shopify",
            "doorstep-topic": topic,
            "doorstep-message-id": message_id,
            "datacontenttype": "application/json",
        },
    )


def test_a_file_that_is_longer_than_a_message_may_be_is_named(tmp_path: Path) -> None:
    """As over HTTP; the bus would refuse it in words of its own."""
    fits, big = tmp_path / "fits.json", tmp_path / "big.json"
    fits.write_bytes(b" " * BODY_BYTES_MAX)
    big.write_bytes(b" " * (BODY_BYTES_MAX + 1))
    assert len(list(contents([fits]))) == 1
    with pytest.raises(CannotDo, match=r"big\.json has 1,048,577 bytes, a message 1,048,576 at most"):
        list(contents([fits, big]))
