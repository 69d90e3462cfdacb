"""What waits for people: orders on hold, money in doubt or owed, labels that were refused, stock to be counted,
approvals, payouts that nothing explains.

`look_at_waiting` asks the services; a table (`rules`) says what it means of each kind that something waits.
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
from ops.doctor.rules import DAY, HOUR, THINGS, UNKNOWN, WAITS

if TYPE_CHECKING:
    from ops.doctor.looking import Found

LOOKED_AT_MAX = 200
"""Of one kind, those that began first: of more, the age is "at least"."""
STAGES = ("in_doubt", "refund_due", "refund_failed")
"""What billing cannot end by itself, or not yet."""
NO_LABEL = "label_failed"
"""Where shipping waits for a person."""


type Counts = Mapping[str, Mapping[str, int]]
"""How many entities of a service carry each value of a counted tag."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Things of one kind that wait in a service: how many, which has waited for longest, and for how many seconds.

    Where it is not known since when they wait, `oldest` is the first of them.
    """

    part: str
    kind: str
    count: int
    oldest: str
    seconds: float | None


type Look = Callable[[Services, str, Counts], Awaitable[list[Waiting]]]


@dataclass(frozen=True, slots=True)
class Unexplained:
    """A payout with money that is tied to nothing. `open` says whether the books still have a balance for it."""

    payout: str
    currency: str
    amount_minor: int
    lines: int
    open: bool


def waiting_for_people(found: Found) -> Iterator[Complaint]:
    """A sentence for each kind of which something waits: information at first, a complaint beyond its patience."""
    for waiting in found.waiting:
        rule = WAITS.get(waiting.kind, UNKNOWN)
        things = THINGS.get(waiting.kind, "order")
        are = f"{things} is" if waiting.count == 1 else f"{things}s are"
        is_late = waiting.seconds is None or waiting.seconds > rule.patience_seconds
        yield Complaint(
            waiting.part,
            f"{waiting.count:,} {are} {rule.means} ({waiting.kind}); {_since(waiting)}",
            rule.do,
            rule.runbook,
            "attention" if is_late else "information",
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


async def _labels(services: Services, name: str, counts: Counts) -> list[Waiting]:
    if not (count := counts.get("state", {}).get(NO_LABEL, 0)):
        return []
    answer = await services.get(name, "/fulfilments", state=NO_LABEL, limit=LOOKED_AT_MAX)
    since = [(fulfilment["since"], fulfilment["order_id"]) for fulfilment in answer["fulfilments"]]
    return _waiting(name, "label failed", count, since)


async def _counts_due(services: Services, name: str, _: Counts) -> list[Waiting]:
    due = (await services.get(name, "/stock", state="count_due", limit=LOOKED_AT_MAX))["stock"]
    return [Waiting(name, "count due", len(due), due[0]["sku"], None)] if due else []


async def _approvals(services: Services, name: str, counts: Counts) -> list[Waiting]:
    answer = await services.get(name, "/approvals", limit=LOOKED_AT_MAX)
    since = [(asked["asked_at"], asked["id"]) for asked in answer["approvals"]]
    return _waiting(name, "approval", max(len(since), sum(counts.get("waits", {}).values())), since)


LOOKS: tuple[tuple[str, Look], ...] = (
    ("orders", _holds),
    ("billing", _payments),
    ("shipping", _labels),
    ("inventory", _counts_due),
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


def _since(waiting: Waiting) -> str:
    if waiting.seconds is None:
        return waiting.oldest
    return f"the oldest, {waiting.oldest}, for {_age(waiting.seconds)}"


def _age(seconds: float) -> str:
    for unit, name in ((DAY, "days"), (HOUR, "hours"), (60.0, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:,.0f} {name}"
    return f"{seconds:,.0f} seconds"
