"""The channel sends a newer version: applied before release, noted as too late afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from contracts.event import Event
from contracts.orders import (
    CancellationRequested,
    HoldReason,
    OrderCancelled,
    OrderRevised,
    RefundReported,
)
from contracts.placed_order import PlacedOrder
from services.orders.domain.bill import bill_of
from services.orders.domain.demand import demand_of
from services.orders.domain.evolve import WAITS_FOR_STOCK
from services.orders.domain.holds import held, let_go
from services.orders.domain.next_step import unfold
from services.orders.domain.rules import UNPAYABLE, Finding, findings
from services.orders.domain.states import BILLED, ENDED, Order, Payment, State, lines_of, sold_lines
from services.orders.domain.world import World

CORRECTED = "corrected at the channel"
BILL_CHANGED = (
    "the bill changed after payment was asked for, and the invoice will list what was first billed: cancel the order,"
    " or settle the difference, correct the invoice by hand and release"
)
BUYER_CHANGED = (
    "who is billed changed after payment was asked for, and the invoice will name the first one: cancel the order, or"
    " correct the invoice by hand and release"
)


def reason_at_channel(placed: PlacedOrder) -> str:
    """Why the channel cancelled, in its own words where it gave any."""
    return placed.cancel_reason or "cancelled at the channel"


def cancelled_at_channel(order_id: str, placed: PlacedOrder) -> OrderCancelled:
    """The channel has stopped an order that is still on our desk."""
    reason = reason_at_channel(placed)
    return OrderCancelled(order_id=order_id, reason=reason, actor=placed.channel, by_channel=True)


def revise(order: Order, placed: PlacedOrder, world: World) -> list[Event]:
    """Take the newer version, look at the holds again, and go on from there. A cancelled one ends the order.

    A version in which nothing that matters moved is taken too: it must be remembered, or an older one that
    comes later would be taken for news.
    """
    before = order.placed or placed
    changed = ", ".join(changes(order, placed)) or "nothing that matters"
    revised = OrderRevised(order_id=order.order_id, order=placed, applied=True, reason=f"changed: {changed}")
    if placed.cancelled_at:
        return [revised, cancelled_at_channel(order.order_id, placed)]
    holds = (*_holds_gone(order, before, placed, world), *_holds_new(order, before, placed, world))
    return unfold(order, [revised, *holds], world.policies)


def _holds_gone(order: Order, before: PlacedOrder, placed: PlacedOrder, world: World) -> Iterator[Event]:
    rules = world.policies.hold
    found, still = findings(before, rules), findings(placed, rules)
    cured = {(finding.reason, finding.detail) for finding in found if finding not in still}
    new_demand = demand_of(before) != demand_of(placed)
    paid_now = placed.payment.state == "paid" != before.payment.state
    for hold in order.holds:
        if (hold.reason, hold.detail) in cured:
            yield let_go(order.order_id, hold.reason, CORRECTED)
        elif new_demand and hold.skus and hold.reason in WAITS_FOR_STOCK:
            yield let_go(order.order_id, hold.reason, "the lines were changed at the channel")
        elif paid_now and hold.reason is HoldReason.PAYMENT_FAILED:
            yield let_go(order.order_id, hold.reason, "paid at the channel")


def _holds_new(order: Order, before: PlacedOrder, placed: PlacedOrder, world: World) -> Iterator[Event]:
    # A finding that was there before is either still held or was let through by a person: not held twice.
    known = findings(before, world.policies.hold)
    found = [finding for finding in findings(placed, world.policies.hold) if finding not in known]
    if order.payment in BILLED:
        found.extend(Finding(HoldReason.MANUAL, moved) for moved in _bill_moved(before, placed))
    for reason in dict.fromkeys(finding.reason for finding in found):
        details = [finding.detail for finding in found if finding.reason is reason]
        standing = order.hold(reason)
        if standing and reason is HoldReason.MANUAL:
            details.insert(0, standing.detail)
        yield held(order.order_id, reason, "; ".join(dict.fromkeys(details))[:500], world.now)


def _bill_moved(before: PlacedOrder, placed: PlacedOrder) -> Iterator[str]:
    """What an invoice would say otherwise than billing was told: amounts, and whose they are."""
    if _money_of(before) != _money_of(placed):
        yield BILL_CHANGED
    if bill_of(before).buyer != bill_of(placed).buyer:
        yield BUYER_CHANGED


def _money_of(placed: PlacedOrder) -> tuple[Any, ...]:
    bill = bill_of(placed)
    return placed.currency, placed.total_minor, bill.prices_include_tax, bill.tax_minor, bill.lines


def came_too_late(order: Order, placed: PlacedOrder, _: World) -> list[Event]:
    """The order has left our desk: what changed is noted for a person; a cancellation is still tried.

    Money that the channel gives back after the order was cancelled here is what billing waits for.
    """
    changed = tuple(changes(order, placed))
    if not changed:
        return []
    why = f"the order is {order.state.value}: too late for {', '.join(changed)}"
    events: list[Event] = [OrderRevised(order_id=order.order_id, order=placed, applied=False, reason=why)]
    if order.state is State.RELEASED and "cancellation" in changed and placed.cancelled_at:
        reason = reason_at_channel(placed)
        events.append(CancellationRequested(order_id=order.order_id, reason=reason, actor=placed.channel))
    if order.state is State.CANCELLED and "refund" in changed:
        events.append(RefundReported(order_id=order.order_id, channel=placed.channel))
    return events


def changes(order: Order, placed: PlacedOrder) -> Iterator[str]:
    """What differs from what we know, of the things that matter at this stage."""
    if sold_lines(placed) != lines_of(order):
        yield "lines"
    if (placed.total_minor, placed.currency) != (order.total_minor, order.currency):
        yield "total"
    if (placed.cancelled_at is not None) != order.cancelled_at_channel:
        yield "cancellation"
    if (
        order.state is State.CANCELLED
        and placed.payment.state == "refunded"
        and not order.refunded_at_channel
    ):
        yield "refund"
    known = order.placed
    if known is None or order.state in ENDED:
        return
    if placed.ship_to != known.ship_to:
        yield "address"
    if placed.bill_to != known.bill_to:
        yield "billing address"
    if _money_moved(known, placed) and _payment_matters(order, placed):
        yield "payment"


def _money_moved(known: PlacedOrder, placed: PlacedOrder) -> bool:
    before, after = known.payment, placed.payment
    return (before.state, before.refunded_in_part) != (after.state, after.refunded_in_part)


def _payment_matters(order: Order, placed: PlacedOrder) -> bool:
    given_back = placed.payment.state in UNPAYABLE or placed.payment.refunded_in_part
    return order.payment is not Payment.PAID or given_back
