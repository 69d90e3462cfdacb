"""An order comes in: new, again, older than what is known, or newer. Channels repeat, reorder and revise."""

from __future__ import annotations

from contracts.event import Event
from contracts.identifiers import order_id
from contracts.orders import OrderReceived, OrderRevised
from contracts.placed_order import PlacedOrder
from services.orders.domain.commands import PlaceOrder
from services.orders.domain.holds import held_for
from services.orders.domain.next_step import unfold
from services.orders.domain.revising import came_too_late, cancelled_at_channel, revise
from services.orders.domain.rules import findings
from services.orders.domain.states import BEFORE_RELEASE, Order, entity_of
from services.orders.domain.world import World


def order_id_of(placed: PlacedOrder) -> str:
    """The order's own id: `<channel>:<channel order id>`."""
    return order_id(placed.channel, placed.channel_order_id)


def place_order(command: PlaceOrder, world: World) -> list[Event]:
    """Received once; the same version or an older one changes nothing; a newer one revises."""
    placed = command.order
    order: Order | None = world.state(entity_of(order_id_of(placed)))
    if order is None:
        return _signed(_receive(placed, world), command.actor)
    if placed.version <= order.version:
        return []
    take = revise if order.state in BEFORE_RELEASE else came_too_late
    return _signed(take(order, placed, world), command.actor)


def _signed(events: list[Event], actor: str) -> list[Event]:
    """The fact that says what was placed also says by whom."""
    said = (OrderReceived, OrderRevised)
    return [e.model_copy(update={"actor": actor}) if actor and isinstance(e, said) else e for e in events]


def _receive(placed: PlacedOrder, world: World) -> list[Event]:
    this = order_id_of(placed)
    received = OrderReceived(order_id=this, order=placed)
    if placed.cancelled_at:
        return [received, cancelled_at_channel(this, placed)]
    found = findings(placed, world.policies.hold)
    return unfold(None, [received, *held_for(this, found, world.now)], world.policies)
