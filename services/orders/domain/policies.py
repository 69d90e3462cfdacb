"""What a shop may set about its orders, as the decisions see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

MANUAL_CHANNEL = "manual"
"""The channel of an order that a person types in, unless they name another: nobody else can collect its money."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRules:
    """What a shop wants a person to look at, beyond what no shop can send.

    `total_above`: minor units by currency; an order of more is held. `countries`: ISO codes that are delivered to,
    none meaning all. `address_needs`: what an address must have; `place` is a
    city or postcode, `street` may also be a company.
    """

    total_above: Mapping[str, int] = field(default_factory=dict)
    countries: frozenset[str] = frozenset()
    address_needs: tuple[str, ...] = ("country", "place", "street")


STANDARD_RULES = HoldRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPolicies:
    """`gateway_channels`: their money is collected by us. `payment_hold_limit`: zero means no limit."""

    gateway_channels: frozenset[str] = frozenset()
    payment_hold_limit: timedelta = timedelta(hours=168)
    hold: HoldRules = STANDARD_RULES

    def collects_for(self, channel: str) -> bool:
        """Whether our gateway collects what is still owed; every other channel collects it itself."""
        return channel in self.gateway_channels or channel == MANUAL_CHANNEL
