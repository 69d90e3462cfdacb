"""What only orders can say of itself: which holds there are, how old the oldest is, what became of deliveries."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import product

from chassis.clock import wall_clock
from chassis.http import Runtime
from chassis.measures import Measure
from chassis.metrics import Figure
from contracts.orders import HoldReason
from services.orders.domain.states import Order
from services.orders.intake.webhook import OUTCOMES, Answered

LOOKED_AT_MAX = 200
"""Orders looked at for each reason, those that came first first: of more, the age is "at least"."""


def measure(answered: Answered, channels: Collection[str]) -> Measure:
    """Holds, and the deliveries of these channels that were counted there."""

    async def look(runtime: Runtime) -> Iterable[Figure]:
        return (*await holds(runtime), deliveries(answered, channels))

    return look


def deliveries(answered: Answered, channels: Collection[str]) -> Figure:
    """Each channel with each outcome from the start on: what happens for the first time is an increase, too."""
    return Figure(
        "doorstep_webhooks",
        "Deliveries of channels, by what became of them",
        ("channel", "outcome"),
        {each: answered[each] for each in product(sorted(channels), OUTCOMES.values())},
        counted=True,
    )


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
