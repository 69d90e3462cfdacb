"""Tying a statement's line to what explains it. What a line pays beyond that, or short of it, is named.

The explained amount of a charge is what was captured less the line's fee; of a refund what was given back and the
fee; a fee explains itself. Whatever the line's net differs from that is unexplained, with its sign: a capture of
100.00 paid out as 60.00 is matched with 100.00 and leaves -40.00.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from contracts.billing import MatchedLine, PayoutLine, UnexplainedLine
from contracts.money import from_minor
from services.billing.domain.ledger import FEES, clearing_of
from services.billing.domain.payment import Payment, Refund, RefundStage, order_in
from services.billing.domain.references import References


@dataclass(frozen=True, slots=True)
class Explained:
    """A line's outcome: matched + unexplained = the line's net. `postings` are those of the matched part."""

    matched: MatchedLine | None = None
    unexplained: UnexplainedLine | None = None
    postings: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What a line settles: the amount it moves on its clearing account, under which id."""

    payment: Payment
    settles: str
    amount_minor: int


@dataclass(slots=True)
class Statement:
    """The statement under way: its currency, whom to ask, and what its earlier lines already settled."""

    currency: str
    references: References
    settled: dict[str, int]


type Look = Callable[[PayoutLine, Statement], Found | str]
"""What explains a line, or the reason why nothing does."""


def explain(number: int, line: PayoutLine, statement: Statement) -> Explained:
    """The outcome of one line; `number` counts from 0."""
    if line.kind == "fee":
        matched = MatchedLine(line=number, amount_minor=line.net_minor)
        return Explained(matched, postings=((FEES, -line.net_minor),))
    found = LOOK[line.kind](line, statement)
    if isinstance(found, Found):
        found = _once(found, statement)
    if isinstance(found, str):
        return Explained(
            unexplained=UnexplainedLine(line=number, reason=found[:500], amount_minor=line.net_minor)
        )
    statement.settled[found.settles] = number
    return _matched(number, line, found, statement.currency)


def _charge(line: PayoutLine, statement: Statement) -> Found | str:
    payment = statement.references.payment(line.reference)
    if payment is None:
        return f"no capture with the reference {line.reference!r} is known"
    if not payment.source or not payment.captured_minor:
        return f"order {payment.order_id}: nothing was captured"
    if _names_something_else(line.reference, payment):
        return f"{line.reference} was not captured, {payment.payment_id} was"
    return Found(payment, payment.payment_id, payment.captured_minor)


def _names_something_else(reference: str, payment: Payment) -> bool:
    """A reference in our form names one attempt, or a refund; only the captured attempt was paid."""
    is_ours = order_in(reference) != reference
    return is_ours and reference != payment.payment_id


def _refund(line: PayoutLine, statement: Statement) -> Found | str:
    payment = statement.references.payment(line.reference)
    if payment is None:
        return f"no refund or payment with the reference {line.reference!r} is known"
    refund = _meant(line, payment, statement.settled)
    if refund is None:
        return f"order {payment.order_id}: no such refund was made"
    return Found(payment, refund.refund_id, -refund.amount_minor)


def _meant(line: PayoutLine, payment: Payment, settled: Mapping[str, int]) -> Refund | None:
    """The refund named by its own reference; else one of this amount; else the first that is not settled here."""
    made = [refund for refund in payment.refunds if refund.stage is RefundStage.MADE]
    names = (line.reference,)
    for refund in made:
        if refund.refund_id in names or refund.reference in names or refund.provider_reference in names:
            return refund
    if line.reference.startswith("refund-") and order_in(line.reference) != line.reference:
        return None
    by_fit = sorted(made, key=lambda r: (r.refund_id in settled, r.amount_minor != abs(line.gross_minor)))
    return by_fit[0] if by_fit else None


def _adjustment(line: PayoutLine, statement: Statement) -> Found | str:
    payment = statement.references.payment(line.reference)
    about = f" of order {payment.order_id}" if payment else ""
    return f"an adjustment{about} that no capture, refund or fee explains"


LOOK: Mapping[str, Look] = {"charge": _charge, "refund": _refund, "adjustment": _adjustment}


def _once(found: Found, statement: Statement) -> Found | str:
    """Each capture and refund is paid out once, in the currency it was made in."""
    if found.payment.currency != statement.currency:
        return f"{found.settles} is in {found.payment.currency}, the payout in {statement.currency}"
    if (before := statement.settled.get(found.settles)) is not None:
        return f"{found.settles} is already paid out in line {before} of this payout"
    if payout := statement.references.paid_out_in(found.settles):
        return f"{found.settles} is already paid out in payout {payout}"
    return found


def _matched(number: int, line: PayoutLine, found: Found, currency: str) -> Explained:
    explained = found.amount_minor - line.fee_minor
    rest = line.net_minor - explained
    matched = MatchedLine(
        line=number, order_id=found.payment.order_id, amount_minor=explained, settles=found.settles
    )
    clearing = clearing_of(found.payment.source, found.payment.channel)
    postings = ((clearing, -found.amount_minor), (FEES, line.fee_minor))
    if not rest:
        return Explained(matched, None, postings)
    reason = _difference(line, found, currency)
    return Explained(matched, UnexplainedLine(line=number, reason=reason, amount_minor=rest), postings)


def _difference(line: PayoutLine, found: Found, currency: str) -> str:
    if line.gross_minor == found.amount_minor:
        return f"{found.settles}: the line's net is not its gross less its fee"
    done, paid = (from_minor(amount, currency) for amount in (found.amount_minor, line.gross_minor))
    return f"{found.settles}: {done} {currency} expected, {paid} {currency} in the statement"
