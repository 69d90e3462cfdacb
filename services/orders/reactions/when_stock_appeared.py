"""What orders wait for appears: the oldest go on first, no more of them than the stock can serve."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from contracts.event import Event
from contracts.inventory import AvailabilityChanged, SkuRegistered
from contracts.orders import HoldReason, OrderAccepted
from services.orders.domain.holds import let_go
from services.orders.domain.next_step import unfold
from services.orders.domain.states import Hold, Order
from services.orders.domain.world import World

SERVED_MAX = 500
"""Orders looked at per change of availability; the next change serves the rest."""
MAPPED_MAX = 5_000
"""Orders looked at when a SKU is registered; a change of its availability serves the rest."""


def when_availability_changed_then_serve_who_waits(event: AvailabilityChanged, world: World) -> list[Event]:
    """Release holds on this SKU as long as its units last. A demand that is too big is passed over."""
    left = event.available
    events: list[Event] = []
    for order in _waiting(event.sku, SERVED_MAX, world) if left > 0 else ():
        need = sum(hold.waits_for(event.sku) for hold in order.holds)
        if need > left:
            continue
        going_on = _go_on(
            order, lambda hold: hold.waits_for(event.sku) > 0, f"{event.sku} is available", world
        )
        if isinstance(going_on[-1], OrderAccepted):
            left -= need
        events += going_on
    return events


def when_sku_registered_then_release_unmapped(event: SkuRegistered, world: World) -> list[Event]:
    """The SKU is known now: whoever waited for that asks for its stock again."""

    def is_mapped(hold: Hold) -> bool:
        return hold.reason is HoldReason.SKU_UNMAPPED and hold.waits_for(event.sku) > 0

    events: list[Event] = []
    for order in _waiting(event.sku, MAPPED_MAX, world):
        if any(map(is_mapped, order.holds)):
            events += _go_on(order, is_mapped, f"{event.sku} was registered", world)
    return events


def _waiting(sku: str, limit: int, world: World) -> Iterator[Order]:
    for entity in world.tagged(f"waits:{sku}", limit):
        order: Order | None = world.state(entity)
        if order is not None:
            yield order


def _go_on(order: Order, gone: Callable[[Hold], bool], note: str, world: World) -> list[Event]:
    releases = [let_go(order.order_id, hold.reason, note) for hold in order.holds if gone(hold)]
    return unfold(order, releases, world.policies)
