"""A reader that is behind while messages vanish from the middle of its source does not read past the hole."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chassis import relay
from chassis.bus import Bus
from chassis.pull import PULLED_AHEAD_MAX
from chassis.stream_again import make_again
from chassis.wholeness import LOOK_SECONDS, Wholeness
from tests.chassis.toys import start, toy_inventory, toy_orders
from tests.conftest import NatsServer, until
from tests.ops.test_heal_holes import asked, permit_deleting

OWNER_LOOKS_EVERY_SECONDS = 2.0
ORDERS = 40
MANY_ORDERS = PULLED_AHEAD_MAX + 600
"""More than a reader has on its way: what is beyond is still in the stream alone."""
READER = """
import asyncio, sys
from pathlib import Path
from tests.chassis.toys import start, toy_inventory

async def main():
    running = await start(toy_inventory(), sys.argv[1], Path(sys.argv[2]))
    raise SystemExit(await running.failure())

asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def patient_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Late enough for the reader to be there first, early enough for a test."""
    monkeypatch.setattr(relay, "CHECK_SECONDS", OWNER_LOOKS_EVERY_SECONDS)


async def test_a_reader_that_comes_back_to_a_hole_waits_until_its_owner_has_closed_it(
    bus: Bus, nats_server: NatsServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What stood in the hole is applied, once, like everything else; in the producer's order."""
    await permit_deleting(bus, "orders")
    orders = await start(toy_orders(), nats_server.url, tmp_path)
    inventory = await start(toy_inventory(), nats_server.url, tmp_path)
    await orders.engine.submit(asked(*range(ORDERS // 2)))
    await until(lambda: inventory.reactor.last_position == ORDERS // 2)
    await inventory.stop()
    await orders.engine.submit(asked(*range(ORDERS // 2, ORDERS)))
    await until(lambda: orders.relay.published == ORDERS)
    for seq in (ORDERS // 2 + 1, ORDERS - 3, ORDERS - 2):
        await bus.jetstream.delete_msg("ORDERS", seq)
    again = await start(toy_inventory(), nats_server.url, tmp_path)
    await until(lambda: "source_has_holes" in caplog.text)
    assert again.reactor.last_position == ORDERS // 2
    await until(lambda: again.reactor.last_position == ORDERS, 20)
    assert [event.entity for event in again.store.events()] == [
        f"reservation/toy:{number:05d}" for number in range(ORDERS)
    ]
    await again.stop()
    await orders.stop()


async def test_a_look_is_believed_for_the_same_stream_only(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that was made anew is whole, but what came from the one before it may have come past a hole."""
    monkeypatch.setattr("chassis.wholeness.LOOK_SECONDS", 0.0)
    await permit_deleting(bus, "orders")
    for number in range(3):
        await bus.publish("evt.orders.order_accepted.v1", b"%d" % number)
    reader = Wholeness(bus, "ORDERS")
    await reader.begin()
    assert await reader.holds()
    await bus.jetstream.delete_msg("ORDERS", 2)
    assert not await reader.holds()
    await make_again(bus, "orders")
    assert not await reader.holds()
    await reader.begin()
    assert await reader.holds()


@asynccontextmanager
async def reader_of_its_own(url: str, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The toy inventory as a process that can be stopped."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", READER, url, str(folder))
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


@pytest.mark.long
async def test_a_reader_that_was_stopped_while_messages_vanished_does_not_pass_over_them(
    bus: Bus, nats_server: NatsServer, tmp_path: Path
) -> None:
    """SIGSTOP: its connection stands, nothing sets it back, and what it had on the way comes first."""
    await permit_deleting(bus, "orders")
    orders = await start(toy_orders(), nats_server.url, tmp_path)
    async with reader_of_its_own(nats_server.url, tmp_path) as reader:

        async def applied() -> int:
            return (await bus.stream_info("INVENTORY"))[0]

        async def has_applied_the_first() -> bool:
            return await applied() == 1

        async def has_applied_all() -> bool:
            return await applied() == MANY_ORDERS

        await orders.engine.submit(asked(0))
        await until(has_applied_the_first, 30)
        os.kill(reader.pid, signal.SIGSTOP)
        stopped = time.monotonic()
        await orders.engine.submit(asked(*range(1, MANY_ORDERS)))
        await until(lambda: orders.relay.published == MANY_ORDERS, 60)
        for seq in (MANY_ORDERS - 100, MANY_ORDERS - 1):
            await bus.jetstream.delete_msg("ORDERS", seq)
        await until(lambda: time.monotonic() > stopped + LOOK_SECONDS)
        os.kill(reader.pid, signal.SIGCONT)
        await until(has_applied_all, 60, every=0.1)
        promised = [message.data async for message in bus.read("INVENTORY")]
        assert len({data[: data.index(b",")] for data in promised}) == MANY_ORDERS
    await orders.stop()
