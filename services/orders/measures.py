"""What only orders can say of itself: which holds there are, and for how long the oldest has been waiting."""

from __future__ import annotations

from collections.abc import Iterable

from chassis.clock import wall_clock
from chassis.http import Runtime
from chassis.metrics import Figure
from contracts.orders import HoldReason
from services.orders.domain.states import Order

LOOKED_AT_MAX = 200
"""Orders looked at for each reason, those that came first first: of more, the age is "at least"."""


async def holds(runtime: Runtime) -> Iterable[Figure]:
    """Holds by reason, and the age of the oldest in seconds."""
    counts = await runtime.counts("hold")
    ages: dict[tuple[str, ...], float] = {
        (reason.value,): await _oldest(runtime, reason) for reason in HoldReason
    }
    return (
        Figure(
            "doorstep_holds",
            "Orders on hold",
            ("reason",),
            {(reason.value,): counts.get(reason.value, 0) for reason in HoldReason},
        ),
        Figure("doorstep_hold_oldest_seconds", "For how long the oldest hold waits", ("reason",), ages),
    )


async def _oldest(runtime: Runtime, reason: HoldReason) -> float:
    held: list[Order | None] = await runtime.states(
        await runtime.tagged(f"hold={reason.value}", LOOKED_AT_MAX)
    )
    found = [order.hold(reason) for order in held if order is not None]
    since = [hold.since for hold in found if hold is not None and hold.since is not None]
    now = wall_clock()
    return max(0.0, (now - min(since, default=now)).total_seconds())
