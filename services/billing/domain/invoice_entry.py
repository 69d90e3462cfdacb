"""What an invoice posts: the customer owes its total, and each kind of position is booked to its account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from contracts.billing import JournalEntry
from services.billing.domain import ledger
from services.billing.domain.vat import Assessment, Position, vat_groups

ACCOUNTS: Mapping[str, str] = {"shipping": ledger.SHIPPING_REVENUE, "gift_card": ledger.GIFT_CARDS}
"""What is booked elsewhere than to revenue, by kind of position or of adjustment."""


def invoice_entry(
    currency: str, positions: Sequence[Position], tax: Assessment, payable_minor: int, *, inclusive: bool
) -> JournalEntry:
    """Dr customer; Cr revenue, delivery, VAT by rate; the rounding amount to its own account.

    A gift card is a debt to its holder: sold it is credited, redeemed debited; the goods are revenue in full (7.15).
    """
    beside = _nets_beside_revenue(positions, inclusive=inclusive)
    return ledger.entry(
        currency,
        (
            (ledger.CUSTOMERS, payable_minor),
            (ledger.REVENUE, sum(beside.values()) - tax.net_minor),
            *((account, -net) for account, net in beside.items()),
            *((ledger.vat_account(group.rate), -group.tax_minor) for group in tax.groups),
            (ledger.ROUNDING, -tax.rounding_minor),
        ),
    )


def _nets_beside_revenue(positions: Sequence[Position], *, inclusive: bool) -> dict[str, int]:
    """Account -> the net of its positions, rounded once for each rate."""
    nets: dict[str, int] = {}
    for account in ACCOUNTS.values():
        booked = [position for position in positions if _account(position) == account]
        nets[account] = sum(group.net_minor for group in vat_groups(booked, inclusive=inclusive))
    return nets


def _account(position: Position) -> str:
    return ACCOUNTS.get(position.adjustment or position.kind, ledger.REVENUE)
