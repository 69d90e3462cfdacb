"""Which entities each event changes; the first is where it is at home."""

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
from services.inventory.domain.movements import PromiseEvent
from services.inventory.domain.names import (
    adjustment_entity,
    receipt_entity,
    reservation_entity,
    sku_entity,
    write_off_entity,
)
from services.inventory.domain.stock import COMMAND_REFUSED


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
