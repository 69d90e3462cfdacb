"""What only shipping can say of itself: orders for which no label could be had."""

from __future__ import annotations

from collections.abc import Iterable

from chassis.http import Runtime
from chassis.metrics import Figure
from chassis.waiting import Tagged, waiting
from services.shipping.domain.fulfilment import FulfilmentState

WAITING = {FulfilmentState.LABEL_FAILED.value: Tagged(f"state={FulfilmentState.LABEL_FAILED}")}


async def labels(runtime: Runtime) -> Iterable[Figure]:
    """How many orders lack a label, and the oldest of them."""
    return await waiting(runtime, WAITING)
