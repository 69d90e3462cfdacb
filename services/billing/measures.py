"""What only billing can say of itself: the books by account, money that nothing explains, and money that waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from chassis.http import Runtime
from chassis.metrics import Figure
from chassis.waiting import Tagged, waiting
from contracts.second_person import WAITS
from services.billing.domain.ledger import UNEXPLAINED, Ledger
from services.billing.domain.payment import Stage
from services.billing.domain.payout import STATES

type Balances = Counter[tuple[str, ...]]
"""Account of the chart and currency to minor units; debits positive."""

WAITING = {
    **{
        stage.value: Tagged(f"state={stage}")
        for stage in (Stage.IN_DOUBT, Stage.REFUND_DUE, Stage.REFUND_FAILED)
    },
    "approval": Tagged(WAITS),
}
"""What billing cannot end by itself, or not yet."""


async def money(runtime: Runtime) -> Iterable[Figure]:
    """Balances by account of the chart (sub-accounts together), payouts by state, what of them is unexplained, and
    payments that wait.

    Unexplained is what the books have on that account: a payout whose difference a later one gave back stays named as
    unexplained, and nothing of it is left.
    """
    counts, balances = await runtime.counts("payout"), await _balances(runtime)
    currencies = {currency for _, currency in balances}
    return (
        Figure(
            "doorstep_ledger_balance_minor",
            "Balance in minor units; debits positive",
            ("account", "currency"),
            dict(balances),
        ),
        Figure(
            "doorstep_payouts",
            "Payouts by state",
            ("state",),
            {(state,): counts.get(state, 0) for state in STATES},
        ),
        Figure(
            "doorstep_money_unexplained_minor",
            "Payout money tied to nothing and not booked back, in minor units, whichever sign it has",
            ("currency",),
            {(currency,): abs(balances[UNEXPLAINED, currency]) for currency in currencies},
        ),
        *await waiting(runtime, WAITING),
    )


async def _balances(runtime: Runtime) -> Balances:
    found: Balances = Counter()
    ledgers: list[Ledger | None] = await runtime.states(await runtime.tagged("ledger"))
    for ledger in filter(None, ledgers):
        for account, balance in ledger.balances.items():
            found[account.partition(":")[0], ledger.currency] += balance
    return found
