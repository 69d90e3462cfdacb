"""Which entities each event changes and each command looks at; the first is where an event is at home."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from contracts.event import Event
from contracts.inventory import (
    AvailabilityChanged,
    ReservationExpired,
    ReservationRefused,
    ReservationReleased,
    SkuAmended,
    SkuRegistered,
    StockAdjusted,
    StockDispatched,
    StockReceived,
    StockReserved,
    WriteOffApproved,
    WriteOffDenied,
    WriteOffRequested,
)
from contracts.parking import CommandRefused
from services.inventory.domain.commands import (
    AdjustStock,
    ApproveWriteOff,
    DenyWriteOff,
    OpenStock,
    ReceiveStock,
    RegisterSkus,
)
from services.inventory.domain.movements import PromiseEvent
from services.inventory.domain.names import (
    adjustment_entity,
    receipt_entity,
    reservation_entity,
    sku_entity,
    write_off_entity,
)
from services.inventory.domain.stock import COMMAND_REFUSED


def of_rows(command: RegisterSkus | OpenStock) -> tuple[str, ...]:
    """Every SKU of a list."""
    return tuple(sku_entity(row.sku) for row in command.rows)


def of_receipt(command: ReceiveStock) -> tuple[str, str]:
    """The SKU, and the document that must not be booked twice."""
    return sku_entity(command.sku), receipt_entity(command.sku, command.location, command.reference)


def of_adjustment(command: AdjustStock | ApproveWriteOff | DenyWriteOff) -> tuple[str, ...]:
    """The SKU, the document that must not be booked twice, and what waits under its name for a second person."""
    names = command.sku, command.location, command.reference
    return sku_entity(command.sku), adjustment_entity(*names), write_off_entity(*names)


def _sku(event: SkuRegistered | SkuAmended | AvailabilityChanged) -> tuple[str, ...]:
    return (sku_entity(event.sku),)


def _receipt(event: StockReceived) -> tuple[str, ...]:
    return _with_reference(event, receipt_entity)


def _adjustment(event: StockAdjusted) -> tuple[str, ...]:
    return _with_reference(event, adjustment_entity)


def _write_off(event: WriteOffRequested | WriteOffApproved | WriteOffDenied) -> tuple[str, ...]:
    return (sku_entity(event.sku), write_off_entity(event.sku, event.location, event.reference))


def _with_reference(
    event: StockReceived | StockAdjusted, reference: Callable[[str, str, str], str]
) -> tuple[str, ...]:
    """Opening stock is counted by SKU and location; everything else by its document."""
    if event.opening:
        return (sku_entity(event.sku),)
    return (sku_entity(event.sku), reference(event.sku, event.location, event.reference))


def _reservation(event: ReservationRefused) -> tuple[str, ...]:
    return (reservation_entity(event.order_id),)


def _promise(event: PromiseEvent) -> tuple[str, ...]:
    return _promise_about(event.order_id, [line.sku for line in event.lines])


def _dispatch(event: StockDispatched) -> tuple[str, ...]:
    return _promise_about(
        event.order_id, [*(line.sku for line in event.lines), *(units.sku for units in event.missing)]
    )


def _promise_about(order_id: str, skus: Iterable[str]) -> tuple[str, ...]:
    return (reservation_entity(order_id), *dict.fromkeys([sku_entity(sku) for sku in skus]))


def _aimed_at(event: CommandRefused) -> tuple[str, ...]:
    return (event.entity,)


PLACES: Mapping[type[Event], Callable[[Any], tuple[str, ...]]] = {
    SkuRegistered: _sku,
    SkuAmended: _sku,
    AvailabilityChanged: _sku,
    StockReceived: _receipt,
    StockAdjusted: _adjustment,
    WriteOffRequested: _write_off,
    WriteOffApproved: _write_off,
    WriteOffDenied: _write_off,
    StockReserved: _promise,
    ReservationRefused: _reservation,
    ReservationReleased: _promise,
    ReservationExpired: _promise,
    StockDispatched: _dispatch,
    COMMAND_REFUSED: _aimed_at,
}
