"""Master data and stock that make every sale of the retail file possible, as rows of the import formats."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from contracts.money import from_minor
from ops.publishing.retail_file import Line, LineRefused, parsed, rows
from ops.publishing.retail_tables import charge_of

SKU_COLUMNS = ("sku", "title", "barcode", "price", "currency", "vat_class", "weight_g")
STOCK_COLUMNS = ("sku", "location", "quantity")
CURRENCY = "GBP"
VAT_CLASS = "standard"
LOCATION = "main"
NO_WEIGHT = "0"


def stock_rows(path: Path, location: str = LOCATION) -> Iterator[tuple[str, str, int]]:
    """`sku, location, quantity`: the units of each SKU that the file sells, all in one place."""
    sold: dict[str, int] = {}
    for line in _sold_lines(path):
        sold[line.code] = sold.get(line.code, 0) + line.quantity
    for sku, quantity in sold.items():
        yield sku, location, quantity


def sku_rows(path: Path) -> Iterator[tuple[str, str, str, str, str, str, str]]:
    """The SKU file's columns: title and price as they last stood on a sale; no barcode or weight is known."""
    titles: dict[str, str] = {}
    prices: dict[str, int] = {}
    for line in _sold_lines(path):
        is_priced = line.price.minor > 0
        if is_priced or line.code not in prices:
            prices[line.code] = line.price.minor
            titles[line.code] = line.description or titles.get(line.code, "")
    for sku, price_minor in prices.items():
        yield sku, titles[sku] or sku, "", from_minor(price_minor, CURRENCY), CURRENCY, VAT_CLASS, NO_WEIGHT


def _sold_lines(path: Path) -> Iterator[Line]:
    """Goods of sales, as `publications` sends them; unreadable lines are named there."""
    for number, row in rows(path):
        if row[0][:1] in "AaCc":
            continue
        try:
            line = parsed(number, row)
        except LineRefused:
            continue
        if line.quantity > 0 and line.price.minor >= 0 and charge_of(line.code) is None:
            yield line
