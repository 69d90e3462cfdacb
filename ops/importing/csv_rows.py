"""SKU and stock files, read row by row: what can be sent, and what cannot with its line and the reason.

    for row in rows(text, SHEETS["stock"]):
        match row:
            case Row(line, values): ...         # {"sku": "LAMP", "location": "MAIN", "quantity": 5}
            case RefusedRow(line, error): ...   # 7, "quantity: 'five' is not a whole number"

Comma-separated with a header (RFC 4180). Columns may stand in any order and more may be there; a row never
stops the others. Lines are counted from 1 as an editor shows them: a row with a quoted newline has the
line it begins on.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from contracts.money import NotMoney, to_minor

BYTE_ORDER_MARK = "\ufeff"
UTF_16 = ("\udcff\udcfe", "\udcfe\udcff")
"""The byte order marks of UTF-16, as `text_of` has them."""
NOT_UTF_8 = re.compile("[\udc80-\udcff]")
"""What a byte that is not UTF-8 becomes in `text_of`: its row is refused, the others are not."""
_AMOUNT = re.compile(r"\d+(\.\d+)?", re.ASCII)
_WHOLE = re.compile(r"\d+", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")

type Cells = dict[str, str]
type Values = dict[str, str | int]


class Unreadable(ValueError):
    """A cell that does not say what its column needs; the message names the column."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row that can be sent, its values by field. Prices are minor units of the row's currency."""

    line: int
    values: Values


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that cannot be read, and why."""

    line: int
    error: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A kind of file: its columns, what makes two rows the same thing, and how cells become values."""

    columns: tuple[str, ...]
    key: tuple[str, ...]
    read: Callable[[Cells], Values]


def text_of(content: bytes) -> str:
    """A file's text. Bytes that are not UTF-8 stay in it as marks that `rows` finds and names."""
    return content.decode("utf-8", errors="surrogateescape")


def rows(text: str, sheet: Sheet) -> Iterator[Row | RefusedRow]:
    """The rows of a file, in order. A header that lacks a column refuses the whole file: one `RefusedRow`."""
    lines = _lines(text.removeprefix(BYTE_ORDER_MARK))
    for line, found in lines:
        if isinstance(found, csv.Error):
            yield RefusedRow(line, _broken(found))
            return
        header = [name.strip().lower() for name in found]
        if fault := _header_fault(header, sheet):
            yield RefusedRow(line, fault)
        else:
            yield from _body(lines, header, sheet)
        return
    yield RefusedRow(
        1, "the file is empty: its first line has to name the columns " + ",".join(sheet.columns)
    )


def _lines(text: str) -> Iterator[tuple[int, list[str] | csv.Error]]:
    """Each row with the line it begins on; blank lines are left out."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        begins = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as broken:
            yield begins, broken
            continue
        if any(cell.strip() for cell in cells):
            yield begins, cells


def _body(
    lines: Iterator[tuple[int, list[str] | csv.Error]], header: list[str], sheet: Sheet
) -> Iterator[Row | RefusedRow]:
    seen: dict[tuple[str, ...], int] = {}
    for line, found in lines:
        try:
            cells = _cells(found, header)
            values = sheet.read(cells)
            key = tuple(cells[name] for name in sheet.key)
            if key in seen:
                raise Unreadable(f"{' at '.join(key)} is already in line {seen[key]}")
        except Unreadable as fault:
            yield RefusedRow(line, str(fault))
        else:
            seen[key] = line
            yield Row(line, values)


def _header_fault(header: list[str], sheet: Sheet) -> str:
    if header[0].startswith(UTF_16):
        return "the file is UTF-16, not UTF-8: save it as CSV UTF-8"
    if fault := _encoding_fault(header):
        return fault
    missing = [name for name in sheet.columns if name not in header]
    twice = sorted({name for name in header if name in sheet.columns and header.count(name) > 1})
    if missing:
        return f"columns missing: {', '.join(missing)} (found: {', '.join(header)}; separated by commas)"
    return f"columns named twice: {', '.join(twice)}" if twice else ""


def _cells(found: list[str] | csv.Error, header: list[str]) -> Cells:
    if isinstance(found, csv.Error):
        raise Unreadable(_broken(found))
    if fault := _encoding_fault(found):
        raise Unreadable(fault)
    if len(found) != len(header):
        raise Unreadable(f"{len(found)} cells where the header has {len(header)}: is a comma not quoted?")
    return {name: cell.strip() for name, cell in zip(header, found, strict=True)}


def _encoding_fault(cells: list[str]) -> str:
    wrong = next((mark[0] for cell in cells if (mark := NOT_UTF_8.search(cell))), "")
    return f"not UTF-8: the byte 0x{ord(wrong) - 0xDC00:02X}; save the file as UTF-8" if wrong else ""


def _broken(error: csv.Error) -> str:
    if "unexpected end of data" in str(error):
        return "a quote is opened here and never closed"
    return f"not readable as CSV: {error}"


def _filled(cells: Cells, column: str) -> str:
    if not cells[column]:
        raise Unreadable(f"{column}: is empty")
    return cells[column]


def _whole(cells: Cells, column: str) -> int:
    if not _WHOLE.fullmatch(cells[column]):
        raise Unreadable(f"{column}: {cells[column]!r} is not a whole number of zero or more")
    return int(cells[column])


def _price(cells: Cells, currency: str) -> int:
    text = cells["price"]
    if not _AMOUNT.fullmatch(text):
        raise Unreadable(f"price: {text!r} is not an amount such as 12.50")
    try:
        return to_minor(text, currency)
    except NotMoney as fault:
        raise Unreadable(f"price: {fault}") from None


def _currency(cells: Cells) -> str:
    if not _CURRENCY.fullmatch(cells["currency"]):
        raise Unreadable(f"currency: {cells['currency']!r} is not an ISO 4217 code such as EUR")
    return cells["currency"]


def _sku_values(cells: Cells) -> Values:
    currency = _currency(cells)
    return {
        "sku": _filled(cells, "sku"),
        "title": cells["title"],
        "barcode": cells["barcode"],
        "price_minor": _price(cells, currency),
        "currency": currency,
        "vat_class": cells["vat_class"] or "standard",
        "weight_g": _whole(cells, "weight_g") if cells["weight_g"] else 0,
    }


def _stock_values(cells: Cells) -> Values:
    return {
        "sku": _filled(cells, "sku"),
        "location": _filled(cells, "location"),
        "quantity": _whole(cells, "quantity"),
    }


SHEETS: dict[str, Sheet] = {
    "skus": Sheet(
        columns=("sku", "title", "barcode", "price", "currency", "vat_class", "weight_g"),
        key=("sku",),
        read=_sku_values,
    ),
    "stock": Sheet(columns=("sku", "location", "quantity"), key=("sku", "location"), read=_stock_values),
}
