"""I7 and I8: the books balance, invoices have no gap, and every payout is explained to the cent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import partial

from chassis.batch import StoredEvent
from ops.verify.evidence import Facts, spot
from ops.verify.scan import Reader
from ops.verify.verdict import Tally, Verdict


class Ledger:
    """Adds up every entry and every invoice once more."""

    def __init__(self) -> None:
        self._books, self._payouts = Tally("I7"), Tally("I8")
        self._balance: Counter[str] = Counter()
        self._series: dict[tuple[str, str], int] = {}
        self._numbers: set[str] = set()
        self._reported: dict[str, tuple[int, str]] = {}
        self._explained: set[str] = set()
        self._settled: set[str] = set()
        self.reads: dict[str, Reader] = {
            "billing.PaymentCaptured.v1": partial(self._moves, "amount_minor"),
            "billing.PaymentRefunded.v1": partial(self._moves, "amount_minor"),
            "billing.InvoiceIssued.v1": self._invoice,
            "billing.PayoutReported.v1": self._payout_reported,
            "billing.PayoutReconciled.v1": self._payout_explained,
            "billing.PayoutUnexplained.v1": self._payout_explained,
        }

    def _moves(self, amount: str, event: StoredEvent, facts: Facts) -> None:
        """A balanced entry, in the currency of its event, that moves the amount which the event names."""
        self._balanced(event, facts)
        entry, named = facts["entry"], abs(facts[amount])
        moved = sum(abs(posting["amount_minor"]) for posting in entry["postings"])
        self._books.check(moved >= 2 * named, spot(event), f"its entry moves less than {named}")
        self._books.check(
            entry["currency"] == facts["currency"], spot(event), "its entry is in another currency"
        )

    def _balanced(self, event: StoredEvent, facts: Facts) -> None:
        entry = facts["entry"]
        difference = sum(posting["amount_minor"] for posting in entry["postings"])
        self._books.check(difference == 0, spot(event), f"debits exceed credits by {difference}")
        self._balance[entry["currency"]] += difference

    def _invoice(self, event: StoredEvent, facts: Facts) -> None:
        self._moves("total_minor", event, facts)
        where, series = spot(event), (facts["series"], facts["issued_on"][:4])
        due = self._series.get(series, 0) + 1
        self._books.check(
            facts["sequence"] == due,
            where,
            f"{'-'.join(series)} number {facts['sequence']} where {due} was due",
        )
        self._books.check(
            facts["number"] not in self._numbers, where, f"number {facts['number']} was used before"
        )
        self._series[series] = facts["sequence"]
        self._numbers.add(facts["number"])
        self._vat(where, facts)

    def _vat(self, where: str, facts: Facts) -> None:
        groups = facts["vat"]
        for group in groups:
            sums_up = group["net_minor"] + group["tax_minor"] == group["gross_minor"]
            self._books.check(sums_up, where, f"net and tax at {group['rate']} are not its gross")
        for part in ("net_minor", "tax_minor"):
            of_groups = sum(group[part] for group in groups)
            self._books.check(
                of_groups == facts[part], where, f"{part} {facts[part]}, its groups have {of_groups}"
            )
        total = facts["net_minor"] + facts["tax_minor"] + facts.get("rounding_minor", 0)
        self._books.check(
            total == facts["total_minor"], where, f"total {facts['total_minor']}, its parts {total}"
        )

    def _payout_reported(self, event: StoredEvent, facts: Facts) -> None:
        self._reported[event.entity] = (facts["total_minor"], spot(event))

    def _payout_explained(self, event: StoredEvent, facts: Facts) -> None:
        where, payout = spot(event), event.entity
        self._balanced(event, facts)
        matched, unexplained = facts["matched_minor"], facts.get("unexplained_minor", 0)
        total, _ = self._reported.get(payout, (None, ""))
        self._payouts.check(
            matched + unexplained == total,
            where,
            f"matched {matched} + unexplained {unexplained}, reported {total}",
        )
        self._payouts.check(payout not in self._explained, where, "explained twice")
        self._explained.add(payout)
        self._settle(where, facts["matched"])
        for amount, lines in ((matched, facts["matched"]), (unexplained, facts.get("unexplained", ()))):
            of_lines = sum(line["amount_minor"] for line in lines)
            self._payouts.check(of_lines == amount, where, f"its lines sum to {of_lines}, not {amount}")

    def _settle(self, where: str, lines: Iterable[Facts]) -> None:
        """A capture or a refund is paid out once."""
        for settled in (line["settles"] for line in lines if line.get("settles")):
            self._payouts.check(settled not in self._settled, where, f"pays {settled} out a second time")
            self._settled.add(settled)

    def conclude(self) -> Iterable[Verdict]:
        """Over all entries: zero per currency. Over all statements: each has its explanation."""
        for currency, difference in self._balance.items():
            self._books.check(difference == 0, f"the ledger in {currency}", f"is off by {difference}")
        for payout, (_, where) in self._reported.items():
            self._payouts.check(payout in self._explained, where, "was reported and not explained")
        return self._books.verdict(), self._payouts.verdict()
