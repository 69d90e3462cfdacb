"""Opening stock: what a file says was there at the start, once per SKU and location.

The same file again does nothing, also when stock has moved since: the new figure is compared with the opening
figure before it, never with what is on hand now.
"""

from __future__ import annotations

from contracts.event import Event
from contracts.inventory import StockAdjusted, StockReceived
from services.inventory.domain.availability import with_news
from services.inventory.domain.books import Books, stock_of
from services.inventory.domain.commands import OpenStock, StockRow
from services.inventory.domain.refusals import below_reserved, refused, unregistered
from services.inventory.domain.writing_off import is_for_two

REASON = "opening stock"
FOR_TWO = "more than one person may write off: book an adjustment, which a second person approves"


def open_stock(command: OpenStock, books: Books) -> tuple[Event, ...]:
    """Receipts and corrections of opening stock, and a refusal for each row that cannot be taken."""
    lines: dict[tuple[str, str], int] = {}
    events: list[Event] = []
    for row in command.rows:
        if event := _row(row, lines.get((row.sku, row.location)), command, books):
            events.append(event)
        lines.setdefault((row.sku, row.location), row.line)
    return with_news(events, books)


def _row(row: StockRow, first: int | None, command: OpenStock, books: Books) -> Event | None:
    stock = stock_of(books, row.sku)
    if first is not None:
        return refused(
            row.sku, command, f"{row.sku} at {row.location} is already in line {first}", line=row.line
        )
    if stock is None or stock.item is None:
        return unregistered(row.sku, command, row.line)
    place = stock.at(row.location)
    difference = row.quantity - place.opened
    if difference == 0:
        return None
    if place.available + difference < 0:
        return below_reserved(row.sku, place, command, difference, row.line)
    if is_for_two(difference, stock.item, books.policies):
        reason = f"{row.sku} at {row.location}: {difference:+d} is {FOR_TWO}"
        return refused(row.sku, command, reason, allowed=("AdjustStock",), line=row.line)
    fact = StockReceived if difference > 0 else StockAdjusted
    return fact(
        sku=row.sku,
        location=row.location,
        quantity=difference,
        reason=REASON,
        actor=command.actor,
        reference=command.reference,
        opening=True,
    )
