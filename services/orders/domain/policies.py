"""What a shop may set about its orders, as the decisions see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

MANUAL_CHANNEL = "manual"
"""The channel of an order that a person types in, unless they name another: nobody else can collect its money."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPolicies:
    """`gateway_channels`: their money is collected by us. `payment_hold_limit`: zero means no limit."""

    gateway_channels: frozenset[str] = frozenset()
    payment_hold_limit: timedelta = timedelta(hours=168)

    def collects_for(self, channel: str) -> bool:
        """Whether our gateway collects what is still owed; every other channel collects it itself."""
        return channel in self.gateway_channels or channel == MANUAL_CHANNEL
