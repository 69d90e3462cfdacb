"""What waits for people: orders on hold, money in doubt or owed, approvals, payouts that nothing explains.

`look_at_waiting` asks the services; the table `WAITS` says of each kind what it means, what ends it, and after how long
waiting is no longer the day's work but a complaint. A kind that the table does not know has a sentence of its own, too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chassis.clock import from_rfc3339, wall_clock
from contracts.money import from_minor
from ops.approvals import DECIDING
from ops.asking import Services
from ops.console import CannotDo
from ops.doctor.complaints import Complaint

if TYPE_CHECKING:
    from ops.doctor.looking import Found

HOUR, DAY = 3600.0, 86_400.0
LOOKED_AT_MAX = 200
"""Of one kind, those that began first: of more, the age is "at least"."""
STAGES = ("in_doubt", "refund_due", "refund_failed")
"""What billing cannot end by itself, or not yet."""


type Counts = Mapping[str, Mapping[str, int]]
"""How many entities of a service carry each value of a counted tag."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Things of one kind that wait in a service: how many, which has waited for longest, and for how many seconds."""

    part: str
    kind: str
    count: int
    oldest: str
    seconds: float


type Look = Callable[[Services, str, Counts], Awaitable[list[Waiting]]]


@dataclass(frozen=True, slots=True)
class Unexplained:
    """A payout with money that is tied to nothing. `open` says whether the books still have a balance for it."""

    payout: str
    currency: str
    amount_minor: int
    lines: int
    open: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """What it means that things of a kind wait, and what ends it; up to `patience_seconds` it is no complaint."""

    means: str
    do: str
    runbook: str
    patience_seconds: float


HOLD = "orders-on-hold"
UNKNOWN = Rule(
    "waiting, for a reason this release does not know", "`doorstep timeline ORDER` tells its story", HOLD, 0.0
)
WAITS: dict[str, Rule] = {
    "hold sku_unmapped": Rule(
        "on hold, as an article is not in the catalogue",
        "import it, and they go on by themselves: `doorstep import skus FILE.csv`",
        HOLD,
        2 * DAY,
    ),
    "hold stock_short": Rule(
        "on hold, as stock is short",
        "receive stock, and they go on by themselves (`doorstep import stock FILE.csv`, or `POST /stock/receipts`), or"
        " cancel them",
        HOLD,
        2 * DAY,
    ),
    "hold address_invalid": Rule(
        "on hold, as nothing can be delivered to their address",
        "have the address corrected at the channel, which sends the order again; release the hold on the page if it is"
        " right after all",
        HOLD,
        2 * DAY,
    ),
    "hold totals_mismatch": Rule(
        "on hold, as their totals do not add up",
        "hold the lines against the channel's own: it sends a corrected order, or release the hold on the page",
        HOLD,
        2 * DAY,
    ),
    "hold payment_failed": Rule(
        "on hold, as their payment failed",
        "have the customer pay; else the order is cancelled when the hold's limit runs out",
        HOLD,
        2 * DAY,
    ),
    "hold manual": Rule(
        "on hold for a person to look at",
        "`doorstep timeline ORDER` says why; release the hold on the page, or cancel the order",
        HOLD,
        2 * DAY,
    ),
    "payment in_doubt": Rule(
        "charged for without an answer, so that nobody knows yet whether the money was collected",
        "wait for the gateway: it is asked by reference, and nothing is charged twice; if it does not come back, look"
        " the reference up there",
        "calls-failing",
        HOUR,
    ),
    "payment refund_due": Rule(
        "owed money that the channel has to give back",
        "give it back at the channel; where the channel does not tell, confirm it to billing:"
        " `POST /orders/ORDER/refunds/confirm`",
        "",
        2 * DAY,
    ),
    "payment refund_failed": Rule(
        "owed a refund that was refused",
        "see at the gateway why; then have it tried again (`POST /orders/ORDER/refunds/retry`), or give it back by hand"
        " and confirm it (`…/refunds/confirm`)",
        "",
        0.0,
    ),
    "approval": Rule(
        "waiting for a second person",
        "somebody else than who asked decides: `doorstep approvals list`, then `approvals approve` or `deny`",
        "",
        DAY,
    ),
}
"""By kind. Two days is the alert's limit for holds (`deploy/observability/alerts.yaml`)."""


def waiting_for_people(found: Found) -> Iterator[Complaint]:
    """A sentence for each kind of which something waits: information at first, a complaint beyond its patience."""
    for waiting in found.waiting:
        rule = WAITS.get(waiting.kind, UNKNOWN)
        things = "approval" if waiting.kind == "approval" else "order"
        are = f"{things} is" if waiting.count == 1 else f"{things}s are"
        yield Complaint(
            waiting.part,
            f"{waiting.count:,} {are} {rule.means} ({waiting.kind}); the oldest, {waiting.oldest},"
            f" for {_age(waiting.seconds)}",
            rule.do,
            rule.runbook,
            "attention" if waiting.seconds > rule.patience_seconds else "information",
        )


def payouts_unexplained(found: Found) -> Iterator[Complaint]:
    """One for each payout. Where the books are even again, a later statement has booked it back."""
    for payout in found.payouts:
        amount = f"{from_minor(payout.amount_minor, payout.currency)} {payout.currency}"
        lines = f"{payout.lines:,} line{'s' * (payout.lines != 1)}"
        yield Complaint(
            "billing",
            f"payout {payout.payout} has {amount} in {lines} that nothing explains"
            + ("" if payout.open else "; by now the books are even again"),
            "hold its lines against the provider's own report: an order that is missing here was never received, an"
            " adjustment is the provider's to explain"
            if payout.open
            else "nothing",
            "money-unexplained",
            "attention" if payout.open else "information",
        )


async def look_at_waiting(services: Services, found: Found) -> None:
    """Ask each service that answered. Whoever falls silent meanwhile is missing, and named by the next look."""
    for name, look in LOOKS:
        if name in found.services:
            with suppress(CannotDo):
                found.waiting += await look(services, name, found.services[name].get("counts", {}))
    if "billing" in found.services:
        with suppress(CannotDo):
            found.payouts += await _payouts(services)


async def _holds(services: Services, name: str, counts: Counts) -> list[Waiting]:
    waiting = []
    for reason, count in counts.get("hold", {}).items():
        answer = await services.get(name, "/orders", hold=reason, limit=LOOKED_AT_MAX)
        since = [
            (hold["since"], order["order_id"])
            for order in answer["orders"]
            for hold in order["holds"]
            if hold["reason"] == reason and hold["since"]
        ]
        waiting += _waiting(name, f"hold {reason}", count, since)
    return waiting


async def _payments(services: Services, name: str, counts: Counts) -> list[Waiting]:
    waiting = []
    for stage in STAGES:
        if count := counts.get("state", {}).get(stage, 0):
            answer = await services.get(name, "/payments", state=stage, limit=LOOKED_AT_MAX)
            since = [(payment["since"], payment["order_id"]) for payment in answer["payments"]]
            waiting += _waiting(name, f"payment {stage}", count, since)
    return waiting


async def _approvals(services: Services, name: str, counts: Counts) -> list[Waiting]:
    answer = await services.get(name, "/approvals", limit=LOOKED_AT_MAX)
    since = [(asked["asked_at"], asked["id"]) for asked in answer["approvals"]]
    return _waiting(name, "approval", max(len(since), sum(counts.get("waits", {}).values())), since)


LOOKS: tuple[tuple[str, Look], ...] = (
    ("orders", _holds),
    ("billing", _payments),
    *((service, _approvals) for service in DECIDING),
)
"""Which service is asked for what."""


def _waiting(part: str, kind: str, count: int, since: Sequence[tuple[str, str]]) -> list[Waiting]:
    """One kind, by since when each of its things waits; nothing where all of them ended meanwhile."""
    if not since:
        return []
    began, oldest = min((from_rfc3339(moment), thing) for moment, thing in since)
    age = (wall_clock() - began).total_seconds()
    return [Waiting(part, kind, count, oldest, max(0.0, age))]


async def _payouts(services: Services) -> list[Unexplained]:
    answer = await services.get("billing", "/payouts", state="unexplained", limit=LOOKED_AT_MAX)
    if not answer["payouts"]:
        return []
    uneven = set(_uneven(await services.get("billing", "/ledger")))
    return [
        Unexplained(
            f"{payout['provider']}:{payout['payout_id']}",
            payout["currency"],
            payout["unexplained_minor"],
            len(payout["unexplained"]),
            payout["currency"] in uneven,
        )
        for payout in answer["payouts"]
    ]


def _uneven(ledger: dict[str, Any]) -> Iterable[str]:
    """The currencies in which the account of unexplained money has a balance."""
    for book in ledger["currencies"]:
        if any(
            entry["account"].partition(":")[0] == "unexplained" and entry["balance_minor"]
            for entry in book["accounts"]
        ):
            yield book["currency"]


def _age(seconds: float) -> str:
    for unit, name in ((DAY, "days"), (HOUR, "hours"), (60.0, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:,.0f} {name}"
    return f"{seconds:,.0f} seconds"
