"""Just enough of each service to show an order's state and a SKU's places, for the house of `house.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from chassis.declare import Kind, Service, kind_of
from contracts.catalogue import BY_TYPE
from contracts.event import Event
from contracts.orders import MessageRefused
from contracts.parking import SERVICES


@dataclass(frozen=True, slots=True)
class Shown:
    """What a service of this house keeps of an entity."""

    events: int = 0
    state: str = ""
    places: tuple[dict[str, Any], ...] = ()


ORDER_STATES = {
    "OrderReceived": "received",
    "OrderAccepted": "accepted",
    "OrderReleased": "released",
    "OrderCancelled": "cancelled",
    "OrderFulfilled": "fulfilled",
}
MOVES: Mapping[str, tuple[int, int]] = {
    "StockReceived": (1, 0),
    "StockAdjusted": (1, 0),
    "StockReserved": (0, 1),
    "ReservationReleased": (0, -1),
    "StockDispatched": (-1, -1),
}


def _evolve(state: Shown | None, event: Event, entity: str) -> Shown:
    before, name = state or Shown(), type(event).TYPE.split(".")[1]
    after = replace(before, events=before.events + 1, state=ORDER_STATES.get(name, before.state))
    return _moved(after, name, event) if kind_of(entity) == "sku" and name in MOVES else after


def _moved(shown: Shown, name: str, event: Any) -> Shown:
    on_hand, reserved = MOVES[name]
    places = {place["location"]: place for place in shown.places}
    for line in getattr(event, "lines", (event,)):
        old = places.get(line.location, {"location": line.location, "on_hand": 0, "reserved": 0})
        places[line.location] = {
            "location": line.location,
            "on_hand": old["on_hand"] + on_hand * line.quantity,
            "reserved": old["reserved"] + reserved * line.quantity,
        }
    return replace(shown, places=tuple(places.values()))


HOMES = {
    "orders": "order",
    "billing": "payment",
    "shipping": "fulfilment",
    "notify": "letters",
    "inventory": "reservation",
}


def _place(service: str, event: Any) -> tuple[str, ...]:
    name = type(event).TYPE.split(".")[1]
    if name.startswith("Payout"):
        return (f"payout/{event.payout_id}",)
    if name == "StockReceived":
        return (f"reference/received/{event.location}/{event.sku}/{event.reference}", f"sku/{event.sku}")
    if hasattr(event, "sku"):
        return (f"sku/{event.sku}",)
    if isinstance(event, MessageRefused):
        return (event.message,)
    home = f"{HOMES[service]}/{event.order_id}"
    return (home, "sku/LAMP") if name in MOVES else (home,)


def tables() -> dict[str, Service]:
    """The declarations of this house's services."""
    kinds = (
        "order",
        "sku",
        "reference",
        "reservation",
        "payment",
        "payout",
        "fulfilment",
        "letters",
        "message",
    )
    return {
        service: Service(
            name=service,
            kinds=tuple(Kind(kind, Shown, _evolve) for kind in kinds),
            places={
                entry.model: lambda event, service=service: _place(service, event)
                for entry in BY_TYPE.values()
                if entry.producer == service
            },
        )
        for service in SERVICES
    }
