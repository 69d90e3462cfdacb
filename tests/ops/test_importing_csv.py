"""SKU and stock files are read row by row; whatever cannot be read is named by its line."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from ops.importing.csv_rows import SHEETS, RefusedRow, Row, rows, text_of
from ops.importing.sending import Report

SKU_HEADER = "sku,title,barcode,price,currency,vat_class,weight_g\n"
STOCK_HEADER = "sku,location,quantity\n"


def read_skus(body: str, header: str = SKU_HEADER) -> list[Row | RefusedRow]:
    return list(rows(header + body, SHEETS["skus"]))


def read_stock(body: str, header: str = STOCK_HEADER) -> list[Row | RefusedRow]:
    return list(rows(header + body, SHEETS["stock"]))


def test_a_sku_row_becomes_typed_values() -> None:
    """The price is in minor units, the weight a number: what the service takes."""
    assert read_skus("LAMP,Desk lamp,4006381333931,39.90,EUR,reduced,850\n") == [
        Row(2, {
            "sku": "LAMP", "title": "Desk lamp", "barcode": "4006381333931", "price_minor": 3990,
            "currency": "EUR", "vat_class": "reduced", "weight_g": 850,
        }),
    ]  # fmt: skip


def test_a_stock_row_becomes_typed_values() -> None:
    """Zero is a quantity: the shop says that it has none."""
    assert read_stock("LAMP,MAIN,5\nMUG,MAIN,0\n") == [
        Row(2, {"sku": "LAMP", "location": "MAIN", "quantity": 5}),
        Row(3, {"sku": "MUG", "location": "MAIN", "quantity": 0}),
    ]


@pytest.mark.parametrize(
    ("price", "currency", "minor"),
    [
        ("12.5", "EUR", 1250),
        ("9899", "JPY", 9899),
        ("1.250", "KWD", 1250),
        ("0", "EUR", 0),
        ("12.50", "USD", 1250),
    ],
)
def test_prices_follow_the_decimals_of_their_currency(price: str, currency: str, minor: int) -> None:
    """Yen have no decimals, dinars three (ISO 4217)."""
    (row,) = read_skus(f"LAMP,,,{price},{currency},,\n")
    assert isinstance(row, Row)
    assert row.values["price_minor"] == minor


def test_what_may_be_empty_gets_its_default() -> None:
    """Title, barcode, VAT class and weight are often unknown at first."""
    (row,) = read_skus("LAMP,,,1.00,EUR,,\n")
    assert isinstance(row, Row)
    assert (row.values["title"], row.values["barcode"], row.values["vat_class"], row.values["weight_g"]) == (
        "", "", "standard", 0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (",,,1.00,EUR,,\n", "sku: is empty"),
        ("LAMP,,,12,50,EUR,,\n", "8 cells where the header has 7: is a comma not quoted?"),
        ("LAMP,,,1.00\n", "4 cells where the header has 7: is a comma not quoted?"),
        ("LAMP,,,free,EUR,,\n", "price: 'free' is not an amount such as 12.50"),
        ("LAMP,,,-1.00,EUR,,\n", "price: '-1.00' is not an amount such as 12.50"),
        ("LAMP,,,1_000,EUR,,\n", "price: '1_000' is not an amount such as 12.50"),
        ("LAMP,,,NaN,EUR,,\n", "price: 'NaN' is not an amount such as 12.50"),
        ('LAMP,,,"12,50",EUR,,\n', "price: '12,50' is not an amount such as 12.50"),
        ("LAMP,,,12.505,EUR,,\n", "price: '12.505' is finer than the smallest unit of EUR"),
        ("LAMP,,,12.5,JPY,,\n", "price: '12.5' is finer than the smallest unit of JPY"),
        ("LAMP,,,,EUR,,\n", "price: '' is not an amount such as 12.50"),
        ("LAMP,,,1.00,eur,,\n", "currency: 'eur' is not an ISO 4217 code such as EUR"),
        ("LAMP,,,1.00,EUR,,1.5\n", "weight_g: '1.5' is not a whole number of zero or more"),
        ('LAMP,"Desk" lamp,,1.00,EUR,,\n', "not readable as CSV: ',' expected after '\"'"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_and_the_next_goes_in(body: str, error: str) -> None:
    """One wrong cell must not keep a thousand right rows out."""
    first, second = read_skus(body + "MUG,,,1.00,EUR,,\n")
    assert first == RefusedRow(2, error)
    assert isinstance(second, Row)
    assert second.line == 3


@pytest.mark.parametrize("quantity", ["", "five", "-3", "1.0", "1e3", "٣"])
def test_a_quantity_is_a_whole_number_of_zero_or_more(quantity: str) -> None:
    """A file states what is there; less than nothing cannot be."""
    assert read_stock(f"LAMP,MAIN,{quantity}\n") == [
        RefusedRow(2, f"quantity: {quantity!r} is not a whole number of zero or more")
    ]


def test_the_mark_that_spreadsheets_write_first_is_not_part_of_the_header() -> None:
    """Saved as "CSV UTF-8", a file begins with a byte order mark."""
    assert read_stock("LAMP,MAIN,5\n", header="\ufeff" + STOCK_HEADER) == [
        Row(2, {"sku": "LAMP", "location": "MAIN", "quantity": 5})
    ]


def test_columns_may_stand_in_any_order_and_more_may_be_there() -> None:
    """Exports of other systems carry columns that are not ours."""
    assert read_stock("5,A3,LAMP,MAIN\n", header=" Quantity ,shelf,SKU,Location\n") == [
        Row(2, {"sku": "LAMP", "location": "MAIN", "quantity": 5})
    ]


def test_missing_columns_are_named_with_what_was_found() -> None:
    """Most often it is another file, or a file with semicolons: seen at a glance."""
    assert read_stock("LAMP;MAIN;5\n", header="sku;location;quantity\n") == [
        RefusedRow(
            1, "columns missing: sku, location, quantity (found: sku;location;quantity; separated by commas)"
        )
    ]


def test_a_column_named_twice_is_refused() -> None:
    """Nobody can say which of the two is meant."""
    assert read_stock("LAMP,MAIN,5,6\n", header="sku,location,quantity,quantity\n") == [
        RefusedRow(1, "columns named twice: quantity")
    ]


@pytest.mark.parametrize("text", ["", "\ufeff", "\n\n"])
def test_an_empty_file_is_told_what_it_should_begin_with(text: str) -> None:
    """Not a success with zero rows."""
    assert list(rows(text, SHEETS["stock"])) == [
        RefusedRow(1, "the file is empty: its first line has to name the columns sku,location,quantity")
    ]


def test_a_quoted_newline_belongs_to_its_cell_and_lines_are_counted_as_an_editor_shows_them() -> None:
    """The refusal after it names the line a person finds it on."""
    body = 'LAMP,"Desk lamp,\nsecond line",,1.00,EUR,,\n\nMUG,,,x,EUR,,\n'
    first, second = read_skus(body)
    assert isinstance(first, Row)
    assert (first.line, first.values["title"]) == (2, "Desk lamp,\nsecond line")
    assert second == RefusedRow(5, "price: 'x' is not an amount such as 12.50")


def test_line_ends_of_windows_count_once() -> None:
    """Most spreadsheets write them."""
    found = list(rows("sku,location,quantity\r\nLAMP,MAIN,5\r\nMUG,MAIN,x\r\n", SHEETS["stock"]))
    assert [row.line for row in found] == [2, 3]


def test_a_quote_that_is_never_closed_is_named_where_it_opens() -> None:
    """It swallows the rest of the file: the line that opens it is the one to mend."""
    first, second = read_stock('LAMP,MAIN,5\nMUG,"MAIN,3\nCUP,MAIN,4\n')
    assert isinstance(first, Row)
    assert second == RefusedRow(3, "a quote is opened here and never closed")


def test_the_same_thing_twice_in_a_file_is_refused_the_second_time() -> None:
    """Two quantities for one place cannot both be true, and each import would move stock again."""
    assert read_stock("LAMP,MAIN,5\nLAMP,BACK,1\nLAMP,MAIN,7\n")[2] == RefusedRow(
        4, "LAMP at MAIN is already in line 2"
    )
    assert read_skus("LAMP,,,1.00,EUR,,\nLAMP,,,2.00,EUR,,\n")[1] == RefusedRow(
        3, "LAMP is already in line 2"
    )


def test_a_line_that_is_not_utf_8_is_named_and_the_rest_goes_in() -> None:
    """One name typed in an old spreadsheet must not keep a catalogue out."""
    content = b"sku,location,quantity\nLAMP,MAIN,5\nM\xfcSLI,MAIN,3\nMUG,MAIN,7\n"
    assert list(rows(text_of(content), SHEETS["stock"])) == [
        Row(2, {"sku": "LAMP", "location": "MAIN", "quantity": 5}),
        RefusedRow(3, "not UTF-8: the byte 0xFC; save the file as UTF-8"),
        Row(4, {"sku": "MUG", "location": "MAIN", "quantity": 7}),
    ]


def test_a_header_that_is_not_utf_8_refuses_the_file() -> None:
    """A file of another encoding altogether is seen at its first line."""
    content = "sku,größe,location,quantity\n".encode("latin-1")
    assert list(rows(text_of(content), SHEETS["stock"])) == [
        RefusedRow(1, "not UTF-8: the byte 0xF6; save the file as UTF-8")
    ]


@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE], ids=["little", "big"])
def test_what_a_spreadsheet_calls_unicode_text_is_named(mark: bytes) -> None:
    """A byte would say nothing to whoever chose the wrong line of a menu."""
    encoding = "utf-16-le" if mark == codecs.BOM_UTF16_LE else "utf-16-be"
    content = mark + "sku,location,quantity\nLAMP,MAIN,5\n".encode(encoding)
    assert list(rows(text_of(content), SHEETS["stock"])) == [
        RefusedRow(1, "the file is UTF-16, not UTF-8: save it as CSV UTF-8")
    ]


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (Report(refused=[{"line": 1, "error": "columns missing"}]), "nothing of f.csv went in"),
        (Report(accepted=1, refused=[{}]), "1 row of f.csv was refused, the others went in"),
        (Report(unchanged=1, refused=[{}, {}]), "2 rows of f.csv were refused, the others went in"),
    ],
)
def test_the_verdict_on_a_file_is_true(report: Report, said: str) -> None:
    """After a wrong header, nothing went in, and nobody is told otherwise."""
    assert report.verdict(Path("f.csv")) == said
