"""Booking what came in and what was found wrong. A document counts once, however often it is sent."""

from __future__ import annotations

from typing import cast

from contracts.event import Event
from contracts.inventory import StockAdjusted, StockReceived
from services.inventory.domain.availability import with_news
from services.inventory.domain.books import Books, stock_of
from services.inventory.domain.commands import AdjustStock, ReceiveStock
from services.inventory.domain.names import adjustment_entity, receipt_entity, write_off_entity
from services.inventory.domain.references import Booked
from services.inventory.domain.refusals import below_reserved, refused, unregistered
from services.inventory.domain.writing_off import WriteOff, ask, asked_again, is_for_two


def receive_stock(command: ReceiveStock, books: Books) -> tuple[Event, ...]:
    """Units came in; the same document again does nothing, with another quantity it is refused."""
    stock = stock_of(books, command.sku)
    if stock is None or stock.item is None:
        return (unregistered(command.sku, command),)
    entity = receipt_entity(command.sku, command.location, command.reference)
    if booked := cast("Booked | None", books.state(entity)):
        return _again(command, booked)
    return with_news([StockReceived(**_facts(command))], books)


def adjust_stock(command: AdjustStock, books: Books) -> tuple[Event, ...]:
    """The books were wrong; what is promised to orders cannot be taken away. Much of it takes a second person."""
    stock = stock_of(books, command.sku)
    if stock is None or stock.item is None:
        return (unregistered(command.sku, command),)
    entity = adjustment_entity(*_names(command))
    if booked := cast("Booked | None", books.state(entity)):
        return _again(command, booked)
    if known := cast("WriteOff | None", books.state(write_off_entity(*_names(command)))):
        return asked_again(command, known)
    place = stock.at(command.location)
    if place.available + command.quantity < 0:
        return (below_reserved(command.sku, place, command, command.quantity),)
    if is_for_two(command.quantity, stock.item, books.policies):
        return (ask(command, stock.item, books),)
    return with_news([StockAdjusted(**_facts(command))], books)


def _names(command: AdjustStock) -> tuple[str, str, str]:
    return command.sku, command.location, command.reference


def _again(command: ReceiveStock | AdjustStock, booked: Booked) -> tuple[Event, ...]:
    if booked.quantity == command.quantity:
        return ()
    reason = (
        f"reference {command.reference} was booked with {booked.quantity} of {command.sku} "
        f"at {command.location} and counts once: use another reference to book more"
    )
    return (refused(command.sku, command, reason, state="booked"),)


def _facts(command: ReceiveStock | AdjustStock) -> dict[str, str | int]:
    names = ("sku", "location", "quantity", "reason", "actor", "reference")
    return {name: getattr(command, name) for name in names}
