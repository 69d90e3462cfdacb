"""Two tiny services to try the chassis with: `orders` says that an order was accepted, `inventory` reserves for it.

They speak real contracts, so that streams, subjects and consumers are the real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from chassis.bus import Bus, open_bus
from chassis.declare import Answer, Call, Effect, Kind, Service, Step, World
from chassis.http import Runtime
from chassis.service import Assembly, Running
from chassis.settings import SERVICE_PORTS, System
from contracts.address import Recipient
from contracts.event import Event
from contracts.inventory import ReservationExpired, ReservationReleased, StockReserved
from contracts.orders import OrderAccepted, OrderCancelled
from contracts.placed_order import Units
from tests.conftest import free_port
from tests.stores import Files as Files
from tests.stores import Stores as Stores
from tests.stores import stores_of as stores_of

WEEK, SOON, STALE = timedelta(days=7), timedelta(milliseconds=150), timedelta(hours=-1)


@dataclass(frozen=True, slots=True)
class Accept:
    """A command of the toy orders service."""

    order_id: str
    units: int = 1


@dataclass(frozen=True, slots=True)
class Seen:
    """What the toy orders service remembers of an order."""

    attempt: int = 0
    reserved: bool = False


def accept(command: Accept, world: World) -> Iterable[Event]:
    if world.state(f"order/{command.order_id}") is not None:
        return ()
    if command.units > 100:
        raise ValueError("a bug in a decision")
    line = Units(sku="LAMP", quantity=command.units)
    return (
        OrderAccepted(
            order_id=command.order_id,
            attempt=1,
            currency="EUR",
            total_minor=100,
            lines=(line,),
            recipient=Recipient(),
        ),
    )


def toy_orders() -> Service:
    return Service(
        name="orders",
        kinds=(
            Kind(
                "order",
                Seen,
                lambda s, e, _: Seen(1, isinstance(e, OrderCancelled)),
                tags=lambda s: ("state=seen",),
            ),
        ),
        places={
            OrderAccepted: lambda e: (f"order/{e.order_id}",),
            OrderCancelled: lambda e: (f"order/{e.order_id}",),
        },
        on_event={StockReserved: Step(lambda e, w: ())},
        on_command={Accept: Step(accept, needs=lambda c: (f"order/{c.order_id}",))},
    )


@dataclass(frozen=True, slots=True)
class Promise:
    """What the toy inventory remembers: a promise that runs out, and a call it wants made for `call:` orders."""

    order_id: str
    expires_at: datetime | None = None
    wants_call: bool = False


@dataclass(frozen=True, slots=True)
class Shelf:
    """Units promised of one SKU: touched by every reservation."""

    promised: int = 0


def reserve(event: OrderAccepted, world: World) -> Iterable[Event]:
    if world.state(f"reservation/{event.order_id}") is not None:
        return ()
    if "poison" in event.order_id:
        raise RuntimeError("this one cannot be handled")
    lines = tuple({"sku": u.sku, "location": "MAIN", "quantity": u.quantity} for u in event.lines)
    due = SOON if "soon" in event.order_id else STALE if "stale" in event.order_id else WEEK
    return (StockReserved(order_id=event.order_id, attempt=1, lines=lines, expires_at=world.now + due),)


def evolve_promise(state: Promise | None, event: Event, _: str) -> Promise:
    match event:
        case StockReserved():
            return Promise(event.order_id, event.expires_at, "call" in event.order_id)
        case ReservationExpired():
            assert state is not None
            return replace(state, expires_at=None)
        case _:
            assert state is not None
            return replace(state, wants_call=False)


def expire(entity: str, world: World) -> Iterable[Event]:
    state = world.state(entity)
    return (ReservationExpired(order_id=state.order_id, lines=()),)


def called(answer: Answer, world: World) -> Iterable[Event]:
    return (ReservationReleased(order_id=answer.payload.order_id, lines=(), reason=str(answer.answer)),)


def toy_inventory(effect: Effect | None = None) -> Service:
    def home(event: Any) -> tuple[str, ...]:
        return (f"reservation/{event.order_id}",)

    return Service(
        name="inventory",
        kinds=(
            Kind(
                "reservation",
                Promise,
                evolve_promise,
                timers=lambda s: {"expiry": s.expires_at} if s.expires_at else {},
                calls=lambda s: {"tell": Call("tell", s)} if s.wants_call else {},
                tags=lambda s: ("state=open" if s.expires_at else "state=closed",),
            ),
            Kind(
                "sku",
                Shelf,
                lambda s, e, _: Shelf((s.promised if s else 0) + sum(line.quantity for line in e.lines)),
            ),
        ),
        places={
            StockReserved: lambda e: (f"reservation/{e.order_id}", *(f"sku/{line.sku}" for line in e.lines)),
            ReservationExpired: home,
            ReservationReleased: home,
        },
        on_event={OrderAccepted: Step(reserve, needs=lambda e: (f"reservation/{e.order_id}", "sku/LAMP"))},
        on_timer={"reservation.expiry": expire},
        effects={"tell": effect} if effect else {},
    )


async def start(
    service: Service,
    url: str,
    stores: Stores | Path,
    before: Callable[[], None] = lambda: None,
    routes: Callable[[Runtime], Sequence[web.RouteDef]] = lambda _: (),
) -> Running:
    """A running toy with its own connection and store; a path is a folder for SQLite files.

    `before` is done once it is connected, right before it begins.
    """
    store = (Files(stores) if isinstance(stores, Path) else stores).open(service.name)
    bus: Bus = await open_bus(url, f"toy-{service.name}")
    port_base = free_port() - SERVICE_PORTS[service.name]
    running = Running(Assembly(service, routes), System(port_base=port_base, nats_url=url), bus, store)
    before()
    await running.start()
    return running
