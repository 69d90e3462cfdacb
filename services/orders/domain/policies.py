"""What a shop may set about its orders, as the decisions see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPolicies:
    """`gateway_channels`: their money is collected by us. `payment_hold_limit`: zero means no limit."""

    gateway_channels: frozenset[str] = frozenset()
    payment_hold_limit: timedelta = timedelta(hours=168)
