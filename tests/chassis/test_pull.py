"""What an open pull waits for, and what not."""

from __future__ import annotations

import asyncio
import time

from chassis.bus import Bus, connect
from chassis.pull import Pull
from tests.conftest import NatsServer, until

LARGE, LARGE_BYTES = 200, 1024**2
SMALL, SMALL_SECONDS_MAX = 4000, 1.2
"""Eight pulls: with the shortest pause that a refusal brings after each, they take longer."""


async def test_what_brings_no_delivery_is_not_gathered_on(bus: Bus) -> None:
    """Gathering is for more to come on top of a few; a heartbeat, or whoever wakes it, is told at once."""
    pull = Pull(bus, "ORDERS", bus.names.durable("inventory"), gather=60.0)
    await pull.open()
    taking = asyncio.create_task(pull.take())

    def comes_back() -> bool:
        pull.wake()
        return taking.done()

    await until(comes_back, 5.0)
    assert taking.result() == []
    await pull.unsubscribe()


async def test_a_backlog_of_large_messages_is_not_sent_all_at_once(bus: Bus, nats_server: NatsServer) -> None:
    """Orders as long as a channel may make them: the server cuts off who has more than 64 MiB on the way."""
    for _ in range(LARGE):
        await bus.publish("evt.channels.market.order_placed", bytes(LARGE_BYTES))
    read = 0
    async with connect(nats_server.url, "reader") as reading:
        pull = Pull(reading, "CHANNELS", bus.names.durable("orders"))
        await pull.open()
        async with asyncio.timeout(30):
            while read < LARGE:
                read += len(await pull.take())
        assert reading.client.stats["reconnects"] == 0
        await pull.unsubscribe()


async def test_a_pull_that_brought_all_it_was_asked_for_was_not_refused(bus: Bus) -> None:
    """The server says of each that it is complete; a pause after it would leave a backlog waiting for nothing."""
    for _ in range(SMALL):
        await bus.client.publish("evt.channels.market.order_placed", b"{}")

    async def all_there() -> bool:
        return (await bus.stream_info("CHANNELS"))[0] == SMALL

    await until(all_there)
    pull = Pull(bus, "CHANNELS", bus.names.durable("orders"))
    await pull.open()
    began, read = time.monotonic(), 0
    while read < SMALL:
        read += len(await pull.take())
    assert time.monotonic() - began < SMALL_SECONDS_MAX
    await pull.unsubscribe()
