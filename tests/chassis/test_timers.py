"""Timers: one that comes in while the store is asked for the next one is not slept through."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from chassis.batch import Batch
from chassis.items import Due
from chassis.reactor import Outcome
from chassis.timers import Timers

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DUE = "2026-11-21T11:59:00.000000Z"


async def test_a_timer_committed_while_the_next_one_is_looked_up_fires() -> None:
    """The answer is of the moment before: without care, it would hide the new one until the next commit."""
    fired: asyncio.Queue[Due] = asyncio.Queue()
    row = ("reservation/a", "expiry", DUE)

    async def next_due() -> str | None:
        timers.committed(Batch(timers_due=[row]))
        return None

    async def due(until: str, limit: int) -> list[tuple[str, str, str]]:
        return [row]

    async def fire(items: list[Due]) -> list[Outcome]:
        for item in items:
            fired.put_nowait(item)
        return [Outcome() for _ in items]

    timers = Timers(lambda: NOW, due, next_due, fire)
    running = asyncio.create_task(timers.run())
    try:
        assert await asyncio.wait_for(fired.get(), 5) == Due("reservation/a", "expiry")
    finally:
        running.cancel()
