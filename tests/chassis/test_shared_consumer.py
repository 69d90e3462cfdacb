"""The consumer of a service is shared with whoever worked before: what they do to it hides nothing from us."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from chassis.bus import Bus
from chassis.event_store import StalePosition
from chassis.inbox import Source
from chassis.items import Asked, Incoming
from chassis.pull import Pull
from chassis.tap import Delivery
from tests.chassis.toys import Accept, Stores, start, toy_inventory, toy_orders
from tests.conftest import NatsServer, until

SERVED_AGAIN_WITHIN_SECONDS = 10.0
"""A third of the time after which the server delivers again by itself (`bootstrap.ACK_WAIT_SECONDS`)."""
HEADERS = b"NATS/1.0\r\nce-sequence: %d\r\nce-time: 2026-11-22T06:00:00Z\r\n\r\n"


@pytest.mark.long
@pytest.mark.parametrize("swallowed", [0, 20, 25], ids=["none", "as many as we had", "more"])
async def test_a_predecessor_that_sets_it_back_and_reads_from_it_hides_nothing(
    bus: Bus, nats_server: NatsServer, stores: Stores, swallowed: int
) -> None:
    """It wakes up after we took over: every order is still reserved for once, in order."""
    orders = await start(toy_orders(), nats_server.url, stores)
    inventory = await start(toy_inventory(), nats_server.url, stores)
    await orders.engine.submit([_asked(number) for number in range(20)])
    await until(lambda: inventory.reactor.last_position == 20)

    durable = bus.names.durable("inventory")
    await bus.jetstream.reset_consumer("ORDERS", durable, 1)
    if swallowed:
        inbox = bus.client.new_inbox()
        unread = await bus.client.subscribe(inbox)
        request = b'{"batch": %d, "expires": 1000000000}' % swallowed
        await bus.client.publish(f"$JS.API.CONSUMER.MSG.NEXT.ORDERS.{durable}", request, reply=inbox)
    await orders.engine.submit([_asked(number) for number in range(20, 60)])

    await until(lambda: inventory.reactor.last_position == 60)
    if swallowed:
        await unread.unsubscribe()  # closing would wait for it to be read
    entities = [event.entity for event in inventory.store.events()]
    assert entities == [f"reservation/toy:{number}" for number in range(60)]
    await inventory.stop()
    await orders.stop()


async def test_what_it_took_before_it_stopped_is_not_waited_for(
    bus: Bus, nats_server: NatsServer, stores: Stores
) -> None:
    """In a quiet moment no later delivery shows the gap: the server's count does, long before it delivers again."""
    orders = await start(toy_orders(), nats_server.url, stores)
    inventory = await start(toy_inventory(), nats_server.url, stores)
    taken: list[Any] = []

    async def keep(message: Any) -> None:
        taken.append(message)

    inbox = bus.client.new_inbox()
    await bus.client.subscribe(inbox, cb=keep)
    request = b'{"batch": 1, "expires": 10000000000}'
    pull = f"$JS.API.CONSUMER.MSG.NEXT.ORDERS.{bus.names.durable('inventory')}"
    await bus.client.publish(pull, request, reply=inbox)
    told = orders.reactor

    def all_is_applied() -> bool:
        return inventory.reactor.last_position == told.last_position

    while not taken:
        await orders.engine.submit([_asked(told.last_position)])
        await until(lambda: taken or all_is_applied())

    await until(all_is_applied, SERVED_AGAIN_WITHIN_SECONDS)
    await inventory.stop()
    await orders.stop()


async def test_stream_sequences_that_do_not_rise_are_of_another_reading(bus: Bus) -> None:
    """The consumer's own count goes on as if nothing had been; what it counts began anew elsewhere."""
    source, taken = _source(bus)
    await source._handle([_delivery(stream_seq=7, consumer_seq=1), _delivery(stream_seq=9, consumer_seq=2)])
    await source._handle([_delivery(stream_seq=8, consumer_seq=3)])
    assert taken == [7, 9]
    assert source._stale


async def test_who_is_not_sure_to_be_the_owner_sets_nothing_back(bus: Bus) -> None:
    """A process that was stopped asks first, and is told that its time is over."""
    resets: list[Exception] = []

    async def over() -> None:
        raise StalePosition("the lock was lost")

    source, _ = _source(bus, over, resets.append)
    source.set_back()
    reading = asyncio.create_task(source.next_batch())
    await until(lambda: resets)
    assert isinstance(resets[0], StalePosition)
    assert source._stale, "it was not set back"
    reading.cancel()


def _source(bus: Bus, sure: Any = None, fail: Any = None) -> tuple[Source, list[int]]:
    taken: list[int] = []

    async def take(items: Sequence[Any]) -> None:
        taken.extend(item.position for item in items if isinstance(item, Incoming))

    async def always() -> None:
        """It is."""

    source = Source(bus, "orders", "CHANNELS", lambda _: None, take, sure or always, fail or taken.append)
    source.pull = Pull(bus, "CHANNELS", bus.names.durable("orders"))
    return source, taken


def _delivery(*, stream_seq: int, consumer_seq: int) -> Delivery:
    reply = f"$JS.ACK.CHANNELS.orders.1.{stream_seq}.{consumer_seq}.1763791200000000000.0".encode()
    return Delivery(b"evt.channels.shop.order_placed", reply, b"{}", HEADERS % stream_seq)


def _asked(number: int) -> Asked:
    return Asked(Accept(f"toy:{number}"), f"command/{number}")
