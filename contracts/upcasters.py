"""Old versions of events, read as the newest: pure functions, the only place that translates versions.

An upcaster takes the decoded old event and returns the next version. A stored event keeps its bytes for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from contracts import inventory
from contracts.event import Event


def availability_changed_v2(old: inventory.AvailabilityChangedV1) -> inventory.AvailabilityChanged:
    """v1 knew only what can be sold: read as if nothing was reserved."""
    return inventory.AvailabilityChanged(
        sku=old.sku, available=old.available, on_hand=old.available, reserved=0
    )


UPCASTERS: dict[type[Event], Callable[[Any], Event]] = {
    inventory.AvailabilityChangedV1: availability_changed_v2,
}


def newest(event: Event) -> Event:
    """The event in its newest version; itself when there is no newer one."""
    while upcast := UPCASTERS.get(type(event)):
        event = upcast(event)
    return event
