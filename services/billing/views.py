"""What billing shows: states and events as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from chassis.clock import rfc3339
from chassis.http import Recorded
from contracts.billing import JournalEntry, PayoutReconciled, PayoutReported, PayoutUnexplained
from contracts.event import Event
from services.billing.domain.ledger import Ledger, title_of
from services.billing.domain.payment import Payment
from services.billing.domain.payout import Payout


def payout_view(payout: Payout) -> dict[str, Any]:
    """A payout's result, as `POST /payouts` answers it."""
    return {
        "payout_id": payout.payout_id,
        "provider": payout.provider,
        "currency": payout.currency,
        "total_minor": payout.total_minor,
        "state": payout.state,
        "matched_minor": payout.matched_minor,
        "unexplained_minor": payout.unexplained_minor,
        "unexplained": [
            {"line": line.line, "reason": line.reason, "amount_minor": line.amount_minor}
            for line in payout.unexplained
        ],
    }


def payout_lines(events: Sequence[Event]) -> Iterator[dict[str, Any]]:
    """Each line of the statement, and what it was tied to: an order and what it settles, the fee account, nothing.

    Of every line, matched + unexplained = net.
    """
    reported = next(event for event in events if isinstance(event, PayoutReported))
    result = next(
        (event for event in events if isinstance(event, PayoutReconciled | PayoutUnexplained)), None
    )
    matched = {line.line: line for line in result.matched} if result else {}
    left_over = result.unexplained if isinstance(result, PayoutUnexplained) else ()
    unexplained = {line.line: line for line in left_over}
    for number, line in enumerate(reported.lines):
        tied, rest = matched.get(number), unexplained.get(number)
        yield {
            "line": number,
            "kind": line.kind,
            "reference": line.reference,
            "gross_minor": line.gross_minor,
            "fee_minor": line.fee_minor,
            "net_minor": line.net_minor,
            "order_id": tied.order_id if tied else "",
            "settles": tied.settles if tied else "",
            "matched_minor": tied.amount_minor if tied else 0,
            "unexplained_minor": rest.amount_minor if rest else 0,
            "reason": rest.reason if rest else "",
        }


def payment_view(payment: Payment, since: datetime) -> dict[str, Any]:
    """A payment in a list: where its money is, and since when nothing happened."""
    return {
        "order_id": payment.order_id,
        "state": payment.stage,
        "currency": payment.currency,
        "due_minor": payment.total_minor,
        "captured_minor": payment.captured_minor,
        "payment_id": payment.payment_id,
        "reference": payment.reference,
        "vat_note": payment.vat_note,
        "since": rfc3339(since),
    }


def money_view(payment: Payment, history: Sequence[Recorded]) -> dict[str, Any]:
    """The money of an order, with every posting in order."""
    return {
        "order_id": payment.order_id,
        "channel": payment.channel,
        "currency": payment.currency,
        "state": payment.stage,
        "closed": payment.closed,
        "source": payment.source,
        "payment_id": payment.payment_id,
        "reference": payment.reference,
        "due_minor": payment.total_minor,
        "captured_minor": payment.captured_minor,
        "refunded_minor": payment.refunded_minor,
        "invoiced_minor": payment.invoiced_minor,
        "vat_note": payment.vat_note,
        "refunds": [
            {
                "refund_id": r.refund_id,
                "state": r.stage,
                "amount_minor": r.amount_minor,
                "reference": r.reference,
            }
            for r in payment.refunds
        ],
        "invoices": [
            {"number": i.number, "parcel_id": i.parcel_id, "total_minor": i.total_minor}
            for i in payment.invoices
        ],
        "postings": [posting for recorded in history for posting in _postings(recorded)],
    }


def _postings(recorded: Recorded) -> Iterable[dict[str, Any]]:
    entry: JournalEntry | None = getattr(recorded.event, "entry", None)
    for posting in entry.postings if entry else ():
        yield {
            "time": recorded.time,
            "event": recorded.type,
            "account": posting.account,
            "amount_minor": posting.amount_minor,
        }


def trial_balance(ledgers: Iterable[Ledger]) -> dict[str, Any]:
    """The accounts of each currency. `balanced` is whether debits equal credits in all of them."""
    books = [_book(ledger) for ledger in sorted(ledgers, key=lambda ledger: ledger.currency)]
    return {"balanced": all(book["difference_minor"] == 0 for book in books), "currencies": books}


def _book(ledger: Ledger) -> dict[str, Any]:
    accounts = [
        {"account": account, "title": title_of(account), "balance_minor": balance}
        for account, balance in sorted(ledger.balances.items())
    ]
    return {
        "currency": ledger.currency,
        "entries": ledger.entries,
        "difference_minor": sum(ledger.balances.values()),
        "accounts": accounts,
    }
