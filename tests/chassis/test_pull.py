"""What an open pull waits for, and what not."""

from __future__ import annotations

import asyncio

from chassis.bus import Bus
from chassis.pull import Pull
from tests.conftest import until


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
