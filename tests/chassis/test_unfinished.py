"""The bus ends between two events of one decision, and the store is lost: the rest is decided again, not forgotten."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from chassis.batch import StoredEvent
from chassis.bus import Bus
from chassis.catching_up import catch_up
from chassis.causes import goes_on
from chassis.declare import Service, Step, World
from chassis.event_store import Store
from chassis.items import Asked
from chassis.rebuild import all_events
from chassis.relay import Relay
from chassis.service import Running
from chassis.unfinished import parted
from contracts.event import Event
from contracts.inventory import ReservationReleased
from contracts.orders import OrderAccepted
from ops.copies.stores import copy_store
from tests.chassis.toys import Accept, Stores, reserve, start, toy_inventory, toy_orders
from tests.conftest import NatsServer, until
from tests.stores import contents
from tests.stores import stores as stores

STEPS = 3
"""Events of a decision."""


@dataclass(frozen=True)
class Wanted:
    """What the inventory's decisions go by, as a setting would."""

    reason: str = "sold elsewhere"


def hesitating(wanted: Wanted) -> Service:
    """An inventory that reserves, and takes it back twice, all in one decision."""

    def decide(event: OrderAccepted, world: World) -> Iterable[Event]:
        for reserved in reserve(event, world):
            yield reserved
            for _ in range(STEPS - 1):
                yield ReservationReleased(order_id=event.order_id, lines=(), reason=wanted.reason)

    known = toy_inventory()
    return replace(known, on_event={OrderAccepted: replace(known.on_event[OrderAccepted], then=decide)})


async def decided(orders: Running, url: str, stores: Stores, older: Stores) -> Store:
    """The inventory's store after two decisions; `older` has it as it was after the first one."""
    running = await start(hesitating(Wanted()), url, stores)
    await orders.engine.submit([Asked(Accept("toy:1"), "command/1")])
    await until(lambda: running.reactor.last_position == STEPS)
    with running.store.snapshot() as still:
        copy_store(still, older.open("inventory"))
    await orders.engine.submit([Asked(Accept("toy:2"), "command/2")])
    await until(lambda: running.relay.published == 2 * STEPS)
    await running.stop()
    return stores.open("inventory")


async def half_published(bus: Bus, url: str, stores: Stores) -> tuple[Store, Store]:
    """The inventory's store as it was lost, the last event of its second decision in no stream; and the older one."""
    orders = await start(toy_orders(), url, stores)
    lost = await decided(orders, url, stores, older := stores.elsewhere())
    await orders.stop()
    await cut_off(bus, "INVENTORY", lost, 2 * STEPS - 1)
    return lost, older.open("inventory")


async def cut_off(bus: Bus, stream: str, store: Store, last: int) -> None:
    """The stream ends behind an event, as if nothing later had ever been published."""
    service = stream.lower()
    config = (await bus.jetstream.stream_info(stream)).config
    await bus.jetstream.delete_stream(stream)
    await bus.jetstream.add_stream(config)

    async def read(after: int, limit: int) -> list[StoredEvent]:
        return store.events(after, min(limit, last - after))

    relay = Relay(bus, service, read, lambda: last)
    await relay._resume()
    await relay._publish_all()
    assert (await bus.stream_info(stream))[2] == last


@pytest.mark.parametrize("published", range(1, STEPS))
async def test_what_was_never_published_is_decided_again_as_it_was(
    bus: Bus, nats_server: NatsServer, stores: Stores, published: int
) -> None:
    """Wherever it was cut: the same events to the byte, and everything beside them. Then the stream gets the rest."""
    orders = await start(toy_orders(), nats_server.url, stores)
    lost = await decided(orders, nats_server.url, stores, older := stores.elsewhere())
    await cut_off(bus, "INVENTORY", lost, STEPS + published)
    store = older.open("inventory")
    assert await catch_up(hesitating(Wanted()), store, bus) == published
    assert contents(store) == contents(lost)
    store.close()
    again = await start(hesitating(Wanted()), nats_server.url, older)
    await until(lambda: again.relay.published == 2 * STEPS)
    assert (await bus.stream_info("INVENTORY"))[2] == 2 * STEPS
    await again.stop()
    await orders.stop()
    lost.close()


async def test_what_others_have_read_stays_as_it_is(
    bus: Bus, nats_server: NatsServer, stores: Stores
) -> None:
    """A setting was changed meanwhile: it counts for the rest, which nobody has seen, and for nothing else."""
    lost, store = await half_published(bus, nats_server.url, stores)
    await catch_up(hesitating(Wanted("lost on the way")), store, bus)
    known, found = list(all_events(lost)), list(all_events(store))
    assert found[:-1] == known[:-1]
    assert (b"sold elsewhere" in known[-1].data, b"lost on the way" in found[-1].data) == (True, True)
    store.close()
    lost.close()


async def test_a_decision_that_would_begin_otherwise_now_stands_as_far_as_it_is_known(
    bus: Bus, nats_server: NatsServer, stores: Stores
) -> None:
    """This release decides it another way: nothing is made up, and it is said."""
    lost, store = await half_published(bus, nats_server.url, stores)
    now = toy_inventory()
    now = replace(now, on_event={OrderAccepted: Step(lambda event, world: ())})
    with capture_logs() as logs:
        assert await catch_up(now, store, bus) == STEPS - 1
    assert list(all_events(store)) == list(all_events(lost))[:-1]
    (said,) = (line for line in logs if line["event"] == "decision_cut_off")
    assert said["cause"] == "orders/order/toy:2/1"
    assert said["known"] == ["inventory.StockReserved.v1", "inventory.ReservationReleased.v1"]
    store.close()
    lost.close()


async def test_what_a_person_asked_for_is_not_guessed(
    bus: Bus, nats_server: NatsServer, stores: Stores
) -> None:
    """A command is in no stream: as much of what it caused as is known, and a line in the log."""

    def twice(command: Accept, world: World) -> Iterable[Event]:
        for accepted in known.on_command[Accept].then(command, world):
            yield accepted
            yield accepted

    known = toy_orders()
    table = replace(known, on_command={Accept: replace(known.on_command[Accept], then=twice)})
    running = await start(table, nats_server.url, stores)
    await running.engine.submit([Asked(Accept("toy:1"), "command/1")])
    older = stores.elsewhere()
    with running.store.snapshot() as still:
        copy_store(still, older.open("orders"))
    await running.engine.submit([Asked(Accept("toy:2"), "command/2")])
    await until(lambda: running.relay.published == 4)
    await running.stop()
    lost, store = stores.open("orders"), older.open("orders")
    await cut_off(bus, "ORDERS", lost, 3)
    with capture_logs() as logs:
        assert await catch_up(table, store, bus) == 1
    assert list(all_events(store)) == list(all_events(lost))[:-1]
    assert [line["cause"] for line in logs if line["event"] == "decision_cut_off"] == ["command/2"]
    store.close()
    lost.close()


async def test_every_event_but_the_last_of_a_decision_says_that_it_goes_on(
    bus: Bus, nats_server: NatsServer, stores: Stores
) -> None:
    """So a reader sees where a decision ends. One that has a single event says nothing of it."""
    orders = await start(toy_orders(), nats_server.url, stores)
    lost = await decided(orders, nats_server.url, stores, stores.elsewhere())
    events: list[Any] = list(all_events(lost))
    assert [goes_on(event) for event in events] == 2 * [*[True] * (STEPS - 1), False]
    assert not any(map(goes_on, all_events(orders.store)))
    assert parted(events) == (events, [])
    assert parted(events[:-1]) == (events[:STEPS], events[STEPS:-1])
    assert parted(events[:1]) == ([], events[:1])
    await orders.stop()
    lost.close()
