"""Registering SKUs: master data comes in rows; the same again does nothing, a barcode belongs to one SKU."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from contracts.event import Event
from contracts.inventory import SkuAmended, SkuRegistered
from services.inventory.domain import gtin
from services.inventory.domain.books import Books, stock_of
from services.inventory.domain.commands import RegisterSkus, SkuRow
from services.inventory.domain.refusals import REGISTERED, UNREGISTERED, refused
from services.inventory.domain.stock import Item, barcode_tag


class Shelf:
    """Who has which barcode, as the rows of one command change it one after another."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._items: dict[str, Item] = {}
        self._holders: dict[str, str] = {}

    def item(self, sku: str) -> Item | None:
        """The master data of a SKU."""
        stock = stock_of(self._books, sku)
        return self._items.get(sku) or (stock.item if stock else None)

    def holder(self, barcode: str) -> str | None:
        """The SKU that has a barcode."""
        tag = barcode_tag(barcode)
        found = (self._holders.get(tag), *(entity.partition("/")[2] for entity in self._books.tagged(tag)))
        return next((sku for sku in found if sku and self._has(sku, tag)), None)

    def put(self, sku: str, item: Item) -> None:
        """From here on the SKU has this master data."""
        self._items[sku] = item
        if item.barcode:
            self._holders[barcode_tag(item.barcode)] = sku

    def _has(self, sku: str, tag: str) -> bool:
        item = self.item(sku)
        return item is not None and barcode_tag(item.barcode) == tag


def register_skus(command: RegisterSkus, books: Books) -> list[Event]:
    """New SKUs, amended SKUs, and a refusal for each row that cannot be taken."""
    shelf = Shelf(books)
    lines: dict[str, int] = {}
    events: list[Event] = []
    for row in command.rows:
        events += _row(row, lines.get(row.sku), command, shelf)
        lines.setdefault(row.sku, row.line)
    return events


def _row(row: SkuRow, first: int | None, command: RegisterSkus, shelf: Shelf) -> Iterator[Event]:
    known = shelf.item(row.sku)
    if reason := _fault(row, first, shelf):
        yield refused(row.sku, command, reason, REGISTERED if known else UNREGISTERED, line=row.line)
    elif known != row.item:
        shelf.put(row.sku, row.item)
        yield (SkuAmended if known else SkuRegistered)(sku=row.sku, **asdict(row.item), actor=command.actor)


def _fault(row: SkuRow, first: int | None, shelf: Shelf) -> str:
    """Why a row cannot be taken; empty where it can."""
    if first is not None:
        return f"{row.sku} is already in line {first}"
    barcode = row.item.barcode
    if fault := gtin.fault(barcode):
        return fault
    holder = shelf.holder(barcode) if barcode else None
    return f"barcode: {barcode} belongs to SKU {holder}" if holder not in (None, row.sku) else ""
