"""What the chassis promises when something is taken away: the server, the stream's end, the only writer's place."""

from __future__ import annotations

import asyncio
import time

import pytest

from chassis.batch import Advance, Batch
from chassis.bootstrap import bootstrap
from chassis.bus import Bus, connect
from chassis.event_store import StalePosition
from chassis.inbox import StreamLost
from chassis.items import Asked
from chassis.relay import StreamAhead
from chassis.service import Running
from tests.chassis.toys import Accept, Stores, start, stores_of, toy_inventory, toy_orders
from tests.conftest import NatsServer, until

GONE_WITHIN_SECONDS = 5.0


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def stores(request: pytest.FixtureRequest) -> Stores:
    """Outages take their time: the second store has its own in the long ones."""
    return stores_of(request)


def asked(*numbers: int) -> list[Asked]:
    return [Asked(Accept(f"toy:{i:05d}"), f"command/{i}") for i in numbers]


async def payloads(bus: Bus, stream: str) -> list[bytes]:
    return [message.data async for message in bus.read(stream)]


async def assert_twins(bus: Bus, running: Running, stream: str) -> None:
    """I10: the stream is the store's twin."""
    assert [e.data for e in running.store.events(limit=100_000)] == await payloads(bus, stream)


async def test_nats_killed_in_the_middle_loses_nothing_and_doubles_nothing(
    bus: Bus, nats_server: NatsServer, stores: Stores
) -> None:
    """F2: commands go on while the bus is away; afterwards every event is published and applied once."""
    orders = await start(toy_orders(), nats_server.url, stores)
    inventory = await start(toy_inventory(), nats_server.url, stores)
    await orders.engine.submit(asked(*range(500)))
    nats_server.kill()
    await orders.engine.submit(asked(*range(500, 900)))
    assert orders.relay.behind >= 400
    nats_server.start()
    await orders.engine.submit(asked(*range(900, 1000)))
    await until(lambda: inventory.reactor.last_position == 1000, 30)
    await until(lambda: inventory.relay.published == 1000, 30)

    await assert_twins(bus, orders, "ORDERS")
    await assert_twins(bus, inventory, "INVENTORY")
    assert len({e.entity for e in inventory.store.events(limit=2000)}) == 1000
    await inventory.stop()
    await orders.stop()


async def test_a_bus_that_does_not_answer_yet_is_waited_for(
    bus: Bus, nats_server: NatsServer, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service begins while a stream has no leader: it is not started again and again, but reads once it can."""
    monkeypatch.setattr("chassis.bus.LOOK_TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr("chassis.bus.PUBLISH_TIMEOUT_SECONDS", 0.3)
    orders = await start(toy_orders(), nats_server.url, stores)
    await orders.engine.submit(asked(*range(50)))
    await until(lambda: orders.relay.published == 50)
    inventory = await start(toy_inventory(), nats_server.url, stores, before=nats_server.pause)
    assert inventory.reactor.last_position == 0
    nats_server.resume()
    await until(lambda: inventory.reactor.last_position == 50)
    await until(lambda: inventory.relay.published == 50)
    await assert_twins(bus, inventory, "INVENTORY")
    await inventory.stop()
    await orders.stop()


async def test_a_service_goes_on_where_it_stopped(bus: Bus, nats_server: NatsServer, stores: Stores) -> None:
    """What was committed before the stop is not decided again, what came meanwhile is."""
    orders = await start(toy_orders(), nats_server.url, stores)
    inventory = await start(toy_inventory(), nats_server.url, stores)
    await orders.engine.submit(asked(*range(50)))
    await until(lambda: inventory.reactor.last_position == 50)
    await inventory.stop()
    await orders.engine.submit(asked(*range(50, 80)))
    again = await start(toy_inventory(), nats_server.url, stores)
    await until(lambda: again.relay.published == 80)

    assert len({e.entity for e in again.store.events()}) == 80
    await assert_twins(bus, again, "INVENTORY")
    await again.stop()
    await orders.stop()


async def test_a_lost_stream_is_published_again_and_changes_nothing_for_its_readers(
    bus: Bus, nats_server: NatsServer, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P6: the store is the other copy. Readers go by the producer's sequence, so nothing is applied twice."""
    monkeypatch.setattr("chassis.relay.CHECK_SECONDS", 0.5)
    orders = await start(toy_orders(), nats_server.url, stores)
    inventory = await start(toy_inventory(), nats_server.url, stores)
    await orders.engine.submit(asked(*range(40)))
    await until(lambda: inventory.reactor.last_position == 40)
    await bus.jetstream.delete_stream("ORDERS")
    async with connect(nats_server.url, "bootstrap") as admin:
        await bootstrap(admin)
    await until(lambda: _last(bus, "ORDERS", 40), 20)
    for running in (orders, inventory):
        await running.inbox.read_again()
    await orders.engine.submit(asked(40))
    await until(lambda: inventory.reactor.last_position == 41, 20)

    await assert_twins(bus, orders, "ORDERS")
    await inventory.stop()
    await orders.stop()


async def _last(bus: Bus, stream: str, seq: int) -> bool:
    return (await bus.stream_info(stream))[2] == seq


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer is waited for longer than a second."""
    for name in ("bus.LOOK_TIMEOUT", "bus.PUBLISH_TIMEOUT", "frames.PUBLISH_TIMEOUT", "pull.HEARTBEAT"):
        monkeypatch.setattr(f"chassis.{name}_SECONDS", 0.3)
    monkeypatch.setattr("chassis.pull.SILENCE_SECONDS_MAX", 1.0)


@pytest.mark.usefixtures("impatient")
async def test_a_server_that_stands_still_ends_no_service(
    bus: Bus, nats_server: NatsServer, stores: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    """F5: neither killed nor answering for longer than every time-out; afterwards everything goes on by itself."""
    orders = await start(toy_orders(), nats_server.url, stores)
    inventory = await start(toy_inventory(), nats_server.url, stores)
    nats_server.pause()
    await orders.engine.submit(asked(*range(20)))
    silent_since = time.monotonic()
    await until(lambda: caplog.text.count("relay_interrupted") > 1)
    await until(lambda: time.monotonic() > silent_since + 2.0)  # longer than anybody waits for an answer
    nats_server.resume()
    await until(lambda: inventory.reactor.last_position == 20, 30)

    assert not any(task.done() for running in (orders, inventory) for task in running._tasks)
    await inventory.stop()
    await orders.stop()


async def test_whoever_lost_its_store_to_another_goes_at_once(
    bus: Bus, nats_server: NatsServer, stores: Stores
) -> None:
    """Its next batch is refused. Who waits for an outcome is told why, so that nothing is waited for on the way out."""
    orders = await start(toy_orders(), nats_server.url, stores)
    inventory = await start(toy_inventory(), nats_server.url, stores)
    await orders.engine.submit(asked(1))
    await until(lambda: inventory.reactor.last_position == 1)
    inventory.store.commit(Batch(advances=[Advance("ORDERS", 1, 2, 2)]))  # as the other one would
    await orders.engine.submit(asked(2))
    assert isinstance(await asyncio.wait_for(inventory.failure(), 10), StalePosition)
    with pytest.raises(StalePosition):
        await inventory.engine.submit(asked(3))
    async with asyncio.timeout(GONE_WITHIN_SECONDS):
        await inventory.stop(drains=False)
    await orders.stop()


async def test_a_message_from_somebody_else_is_parked_once_and_stepped_over(
    bus: Bus, nats_server: NatsServer, stores: Stores
) -> None:
    """Without a producer's sequence that can be, it has no place in the order: kept for a person, in nobody's way."""
    orders = await start(toy_orders(), nats_server.url, stores)
    inventory = await start(toy_inventory(), nats_server.url, stores)
    for wrong in ({}, {"ce-sequence": "abc"}, {"ce-sequence": "999999"}, {"ce-sequence": "-1"}):
        await bus.publish(
            "evt.orders.order_accepted.v1", b"{}", wrong | {"ce-type": "orders.OrderAccepted.v1"}
        )
    await until(lambda: inventory.reactor.last_position == 4)
    await inventory.inbox.read_again()
    orders.relay._stream_seq = None
    await orders.engine.submit(asked(1))
    await until(lambda: inventory.reactor.last_position == 5, 20)

    kinds = [e.type for e in inventory.store.events()]
    assert kinds == ["inventory.MessageParked.v1"] * 4 + ["inventory.StockReserved.v1"]
    await inventory.stop()
    await orders.stop()


async def test_a_lost_stream_of_raw_messages_stops_its_reader_with_what_to_do(
    bus: Bus, nats_server: NatsServer, stores: Stores
) -> None:
    """CHANNELS has no other copy: made anew from 1, its new messages would count as read already."""
    orders = await start(toy_orders(), nats_server.url, stores)
    for i in range(3):
        await bus.publish("evt.channels.toy.order_placed", b"%d" % i)
    await until(lambda: orders.reactor.positions.get("CHANNELS"))
    await until(lambda: orders.reactor.positions["CHANNELS"].position == 3)
    await orders.stop()
    await bus.jetstream.delete_stream("CHANNELS")
    await bootstrap(bus)

    with pytest.raises(StreamLost, match="--channels-from 4"):
        await start(toy_orders(), nats_server.url, stores)

    await bus.jetstream.delete_stream("CHANNELS")
    await bootstrap(bus, channels_from=4)
    again = await start(toy_orders(), nats_server.url, stores)
    assert await bus.publish("evt.channels.toy.order_placed", b"new") == 4
    await until(lambda: again.reactor.positions["CHANNELS"].position == 4)
    await again.stop()


async def test_a_stream_with_events_this_store_never_wrote_stops_the_service(
    bus: Bus, nats_server: NatsServer, stores: Stores
) -> None:
    """A store that was set back must not write a second history over the first one."""
    orders = await start(toy_orders(), nats_server.url, stores)
    await orders.engine.submit(asked(1, 2, 3))
    await until(lambda: orders.relay.published == 3)
    await orders.stop()
    set_back = await start(toy_orders(), nats_server.url, stores.elsewhere())

    failure = await asyncio.wait_for(set_back.failure(), 10)

    assert isinstance(failure, StreamAhead)
    assert "which this store never wrote" in str(failure)
    await set_back.stop()


async def test_the_pinned_client_still_hands_deliveries_to_the_tap(bus: Bus) -> None:
    """chassis/tap.py leans on an internal of nats-py: this fails when an upgrade changes it."""
    caught = []
    subscription = await bus.tap.open("tap.test", caught.append)
    await bus.client.publish("tap.test", b"body", headers={"name": "value", "other": "ä"})
    await until(lambda: caught)

    assert (caught[0].data, caught[0].headers, caught[0].status) == (
        b"body",
        {"name": "value", "other": "ä"},
        "",
    )
    await bus.tap.close(subscription)
