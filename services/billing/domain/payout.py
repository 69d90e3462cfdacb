"""A payout: the state of a provider's statement, and what of it was tied to what."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from contracts.billing import PayoutReconciled, PayoutReported, PayoutUnexplained, UnexplainedLine
from contracts.event import Event
from contracts.frozen import replace
from contracts.parking import REFUSALS
from services.billing.domain.commands import ReportPayout

STATES = ("reported", "reconciled", "unexplained")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """A statement and its result: matched + unexplained = total. `settles` names what it pays out, each once ever."""

    provider: str
    payout_id: str
    currency: str
    total_minor: int
    content: str
    state: Literal["reported", "reconciled", "unexplained"] = "reported"
    matched_minor: int = 0
    unexplained_minor: int = 0
    unexplained: tuple[UnexplainedLine, ...] = ()
    settles: tuple[str, ...] = ()


def payout_entity(provider: str, payout_id: str) -> str:
    """The payout's entity: ids are the provider's own."""
    return f"payout/{provider}:{payout_id}"


def content_of(statement: ReportPayout | PayoutReported) -> str:
    """A fingerprint of what the statement says: the same payout sent again is the same, a changed one is not."""
    lines = [
        (line.kind, line.reference, line.gross_minor, line.fee_minor, line.net_minor)
        for line in statement.lines
    ]
    return hashlib.sha256(repr((statement.currency, statement.total_minor, lines)).encode()).hexdigest()


def _reported(_: Payout | None, event: PayoutReported) -> Payout:
    return Payout(
        provider=event.provider,
        payout_id=event.payout_id,
        currency=event.currency,
        total_minor=event.total_minor,
        content=content_of(event),
    )


def _reconciled(payout: Payout, event: PayoutReconciled) -> Payout:
    settles = tuple(line.settles for line in event.matched if line.settles)
    return replace(payout, state="reconciled", matched_minor=event.matched_minor, settles=settles)


def _unexplained(payout: Payout, event: PayoutUnexplained) -> Payout:
    return replace(
        payout,
        state="unexplained",
        matched_minor=event.matched_minor,
        unexplained_minor=event.unexplained_minor,
        unexplained=event.unexplained,
        settles=tuple(line.settles for line in event.matched if line.settles),
    )


def _unchanged(payout: Payout, _: Event) -> Payout:
    return payout


EVOLVE: Mapping[type[Event], Callable[[Any, Any], Payout]] = {
    PayoutReported: _reported,
    PayoutReconciled: _reconciled,
    PayoutUnexplained: _unexplained,
    REFUSALS["billing"].command_refused: _unchanged,
}


def evolve(payout: Payout | None, event: Event, entity: str) -> Payout:
    """The payout after an event."""
    return EVOLVE[type(event)](payout, event)


def tags(payout: Payout) -> tuple[str, ...]:
    """`payout=` is counted; `payout:` finds it by the provider's id alone; `paid:` by what it settles."""
    settled = (f"paid:{settles}" for settles in payout.settles)
    return (f"payout={payout.state}", f"payout:{payout.payout_id}", *settled)
