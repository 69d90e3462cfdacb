"""One SKU's story: what was on hand, promised and free at a time, and every movement and promise that led there."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.batch import StoredEvent
from chassis.declare import Service
from chassis.decoding import decode
from chassis.event_store import Store
from chassis.rebuild import all_events
from contracts.event import Event
from contracts.inventory import AvailabilityChanged, ReservationRefused
from ops.console import CannotDo, Progress, columns
from ops.history.replay import declared, evolve_of
from ops.history.timeline import Moment, earlier, moment_of, not_known_then
from ops.stores import open_stores
from ops.system import System
from services.inventory.domain.names import SKU
from services.inventory.domain.stock import Stock
from services.inventory.views import stock_shape

INVENTORY = "inventory"


@dataclass(frozen=True, slots=True)
class Movement:
    """One event about the SKU, and the units there were after it, over all locations."""

    moment: Moment
    order_id: str
    on_hand: int
    reserved: int

    def as_json(self) -> dict[str, Any]:
        """As for an order's event, with the order it was for (empty: none) and the stock after it."""
        after = {
            "on_hand": self.on_hand,
            "reserved": self.reserved,
            "available": self.on_hand - self.reserved,
        }
        return {**self.moment.as_json(), "order_id": self.order_id, "after": after}


@dataclass(frozen=True, slots=True)
class SkuStory:
    """The SKU's stock as `GET /stock/{sku}` shows it, and what led there, newest last. `left_out`: older ones."""

    sku: str
    state: dict[str, Any]
    movements: tuple[Movement, ...]
    left_out: int = 0

    def as_json(self) -> dict[str, Any]:
        """The shape other programs rely on."""
        events = [movement.as_json() for movement in self.movements]
        return {"sku": self.sku, "state": self.state, "events": events, "left_out": self.left_out}

    def readable(self) -> str:
        """For people: the stock by location, then each movement with the stock after it."""
        state = self.state
        head = f"{self.sku} · {_numbers(state['on_hand'], state['reserved'])}"
        places = [
            f"  {place['location']}: {_numbers(place['on_hand'], place['reserved'])}"
            for place in state["locations"]
        ]
        return "\n".join((head, *places, *earlier(self.left_out), *_table(self.movements)))


def timeline_of_sku(
    system: System, sku: str, at: datetime | None = None, limit: int | None = None
) -> SkuStory:
    """The stock then and the newest `limit` events until then. Raises `CannotDo` for a SKU not known, or not then."""
    store = open_stores(system, (INVENTORY,))[INVENTORY]
    table, entity = declared(INVENTORY), f"{SKU}/{sku}"
    evolve = evolve_of(table, entity)
    stock: Stock | None = None
    told: deque[Movement] = deque(maxlen=limit)
    count = 0
    for moment, event in _about(store, table, sku):
        if at is not None and moment.time > at:
            if stock is None:
                raise not_known_then(f"SKU {sku}", moment.time)
            break
        if entity in table.places[type(event)](event):
            stock = evolve(stock, event, entity)
        if stock is not None and not isinstance(event, AvailabilityChanged):
            count += 1
            told.append(Movement(moment, getattr(event, "order_id", ""), stock.on_hand, stock.reserved))
    if stock is None:
        raise CannotDo(f"no SKU {sku}: nothing was ever booked on it")
    return SkuStory(sku, stock_shape(sku, stock), tuple(told), count - len(told))


def _about(store: Store, table: Service, sku: str) -> Iterator[tuple[Moment, Event]]:
    """Every event that changes the SKU, or refuses an order for want of it. Only what has its name in it is decoded."""
    named = {json.dumps(sku)[1:-1].encode(), json.dumps(sku, ensure_ascii=False)[1:-1].encode()}
    progress = Progress(f"looking for {sku}", store.last_position())
    for stored in all_events(store):
        progress.reached(stored.position)
        if any(name in stored.data for name in named) and _concerns(event := _read(stored), table, sku):
            yield moment_of(INVENTORY, stored), event


def _read(stored: StoredEvent) -> Event:
    return decode(stored.type, stored.data)


def _concerns(event: Event, table: Service, sku: str) -> bool:
    if isinstance(event, ReservationRefused):
        return any(short.sku == sku for short in event.short)
    places = table.places.get(type(event))
    return places is not None and f"{SKU}/{sku}" in places(event)


def _numbers(on_hand: int, reserved: int) -> str:
    return f"{on_hand:,} on hand, {reserved:,} reserved, {on_hand - reserved:,} available"


def _table(movements: tuple[Movement, ...]) -> Iterator[str]:
    rows = [
        (
            movement.moment.stored.headers["ce-time"],
            movement.moment.type.split(".")[1],
            f"{movement.on_hand:,} / {movement.reserved:,} / {movement.on_hand - movement.reserved:,}",
            movement.order_id,
            movement.moment.as_json()["reason"],
        )
        for movement in movements
    ]
    return columns(rows, "<<><")
