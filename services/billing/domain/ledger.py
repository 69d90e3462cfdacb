"""The books: the chart of accounts, what each fact posts, and the running balance of every account.

Debits are positive, credits negative. `JournalEntry` refuses to be unbalanced, so the sum of all balances of a
currency is zero at every point of the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from contracts.billing import JournalEntry, Posting

GATEWAY_CLEARING = "gateway_clearing"
CHANNEL_CLEARING = "channel_clearing"
CUSTOMERS = "customer_receivable"
REVENUE = "revenue"
SHIPPING_REVENUE = "shipping_revenue"
GIFT_CARDS = "gift_cards"
VAT_PAYABLE = "vat_payable"
ROUNDING = "rounding"
FEES = "fees"
PAYOUTS_IN_TRANSIT = "payouts_in_transit"
UNEXPLAINED = "unexplained"

CHART: Mapping[str, str] = {
    GATEWAY_CLEARING: "Collected by our gateway, not paid out yet",
    CHANNEL_CLEARING: "Collected by the channel, not paid out yet",
    CUSTOMERS: "Owed by customers (credit: paid, not invoiced yet)",
    REVENUE: "Goods and adjustments, net of VAT",
    SHIPPING_REVENUE: "Delivery, net of VAT",
    GIFT_CARDS: "Owed to holders of gift cards (rule 7.15)",
    VAT_PAYABLE: "VAT owed, by rate",
    ROUNDING: "Cents between our tax and the channel's",
    FEES: "Fees of gateways and channels",
    PAYOUTS_IN_TRANSIT: "Paid out, on the way to the bank",
    UNEXPLAINED: "Paid out or held back, and tied to nothing",
}
"""Account -> what it is. `channel_clearing` and `vat_payable` have one sub-account per channel and rate."""


def clearing_of(source: str, channel: str) -> str:
    """Where collected money waits for its payout."""
    return GATEWAY_CLEARING if source == "gateway" else f"{CHANNEL_CLEARING}:{channel}"


def vat_account(rate: Decimal) -> str:
    """0.19 and 0.190 are the same account, `vat_payable:0.19`."""
    return f"{VAT_PAYABLE}:{rate.normalize():f}"


def title_of(account: str) -> str:
    """What an account is, by the part before its colon."""
    return CHART[account.partition(":")[0]]


def entry(currency: str, postings: Iterable[tuple[str, int]]) -> JournalEntry:
    """Postings of one account together, without empty ones. Raises `UnbalancedEntry`."""
    sums: dict[str, int] = {}
    for account, amount in postings:
        sums[account] = sums.get(account, 0) + amount
    kept = tuple(Posting(account=account, amount_minor=amount) for account, amount in sums.items() if amount)
    return JournalEntry(currency=currency, postings=kept)


def money_in(clearing: str, amount_minor: int, currency: str) -> JournalEntry:
    """PaymentCaptured: Dr clearing, Cr customer."""
    return entry(currency, ((clearing, amount_minor), (CUSTOMERS, -amount_minor)))


def money_back(clearing: str, amount_minor: int, currency: str) -> JournalEntry:
    """PaymentRefunded: Dr customer, Cr clearing."""
    return entry(currency, ((CUSTOMERS, amount_minor), (clearing, -amount_minor)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The balance of every account of one currency, and how many entries made it."""

    currency: str
    entries: int = 0
    balances: dict[str, int] = field(default_factory=dict)


def ledger_entity(currency: str) -> str:
    """The ledger's entity: one for each currency."""
    return f"ledger/{currency}"


def evolve(ledger: Ledger | None, event: Any, entity: str) -> Ledger:
    """The balances after any event that carries an entry."""
    booked: JournalEntry = event.entry
    balances = dict(ledger.balances) if ledger else {}
    for posting in booked.postings:
        balances[posting.account] = balances.get(posting.account, 0) + posting.amount_minor
    return Ledger(currency=booked.currency, entries=(ledger.entries if ledger else 0) + 1, balances=balances)


def tags(_: Ledger) -> tuple[str, ...]:
    """All ledgers are found under `ledger`."""
    return ("ledger",)
