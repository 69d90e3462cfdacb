"""From a command in one service to a fact in another: over the real nats-server, with real stores."""

from __future__ import annotations

import pytest

from chassis.bus import Bus
from chassis.declare import Effect
from chassis.rebuild import all_events, fold, live_rows, state_hash
from contracts.catalogue import decode
from contracts.inventory import ReservationExpired, ReservationReleased, StockReserved
from contracts.parking import MessageParked
from tests.chassis.toys import Accept, Stores, start, toy_inventory, toy_orders
from tests.conftest import NatsServer, until


async def test_a_command_becomes_a_fact_and_the_fact_a_reaction(
    bus: Bus, nats_server: NatsServer, stores: Stores
) -> None:
    """The whole way through: decided, committed, published, consumed, decided again; stream and store are twins."""
    orders = await start(toy_orders(), nats_server.url, stores)
    inventory = await start(toy_inventory(), nats_server.url, stores)
    for i in range(1200):
        await orders.engine.command(Accept(f"toy:{i}"), f"command/{i}") if i < 3 else None
    await orders.engine.submit([_asked(i) for i in range(3, 1200)])
    await until(lambda: inventory.reactor.last_position == 1200)
    await until(lambda: inventory.relay.published == 1200)

    stored = inventory.store.events(limit=2000)
    published = [message async for message in bus.read("INVENTORY")]

    assert [e.data for e in stored] == [m.data for m in published]
    assert [str(e.position) for e in stored] == [m.headers["ce-sequence"] for m in published]
    assert {e.headers["ce-causationid"] for e in stored} == {f"orders/order/toy:{i}/1" for i in range(1200)}
    assert {e.headers["ce-correlationid"] for e in stored} == {f"command/{i}" for i in range(1200)}
    assert (await inventory.status())["counts"]["state"] == {"open": 1200}
    await inventory.stop()
    await orders.stop()


async def test_a_rebuild_gives_the_same_bytes(bus: Bus, nats_server: NatsServer, stores: Stores) -> None:
    """State is a function of the log: entities, timers, calls and tags are equal after folding every event again."""
    orders = await start(toy_orders(), nats_server.url, stores)
    inventory = await start(toy_inventory(), nats_server.url, stores)
    await orders.engine.submit([_asked(i) for i in range(300)])
    await until(lambda: inventory.reactor.last_position == 300)

    with inventory.store.snapshot() as still:
        rebuilt = fold(toy_inventory(), all_events(still))
        live = state_hash(live_rows(still))

    assert rebuilt.events == 300
    assert state_hash(rebuilt.rows()) == live
    await inventory.stop()
    await orders.stop()


async def test_a_message_that_cannot_be_handled_is_parked_and_the_others_go_on(
    bus: Bus, nats_server: NatsServer, stores: Stores
) -> None:
    """P8: kept with the traceback and the number of tries; its neighbours are not delayed."""
    orders = await start(toy_orders(), nats_server.url, stores)
    inventory = await start(toy_inventory(), nats_server.url, stores)
    await orders.engine.submit([_asked(name) for name in ("a", "poison", "b")])
    await until(lambda: inventory.reactor.last_position == 3)

    events = [decode(e.type, e.data) for e in inventory.store.events()]

    parked = next(e for e in events if isinstance(e, MessageParked))
    assert (parked.tries, parked.stream, parked.type) == (3, "ORDERS", "orders.OrderAccepted.v1")
    assert "this one cannot be handled" in parked.traceback
    assert [e.order_id for e in events if isinstance(e, StockReserved)] == ["toy:a", "toy:b"]
    assert (await inventory.status())["parked"] == 1
    await inventory.stop()
    await orders.stop()


async def test_an_unknown_event_type_is_parked_never_guessed(
    bus: Bus, nats_server: NatsServer, stores: Stores
) -> None:
    """A version from the future waits for the release that knows it."""
    inventory = await start(toy_inventory(), nats_server.url, stores)
    headers = {"ce-type": "orders.OrderAccepted.v99", "ce-sequence": "1", "ce-id": "orders/order/x/1"}
    await bus.publish("evt.orders.order_accepted.v99", b"{}", headers)
    await until(lambda: inventory.reactor.last_position == 1)

    (event,) = inventory.store.events()

    assert "no model for 'orders.OrderAccepted.v99'" in decode(event.type, event.data).reason
    await inventory.stop()


async def test_a_timer_fires_once_when_it_is_due(bus: Bus, nats_server: NatsServer, stores: Stores) -> None:
    """A reservation that runs out expires by itself, and nothing is left to fire."""
    orders = await start(toy_orders(), nats_server.url, stores)
    inventory = await start(toy_inventory(), nats_server.url, stores)
    await orders.engine.submit([_asked("soon")])
    await until(lambda: inventory.reactor.last_position == 2)

    assert [e.type for e in inventory.store.events()] == [StockReserved.TYPE, ReservationExpired.TYPE]
    assert inventory.store.count_of("timers") == 0
    await inventory.stop()
    await orders.stop()


@pytest.mark.parametrize("reached", [True, False])
async def test_a_call_without_an_answer_is_asked_for_before_it_is_made_again(
    bus: Bus, nats_server: NatsServer, stores: Stores, reached: bool
) -> None:
    """P2: the first answer is lost; whether the other side had it decides if the call is made again."""
    made: list[str] = []
    asked: list[str] = []

    async def call(key: str, payload: object) -> str:
        made.append(key)
        if len(made) == 1:
            raise ConnectionError("the answer got lost")
        return "made again"

    async def ask(key: str, payload: object) -> str | None:
        asked.append(key)
        return "it had arrived" if reached else None

    from tests.chassis.toys import called

    orders = await start(toy_orders(), nats_server.url, stores)
    inventory = await start(toy_inventory(Effect(call, called, ask)), nats_server.url, stores)
    await orders.engine.submit([_asked("call")])
    await until(lambda: inventory.reactor.last_position == 2)

    last = decode(*inventory.store.events()[-1][3:5])

    assert isinstance(last, ReservationReleased)
    assert last.reason == ("it had arrived" if reached else "made again")
    assert (len(made), len(asked)) == ((1, 1) if reached else (2, 1))
    assert inventory.effects.pending == 0
    await inventory.stop()
    await orders.stop()


def _asked(name: object):
    from chassis.items import Asked

    return Asked(Accept(f"toy:{name}"), f"command/{name}")
