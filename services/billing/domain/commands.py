"""What people and programs ask of billing."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.billing import PayoutLine


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPayout:
    """A provider's statement to be tied to what was captured and refunded. Amounts are minor units of `currency`."""

    provider: str
    payout_id: str
    currency: str
    total_minor: int
    lines: tuple[PayoutLine, ...]
