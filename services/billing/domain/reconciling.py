"""Reconciling: every cent of a payout is tied to a capture, a refund or a fee, or is named as unexplained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from contracts.billing import (
    JournalEntry,
    PayoutReconciled,
    PayoutReported,
    PayoutUnexplained,
    UnexplainedLine,
)
from contracts.event import Event
from contracts.parking import REFUSALS
from services.billing.domain import ledger
from services.billing.domain.commands import ReportPayout
from services.billing.domain.matching import Explained, Statement, explain
from services.billing.domain.payout import Payout, content_of, payout_entity
from services.billing.domain.references import References, channel_for, entities_named
from services.billing.domain.world import World

WHOLE_STATEMENT = -1
"""The line number of what the statement's own total says beyond its lines."""


def named_in(statement: ReportPayout, channel_of: Mapping[str, str]) -> Iterable[str]:
    """The entities that reconciling will ask for."""
    channel = channel_for(statement.provider, channel_of)
    yield payout_entity(statement.provider, statement.payout_id)
    for line in statement.lines:
        yield from entities_named(line.reference, channel)


def when_payout_reported_then_reconcile(statement: ReportPayout, world: World) -> list[Event]:
    """The statement as it came, and its result. The same one again changes nothing; another content is refused."""
    known: Payout | None = world.state(payout_entity(statement.provider, statement.payout_id))
    if known is not None:
        return [] if known.content == content_of(statement) else [_refused(known, statement.actor)]
    reported = PayoutReported(
        payout_id=statement.payout_id,
        provider=statement.provider,
        currency=statement.currency,
        total_minor=statement.total_minor,
        lines=statement.lines,
        actor=statement.actor,
    )
    return [reported, _reconcile(statement, world)]


def _refused(known: Payout, actor: str) -> Event:
    return REFUSALS["billing"].command_refused(
        entity=payout_entity(known.provider, known.payout_id),
        command="ReportPayout",
        state=known.state,
        allowed=(),
        reason="a payout with this id is known, with other lines or another total; it is never changed afterwards",
        actor=actor or known.provider,
    )


def _reconcile(statement: ReportPayout, world: World) -> Event:
    channel = channel_for(statement.provider, world.policies.channel_of)
    under_way = Statement(statement.currency, References(world, channel), {})
    explained = [explain(number, line, under_way) for number, line in enumerate(statement.lines)]
    unexplained = [*(e.unexplained for e in explained if e.unexplained), *_rest(statement)]
    matched = tuple(e.matched for e in explained if e.matched)
    matched_minor = sum(line.amount_minor for line in matched)
    unexplained_minor = sum(line.amount_minor for line in unexplained)
    entry = payout_entry(statement, explained, unexplained_minor)
    if not unexplained:
        return PayoutReconciled(
            payout_id=statement.payout_id,
            matched_minor=matched_minor,
            matched=matched,
            entry=entry,
            provider=statement.provider,
        )
    return PayoutUnexplained(
        payout_id=statement.payout_id,
        matched_minor=matched_minor,
        unexplained_minor=unexplained_minor,
        matched=matched,
        unexplained=tuple(unexplained),
        entry=entry,
        provider=statement.provider,
    )


def _rest(statement: ReportPayout) -> list[UnexplainedLine]:
    rest = statement.total_minor - sum(line.net_minor for line in statement.lines)
    if not rest:
        return []
    reason = "the statement's total is not the sum of its lines"
    return [UnexplainedLine(line=WHOLE_STATEMENT, reason=reason, amount_minor=rest)]


def payout_entry(
    statement: ReportPayout, explained: Sequence[Explained], unexplained_minor: int
) -> JournalEntry:
    """Dr payouts in transit and fees, Cr clearing; the unexplained part to its own account."""
    return ledger.entry(
        statement.currency,
        (
            (ledger.PAYOUTS_IN_TRANSIT, statement.total_minor),
            *(posting for line in explained for posting in line.postings),
            (ledger.UNEXPLAINED, -unexplained_minor),
        ),
    )
