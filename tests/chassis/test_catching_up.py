"""A store that was set back takes over what its own stream has, to the byte; another history is left alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from chassis.batch import Batch, NewEvent
from chassis.bus import Bus
from chassis.catching_up import catch_up
from chassis.chain import chained
from chassis.declare import Effect, Service
from chassis.event_store import Store
from chassis.items import Asked
from chassis.relay import StreamAhead
from chassis.service import Running
from ops.copies.stores import copy_store
from tests.chassis.toys import Accept, Stores, called, start, toy_inventory, toy_orders
from tests.conftest import NatsServer, until
from tests.stores import contents
from tests.stores import stores as stores

BEFORE = ("plain", "soon", "poison", "call-1")
SINCE = ("1001#2", "call-2", "poison-2", "plain-2")


def asked(*names: str) -> list[Asked]:
    return [Asked(Accept(f"toy:{name}"), f"command/{name}") for name in names]


@dataclass
class Past:
    """Two services, and the inventory's store as it is and as it was when orders had said half of it."""

    orders: Running
    newest: Store
    older: Stores
    made: list[str] = field(default_factory=list)
    """Calls to the outside."""

    def inventory(self) -> Service:
        """The table, with somebody outside who answers every call."""

        async def call(key: str, payload: Any) -> str:
            self.made.append(payload.order_id)
            return "done"

        return toy_inventory(Effect(call, called))


@pytest.fixture
async def past(bus: Bus, nats_server: NatsServer, stores: Stores) -> AsyncIterator[Past]:
    """A backup while running, some more work, and then the end of the inventory."""
    orders = await start(toy_orders(), nats_server.url, stores)
    past = Past(orders, stores.open("inventory"), stores.elsewhere())
    running = await start(past.inventory(), nats_server.url, stores)
    await orders.engine.submit(asked(*BEFORE))
    await until(lambda: running.reactor.last_position == len(BEFORE) + 2)  # one ran out, one was called for
    with running.store.snapshot() as still:
        copy_store(still, past.older.open("inventory"))
    await orders.engine.submit(asked(*SINCE))
    await until(lambda: running.reactor.last_position == len(BEFORE) + len(SINCE) + 3)
    await until(lambda: not running.relay.behind)
    await running.stop()
    yield past
    past.newest.close()
    if orders.started:
        await orders.stop()


async def test_what_was_published_since_is_taken_over_to_the_byte(
    past: Past, bus: Bus, nats_server: NatsServer
) -> None:
    """Events, links, states, timers, calls, tags, positions: as if it had never been set back. Then it goes on."""
    store = past.older.open("inventory")
    assert await catch_up(past.inventory(), store, bus) == len(SINCE) + 1
    assert contents(store) == contents(past.newest)
    store.close()
    again = await start(past.inventory(), nats_server.url, past.older)
    await past.orders.engine.submit(asked("next"))
    await until(lambda: again.relay.published == len(BEFORE) + len(SINCE) + 4)
    assert again.store.events(limit=100)[-1].entity == "reservation/toy:next"
    assert sorted(past.made) == ["toy:call-1", "toy:call-2"], "nothing was called again"
    await again.stop()


async def test_who_is_level_has_nothing_to_take_over(past: Past, bus: Bus) -> None:
    """As at every other start."""
    before = contents(past.newest)
    assert await catch_up(past.inventory(), past.newest, bus) == 0
    assert contents(past.newest) == before


async def test_an_empty_store_is_not_filled_and_nothing_begins_in_it(past: Past, bus: Bus) -> None:
    """It may be the wrong one. A second history would go out under the first one's positions."""
    store = past.older.elsewhere().open("inventory")
    with pytest.raises(StreamAhead, match="Rebuild it with `doorstep heal inventory --store`"):
        await catch_up(past.inventory(), store, bus)
    assert store.last_position() == 0
    store.close()


@pytest.mark.parametrize("stream", ["empty", "gone"])
async def test_an_empty_store_is_where_a_service_begins(past: Past, bus: Bus, stream: str) -> None:
    """Also beside messages that somebody else put into its stream."""
    await _empty(bus, "INVENTORY")
    await bus.jetstream.publish("evt.inventory.stray", b"{}")
    if stream == "gone":
        await bus.jetstream.delete_stream("INVENTORY")
    store = past.older.elsewhere().open("inventory")
    assert await catch_up(past.inventory(), store, bus) == 0
    store.close()


async def test_a_history_that_diverged_is_left_alone_and_said(past: Past, bus: Bus) -> None:
    """One event of its own where the stream has another one: whose is true is for a person to say."""
    store = past.older.open("inventory")
    last = store.events(limit=100)[-1]
    own = NewEvent(last.position + 1, last.entity, last.version + 1, last.type, last.data, last.raw_headers)
    store.commit(Batch(events=chained(store.last_link(), [own])))
    before = contents(store)
    with pytest.raises(StreamAhead, match=rf"at position {own.position}, which this store never wrote"):
        await catch_up(past.inventory(), store, bus)
    assert contents(store) == before
    store.close()


async def test_without_the_cause_of_an_event_nobody_knows_what_was_read(past: Past, bus: Bus) -> None:
    """The source was lost as well: what was applied of it would be applied again."""
    await past.orders.stop()
    await _empty(bus, "ORDERS")
    store = past.older.open("inventory")
    before = contents(store)
    with pytest.raises(StreamAhead, match=r"cannot catch up \(ORDERS lacks orders/order/toy:"):
        await catch_up(past.inventory(), store, bus)
    assert contents(store) == before
    store.close()


async def test_a_bus_that_is_away_keeps_nobody_from_starting(
    past: Past, bus: Bus, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The relay looks again as soon as it answers, and stops the service if the store is still behind."""
    monkeypatch.setattr("chassis.bus.LOOK_TIMEOUT_SECONDS", 0.3)
    store = past.older.open("inventory")
    before = contents(store)
    nats_server.pause()
    assert await catch_up(past.inventory(), store, bus) == 0
    nats_server.resume()
    assert contents(store) == before
    store.close()


async def _empty(bus: Bus, stream: str) -> None:
    """Its messages are gone; a new one of the name is there."""
    config = (await bus.jetstream.stream_info(stream)).config
    await bus.jetstream.delete_stream(stream)
    await bus.jetstream.add_stream(config)
