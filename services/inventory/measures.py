"""What only inventory can say of itself: SKUs that have to be counted, and write-offs that wait for a second person."""

from __future__ import annotations

from collections.abc import Iterable

from chassis.http import Runtime
from chassis.metrics import Figure
from chassis.waiting import Tagged, waiting
from contracts.second_person import WAITS
from services.inventory.domain.stock import COUNT_DUE

WAITING = {"count_due": Tagged(COUNT_DUE, dated=False), "approval": Tagged(WAITS)}


async def stock(runtime: Runtime) -> Iterable[Figure]:
    """How many of each wait, and the oldest write-off."""
    return await waiting(runtime, WAITING)
