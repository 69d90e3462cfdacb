"""Placing and releasing holds: who owns each reason, and the facts that say so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from contracts.orders import HoldReason, HoldReleased, OrderHeld
from contracts.placed_order import Units
from services.orders.domain.policies import OrderPolicies
from services.orders.domain.rules import Finding

DOORSTEP = "doorstep"
"""The actor of what happens by itself."""

OWNERS: Mapping[HoldReason, str] = {
    HoldReason.SKU_UNMAPPED: "catalogue",
    HoldReason.TOTALS_MISMATCH: "accounting",
    HoldReason.ADDRESS_INVALID: "customer service",
    HoldReason.STOCK_SHORT: "purchasing",
    HoldReason.PAYMENT_FAILED: "accounting",
    HoldReason.MANUAL: "customer service",
}
"""Whose desk a held order lies on."""


def held(
    order_id: str, reason: HoldReason, detail: str, now: datetime, skus: tuple[Units, ...] = ()
) -> OrderHeld:
    """The order stops for this reason."""
    return OrderHeld(
        order_id=order_id, reason=reason, detail=detail, owner=OWNERS[reason], skus=skus, since=now
    )


def held_for(order_id: str, found: Iterable[Finding], now: datetime) -> list[OrderHeld]:
    """The order stops for each finding."""
    return [held(order_id, finding.reason, finding.detail, now) for finding in found]


def held_for_payment(order_id: str, detail: str, now: datetime, policies: OrderPolicies) -> OrderHeld:
    """The order stops until it is paid, but not for ever: at the limit it is cancelled."""
    limit = policies.payment_hold_limit
    hold = held(order_id, HoldReason.PAYMENT_FAILED, detail, now)
    return hold.model_copy(update={"expires_at": now + limit}) if limit else hold


def let_go(order_id: str, reason: HoldReason, note: str, actor: str = DOORSTEP) -> HoldReleased:
    """The reason is gone, or a person takes responsibility for going on."""
    return HoldReleased(order_id=order_id, reason=reason, actor=actor, note=note)
