"""What people decide about an order: cancel it, hold it, let it go on. Refusals are recorded."""

from __future__ import annotations

from contracts.event import Event
from contracts.orders import CancellationRequested, HoldReason, OrderCancelled
from contracts.parking import REFUSALS
from services.orders.domain.commands import CancelOrder, PlaceHold, ReleaseHold
from services.orders.domain.demand import cannot_ship
from services.orders.domain.holds import DOORSTEP, held, let_go
from services.orders.domain.machine import COMMANDS
from services.orders.domain.next_step import unfold
from services.orders.domain.states import (
    BEFORE_RELEASE,
    Order,
    State,
    displayed,
    entity_of,
)
from services.orders.domain.world import World

REFUSED = REFUSALS["orders"].command_refused
STOPPED = frozenset({State.CANCEL_PENDING, State.CANCELLED})
TOO_LATE = "everything was handed over to the carrier: a return is the way back"
NOTHING_MAPPED = "no line that has to be shipped has a SKU: map it at the channel, or cancel the order"


class UnknownOrder(LookupError):
    """A message or command speaks of an order that this service never saw; a message is parked."""


def known_order(order_id: str, world: World) -> Order:
    """The order. Raises `UnknownOrder`."""
    order: Order | None = world.state(entity_of(order_id))
    if order is None:
        raise UnknownOrder(f"no order {order_id!r} was ever received")
    return order


def cancel_order(command: CancelOrder, world: World) -> list[Event]:
    """Before release at once; with the warehouse by asking it; after hand-over not at all (ORD-05)."""
    order = known_order(command.order_id, world)
    if order.state in STOPPED:
        return []
    if order.state is State.FULFILLED:
        return [_refused(order, command, TOO_LATE)]
    if order.state is State.RELEASED:
        return [CancellationRequested(order_id=order.order_id, reason=command.reason, actor=command.actor)]
    return [ended(order, command.reason, command.actor)]


def ended(order: Order, reason: str, actor: str) -> OrderCancelled:
    """The order ends here. Whether the channel has ended it too decides who still has to give money back."""
    by_channel = order.cancelled_at_channel or order.refunded_at_channel
    return OrderCancelled(order_id=order.order_id, reason=reason, actor=actor, by_channel=by_channel)


def place_hold(command: PlaceHold, world: World) -> list[Event]:
    """A person stops the order, as long as the warehouse has not started."""
    order = known_order(command.order_id, world)
    if order.state not in BEFORE_RELEASE:
        return [_refused(order, command, "an order can be held only before it is released")]
    if order.hold(HoldReason.MANUAL):
        return []
    detail = f"{command.actor}: {command.note}"[:500]
    hold = held(order.order_id, HoldReason.MANUAL, detail, world.now)
    return [hold.model_copy(update={"actor": command.actor})]


def release_hold(command: ReleaseHold, world: World) -> list[Event]:
    """A person takes responsibility for one reason; with the last one gone the order goes on."""
    order = known_order(command.order_id, world)
    if order.hold(command.reason) is None:
        if command.reason in order.past_holds:
            return []
        return [_refused(order, command, f"no hold {command.reason.value} is open")]
    if command.reason is HoldReason.SKU_UNMAPPED and order.placed and cannot_ship(order.placed):
        return [_refused(order, command, NOTHING_MAPPED)]
    return unfold(
        order, [let_go(order.order_id, command.reason, command.note, command.actor)], world.policies
    )


def end_at_hold_limit(entity: str, world: World) -> list[Event]:
    """A hold has run out: the order is cancelled, so that neither stock nor the customer waits for ever."""
    order: Order | None = world.state(entity)
    if order is None or order.state not in BEFORE_RELEASE:
        return []
    over = next((hold for hold in order.holds if hold.expires_at and hold.expires_at <= world.now), None)
    if over is None:
        return []
    why = f"on hold for {over.reason.value} beyond its limit: {over.detail}"[:500]
    return [ended(order, why, DOORSTEP)]


def _refused(order: Order, command: CancelOrder | PlaceHold | ReleaseHold, reason: str) -> Event:
    return REFUSED(
        entity=entity_of(order.order_id),
        command=type(command).__name__,
        state=displayed(order),
        allowed=COMMANDS[order.state],
        reason=reason,
        actor=command.actor,
    )
