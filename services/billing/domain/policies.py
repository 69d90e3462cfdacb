"""The settings that billing's rules depend on, as one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo

from contracts.billing import Seller

NOBODY = Seller(name="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """`gateway` names who is asked to capture; `series` starts every invoice number.

    `timezone` says on which date an invoice is issued; `channel_of` which channel a payout provider pays out for,
    where the two names differ. `refund_limits`: minor units by currency that one person may give back alone.
    """

    gateway: str = "sandbox"
    series: str = "INV"
    timezone: tzinfo = UTC
    seller: Seller = NOBODY
    channel_of: Mapping[str, str] = field(default_factory=dict)
    refund_limits: Mapping[str, int] = field(default_factory=dict)

    def date_of(self, now: datetime) -> date:
        """The shop's calendar date at this time."""
        return now.astimezone(self.timezone).date()
