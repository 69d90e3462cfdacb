"""Reading the UCI Online Retail file: its lines, and the invoices they make up.

The columns are those of https://archive.ics.uci.edu/dataset/502/online+retail+ii, plain or `.gz`. The lines of
an invoice mostly stand together, but not always: a first pass counts them, a second gives each invoice out as
soon as its last line has come. So memory holds the few invoices that are open, whatever the file's size.
"""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import IO, NamedTuple

COLUMNS = {
    "InvoiceNo": ("InvoiceNo", "Invoice"),
    "StockCode": ("StockCode",),
    "Description": ("Description",),
    "Quantity": ("Quantity",),
    "InvoiceDate": ("InvoiceDate",),
    "UnitPrice": ("UnitPrice", "Price"),
    "CustomerID": ("CustomerID", "Customer ID"),
    "Country": ("Country",),
}
"""Each column, and the names it has in the dataset's editions."""

UTF_16_AS_UTF_8 = "\ufffd\ufffd"
"""What its byte order mark becomes: neither of its bytes can stand in UTF-8."""
INVOICE_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._#-]{0,63}")
QUANTITY_MAX = 1_000_000
PRICE_MAX = Decimal(10**9)
PENCE = Decimal(100)
WHOLE = Decimal(1)


class NotARetailFile(ValueError):
    """The columns are not named in the first line, or the file breaks off; the message says where."""


class LineRefused(ValueError):
    """A line that cannot be used, and why."""


class Price(NamedTuple):
    """A unit price: exact in pence, and rounded to whole pence."""

    pence: Decimal
    minor: int


class Line(NamedTuple):
    """One line of the file. `minor` is quantity times price in whole pence, rounded half away from zero."""

    number: int
    code: str
    description: str
    quantity: int
    price: Price
    minor: int


class Invoice(NamedTuple):
    """An invoice with its usable lines; `refused` holds (line number, reason) for the others."""

    number: str
    at: datetime | None
    customer: str
    country: str
    lines: list[Line]
    refused: list[tuple[int, str]]


def invoices(path: Path) -> Iterator[Invoice]:
    """Every invoice of the file once, in the order of their last lines."""
    left = Counter(row[0] for _, row in rows(path))
    opened: dict[str, Invoice] = {}
    for number, row in rows(path):
        name = row[0]
        invoice = opened.get(name) or opened.setdefault(name, _opened(row))
        try:
            invoice.lines.append(parsed(number, row))
        except LineRefused as refused:
            invoice.refused.append((number, str(refused)))
        left[name] -= 1
        if not left[name]:
            yield opened.pop(name)


def rows(path: Path) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Line numbers (the header is 1) and the fields in the order of `COLUMNS`. Raises `NotARetailFile`."""
    with _opened_text(path) as file:
        reader = csv.reader(file)
        try:
            places = _places(next(reader, []))
            width = max(places) + 1
            for row in reader:
                filled = row if len(row) >= width else row + [""] * (width - len(row))
                yield reader.line_num, tuple([filled[place] for place in places])
        except (csv.Error, EOFError, zlib.error) as broken:
            raise NotARetailFile(f"line {reader.line_num}: {broken}") from None


def parsed(number: int, row: tuple[str, ...]) -> Line:
    """The line's values. Raises `LineRefused` naming the column."""
    invoice, code, description, quantity_text, _, price_text, _, _ = row
    if not INVOICE_NUMBER.fullmatch(invoice):
        raise LineRefused(f"InvoiceNo {invoice!r} cannot be the number of an invoice")
    code = code.strip()
    if not 0 < len(code) <= 64 or not code.isprintable():
        raise LineRefused(f"StockCode {code[:64]!r} cannot be a SKU")
    quantity, price = _quantity(quantity_text), price_of(price_text)
    minor = quantity * price.minor if price.pence == price.minor else rounded(quantity * price.pence)
    return Line(number, code, description.strip(), quantity, price, minor)


@lru_cache(maxsize=10_000)
def price_of(text: str) -> Price:
    """A unit price in pounds. Raises `LineRefused`."""
    try:
        pounds = Decimal(text)
    except InvalidOperation:
        raise LineRefused(f"UnitPrice {text!r} is not a number") from None
    if not pounds.is_finite() or abs(pounds) > PRICE_MAX:
        raise LineRefused(f"UnitPrice {text!r} cannot be a price")
    return Price(pounds * PENCE, rounded(pounds * PENCE))


def rounded(pence: Decimal) -> int:
    """Whole pence, half away from zero."""
    return int(pence.quantize(WHOLE, ROUND_HALF_UP))


def moment(text: str) -> datetime | None:
    """The invoice's time; the file names no zone, it is taken as UTC. None where it is no time."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None


def _quantity(text: str) -> int:
    try:
        quantity = int(text)
    except ValueError:
        raise LineRefused(f"Quantity {text!r} is not a whole number") from None
    if abs(quantity) > QUANTITY_MAX:
        raise LineRefused(f"Quantity {text!r} is beyond {QUANTITY_MAX}")
    return quantity


def _opened(row: tuple[str, ...]) -> Invoice:
    return Invoice(row[0], moment(row[4]), row[6].strip().removesuffix(".0"), row[7].strip(), [], [])


def _places(header: list[str]) -> list[int]:
    if not header:
        raise NotARetailFile(f"it is empty: its first line has to name the columns {','.join(COLUMNS)}")
    if header[0].startswith(UTF_16_AS_UTF_8):
        raise NotARetailFile("it is UTF-16, not UTF-8: save it as CSV UTF-8")
    found = {name.strip().lstrip("\ufeff"): place for place, name in enumerate(header)}
    places = [next((found[n] for n in names if n in found), -1) for names in COLUMNS.values()]
    for column, place in zip(COLUMNS, places, strict=True):
        if place < 0:
            raise NotARetailFile(f"column {column} is missing in the first line")
    return places


def _opened_text(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", errors="replace", newline="")
    return path.open(encoding="utf-8", errors="replace", newline="")
