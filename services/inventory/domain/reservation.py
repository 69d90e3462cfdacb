"""What an order is promised: open, or ended and how. Transitions are in the README of the service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from contracts.event import Event
from contracts.frozen import replace
from contracts.inventory import (
    ReservationExpired,
    ReservationRefused,
    ReservationReleased,
    StockDispatched,
    StockLine,
    StockReserved,
)
from services.inventory.domain.departure import without


class Status(StrEnum):
    """Where a reservation stands. Only `reserved` holds units."""

    RESERVED = "reserved"
    EMPTY = "empty"
    REFUSED = "refused"
    RELEASED = "released"
    EXPIRED = "expired"
    DISPATCHED = "dispatched"
    UNASKED = "unasked"


@dataclass(frozen=True, slots=True)
class Reservation:
    """The promise to one order. `lines` is what is still held for it, `parcels` what already left."""

    status: Status
    attempt: int = 0
    lines: tuple[StockLine, ...] = ()
    expires_at: datetime | None = None
    parcels: tuple[str, ...] = ()

    @property
    def has_left(self) -> bool:
        """Whether all of the order is gone, however its promise had ended: there is nothing more to promise."""
        return self.status is Status.DISPATCHED


UNASKED = Reservation(Status.UNASKED)
"""The start of an order whose parcel left before it was ever promised anything."""


def evolve(state: Reservation | None, event: Event, _: str) -> Reservation:
    """The reservation after an event."""
    return EVOLVES[type(event)](state or UNASKED, event)


def timers(reservation: Reservation) -> Mapping[str, datetime]:
    """A promise runs out, unless it ended before."""
    if reservation.lines and reservation.expires_at:
        return {"expiry": reservation.expires_at}
    return {}


def tags(reservation: Reservation) -> tuple[str, ...]:
    """Counted by status."""
    return (f"state={reservation.status}",)


def _reserved(state: Reservation, event: StockReserved) -> Reservation:
    status = Status.RESERVED if event.lines else Status.EMPTY
    return Reservation(status, event.attempt, event.lines, event.expires_at, state.parcels)


def _refused(state: Reservation, event: ReservationRefused) -> Reservation:
    if state.has_left:
        return replace(state, attempt=event.attempt)
    return Reservation(Status.REFUSED, event.attempt, parcels=state.parcels)


def _released(state: Reservation, _: ReservationReleased) -> Reservation:
    return replace(state, status=state.status if state.has_left else Status.RELEASED, lines=())


def _expired(state: Reservation, _: ReservationExpired) -> Reservation:
    return replace(state, status=Status.EXPIRED, lines=())


def _dispatched(state: Reservation, event: StockDispatched) -> Reservation:
    left = without(state.lines, event.lines)
    ended = event.last or (state.status is Status.RESERVED and not left)
    status = Status.DISPATCHED if ended else state.status
    return replace(state, status=status, lines=left, parcels=(*state.parcels, event.parcel_id))


EVOLVES: Mapping[type[Event], Callable[[Reservation, Any], Reservation]] = {
    StockReserved: _reserved,
    ReservationRefused: _refused,
    ReservationReleased: _released,
    ReservationExpired: _expired,
    StockDispatched: _dispatched,
}
