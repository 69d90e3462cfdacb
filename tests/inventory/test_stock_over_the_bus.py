"""What other services say changes stock, and what that means is said: over the real nats-server."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from chassis.bus import Bus, open_bus
from chassis.declare import Kind, Service, Step, World
from chassis.rebuild import all_events, fold, live_rows, state_hash
from chassis.service import Assembly, Running
from chassis.settings import SERVICE_PORTS, System
from chassis.sqlite_store import SQLiteStore
from contracts.catalogue import decode
from contracts.event import Event
from contracts.inventory import AvailabilityChanged, ReservationRefused, StockReserved
from contracts.orders import OrderAccepted, OrderCancelled
from contracts.shipping import ParcelDispatched
from services.inventory.measures import stock
from services.inventory.settings import InventorySettings
from services.inventory.wiring import declare
from tests.conftest import NatsServer, free_port, until
from tests.inventory.conftest import Client
from tests.inventory.samples import (
    MUG,
    accepted,
    cancelled,
    in_stock,
    inventory,
    line,
    parcel,
    received,
    reserved,
    units,
)


@dataclass(frozen=True, slots=True)
class Say:
    """Asks a voice to say events."""

    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """What a voice remembers: nothing."""


def voice(name: str) -> Service:
    """A service that says what it is asked to say, in the name of another."""

    def say(command: Say, _: World) -> Iterable[Event]:
        return command.events

    home = dict.fromkeys(
        (OrderAccepted, OrderCancelled, ParcelDispatched), lambda event: (f"said/{event.order_id}",)
    )
    return Service(
        name=name,
        kinds=(Kind("said", Said, lambda *_: Said()),),
        places=home,
        on_command={Say: Step(say)},
    )


@dataclass
class Voices:
    """Orders and shipping, as far as inventory hears them."""

    running: dict[str, Running]

    async def say(self, *events: Event) -> None:
        for event in events:
            await self.running[event.TYPE.split(".")[0]].engine.command(Say((event,)), "test")

    async def say_at_once(self, *events: OrderAccepted) -> None:
        await self.running["orders"].engine.command(Say(events), "test")


@pytest.fixture
async def voices(bus: Bus, nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[Voices]:
    running = {}
    for name in ("orders", "shipping"):
        settings = System(
            data=tmp_path, port_base=free_port() - SERVICE_PORTS[name], nats_url=nats_server.url
        )
        store = SQLiteStore(tmp_path / f"{name}.sqlite")
        own_bus = await open_bus(nats_server.url, f"voice-{name}")
        running[name] = Running(Assembly(voice(name), lambda _: []), settings, own_bus, store)
        await running[name].start()
    yield Voices(running)
    for service in running.values():
        await service.stop()


def events_of(client: Client) -> list[Event]:
    return [decode(stored.type, stored.data) for stored in client.running.store.events(limit=100_000)]


async def stock_of_the_lamp(client: Client) -> tuple[int, int]:
    _, shown = await client.get("/stock/LAMP")
    return shown["on_hand"], shown["reserved"]


async def test_an_order_goes_its_way_through_the_stock(client: Client, voices: Voices) -> None:
    """Promised, partly shipped, shipped: what the warehouse and the page see at each step."""
    await client.with_stock(5)
    await voices.say(accepted(units(3)))
    await until(lambda: _is(client, (5, 3)))
    _, promised = await client.get("/reservations/shopify:1001")
    assert (promised["state"], promised["lines"]) == (
        "reserved",
        [{"sku": "LAMP", "location": "MAIN", "quantity": 3}],
    )
    await voices.say(parcel(units(1)))
    await until(lambda: _is(client, (4, 2)))
    await voices.say(parcel(units(2), parcel_id="P2", last=True))
    await until(lambda: _is(client, (2, 0)))
    _, done = await client.get("/reservations/shopify:1001")
    assert (done["state"], done["lines"], done["parcels"]) == ("dispatched", [], ["P1", "P2"])


async def _is(client: Client, expected: tuple[int, int]) -> bool:
    return await stock_of_the_lamp(client) == expected


async def test_what_has_to_be_counted_is_told(client: Client, voices: Voices) -> None:
    """More left than the books had: the SKU is one to be counted, and is none any more after the count."""

    async def to_be_counted() -> float:
        counts, _ = await stock(client.running.runtime)
        return counts.values["count_due",]

    async def is_noticed() -> bool:
        return await to_be_counted() == 1

    await client.with_stock(1)
    assert await to_be_counted() == 0
    await voices.say(parcel(units(3)))
    await until(is_noticed)
    counted = {"sku": "LAMP", "location": "MAIN", "quantity": 4, "reason": "count", "actor": "anna"}
    assert (await client.post("/stock/adjustments", counted | {"reference": "COUNT-1"}))[0] == 200
    assert await to_be_counted() == 0


async def test_five_hundred_orders_for_the_last_unit(client: Client, voices: Voices) -> None:
    """Exactly one is promised it; each of the others is told that none was left."""
    await client.with_stock(1)
    await voices.say_at_once(*[accepted(units(1), order=f"shop:{n}") for n in range(500)])
    await until(
        lambda: sum(isinstance(e, ReservationRefused | StockReserved) for e in events_of(client)) == 500
    )
    assert await stock_of_the_lamp(client) == (1, 1)
    events = events_of(client)
    assert sum(isinstance(event, StockReserved) for event in events) == 1
    refused = [event for event in events if isinstance(event, ReservationRefused)]
    assert {event.short[0].available for event in refused} == {0}


async def test_a_changed_availability_is_told_by_itself(client: Client, voices: Voices) -> None:
    """The timer of the period fires; a burst of orders is a few events, and the last number is right."""
    await client.with_stock(500)
    await voices.say_at_once(*[accepted(units(1), order=f"shop:{n}") for n in range(100)])
    await until(lambda: _told(client)[-1].available == 400)
    assert len(_told(client)) < 10


def _told(client: Client) -> list[AvailabilityChanged]:
    return [event for event in events_of(client) if isinstance(event, AvailabilityChanged)]


async def test_a_rebuild_gives_the_same_states(client: Client, voices: Voices) -> None:
    """P5: entities, timers and tags are functions of the log, whatever happened."""
    await client.with_stock(40)
    await client.bring_in("skus", {"line": 2, "sku": MUG, "price_minor": 1, "currency": "EUR"})
    draw = random.Random(17)
    for n in range(60):
        order = f"shop:{n % 20}"
        lines = (units(draw.randint(1, 4)), *[units(1, MUG)] * draw.randint(0, 1))
        say = draw.choice(
            [
                accepted(*lines, order=order, attempt=n),
                cancelled(order),
                parcel(*lines, order=order, parcel_id=f"P{n}", last=draw.random() < 0.5),
            ]
        )
        await voices.say(say)
    await until(lambda: _all_heard(client, voices))
    with client.running.store.snapshot() as still:
        rebuilt = fold(declare(InventorySettings()), all_events(still))
        assert rebuilt.events == client.running.reactor.last_position > 30
        assert state_hash(rebuilt.rows()) == state_hash(live_rows(still))


async def _all_heard(client: Client, voices: Voices) -> bool:
    said = {name.upper(): running.reactor.last_position for name, running in voices.running.items()}
    heard = {stream: found.position for stream, found in client.running.reactor.positions.items()}
    return {stream: heard.get(stream, 0) for stream in said} == said


def test_states_survive_their_way_through_the_store() -> None:
    """They are stored as JSON: what is decoded equals what was encoded, and stays small."""
    service = declare(InventorySettings())
    world = inventory.given(*in_stock(5), received(2, location="BACK"), reserved(line(2))).world
    for entity, state in world.states.items():
        kind = next(kind for kind in service.kinds if kind.name == entity.partition("/")[0])
        stored = msgspec.json.encode(state)
        assert msgspec.json.decode(stored, type=kind.state) == state
        assert len(stored) < 400
