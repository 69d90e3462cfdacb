"""What only billing can say of itself: the books by account, and the money that nothing explains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from chassis.http import Runtime
from chassis.metrics import Figure
from services.billing.domain.ledger import Ledger
from services.billing.domain.payout import STATES, Payout

LOOKED_AT_MAX = 500
"""Payouts that are not explained and are looked at, those reported first first: of more, it is "at least"."""


async def money(runtime: Runtime) -> Iterable[Figure]:
    """Balances by account of the chart (sub-accounts together), payouts by state, and what of them is unexplained."""
    counts = await runtime.counts("payout")
    return (
        Figure(
            "doorstep_ledger_balance_minor",
            "Balance in minor units; debits positive",
            ("account", "currency"),
            dict(await _balances(runtime)),
        ),
        Figure(
            "doorstep_payouts",
            "Payouts by state",
            ("state",),
            {(state,): counts.get(state, 0) for state in STATES},
        ),
        Figure(
            "doorstep_money_unexplained_minor",
            "Payout money tied to nothing, in minor units, whichever sign it has",
            ("currency",),
            dict(await _unexplained(runtime)),
        ),
    )


async def _balances(runtime: Runtime) -> Counter[tuple[str, ...]]:
    found: Counter[tuple[str, ...]] = Counter()
    ledgers: list[Ledger | None] = await runtime.states(await runtime.tagged("ledger"))
    for ledger in filter(None, ledgers):
        for account, balance in ledger.balances.items():
            found[account.partition(":")[0], ledger.currency] += balance
    return found


async def _unexplained(runtime: Runtime) -> Counter[tuple[str, ...]]:
    found: Counter[tuple[str, ...]] = Counter()
    ledgers: list[Ledger | None] = await runtime.states(await runtime.tagged("ledger"))
    found.update({(ledger.currency,): 0 for ledger in ledgers if ledger is not None})
    payouts: list[Payout | None] = await runtime.states(
        await runtime.tagged("payout=unexplained", LOOKED_AT_MAX)
    )
    for payout in filter(None, payouts):
        found[payout.currency,] += sum(abs(line.amount_minor) for line in payout.unexplained)
    return found
