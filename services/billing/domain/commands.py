"""What people and programs ask of billing."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.billing import PayoutLine


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmRefund:
    """A person says that the channel gave the money back; `reference` is what it is called there."""

    order_id: str
    actor: str
    reason: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRefund:
    """A refund that the gateway refused is asked for once more."""

    order_id: str
    actor: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveRefund:
    """A second person agrees with a refund that is above the limit."""

    order_id: str
    refund_id: str
    actor: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DenyRefund:
    """A second person does not agree with a refund that is above the limit."""

    order_id: str
    refund_id: str
    actor: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPayout:
    """A provider's statement to be tied to what was captured and refunded. Amounts are minor units of `currency`."""

    provider: str
    payout_id: str
    currency: str
    total_minor: int
    lines: tuple[PayoutLine, ...]
    actor: str = ""
