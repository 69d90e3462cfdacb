"""What became of a retail file: how often each rule was used, and whether the money sent ties to the file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from contracts.money import from_minor
from ops.publishing.retail_file import Invoice

RULES: dict[str, str] = {
    "sales": "invoices sent as OrderPlaced",
    "cancellations": "C… invoices sent as ReturnReported",
    "written_off": "invoices of negative quantities only, sent as ReturnReported",
    "bad_debts": "A… invoices sent as ReturnReported, the amount as a line without SKU",
    "refused_invoices": "invoices with a line that cannot be read: not sent",
    "sales_without_goods": "sales of charges only: an order without lines",
    "guests": "sales without a customer: no e-mail, nobody is written to",
    "countries_unknown": "sales whose country is not stated: sent as GB, with a note",
    "free_goods": "lines of a sale at no price: sent",
    "delivery_lines": "POST, DOT, C2, C3: sent as delivery, never as goods",
    "charge_lines": "M, D, fees, vouchers, tests and the like: sent as adjustments, never as goods",
    "empty_charges": "charges of nothing: left out",
    "taken_back_in_a_sale": "lines of a sale with no or a negative quantity or price: never sent as goods",
    "rounded_lines": "lines whose amount has fractions of a penny: rounded half away from zero",
}
"""Each rule by its name in the report."""

REFUSED_KEPT_MAX = 1_000


@dataclass(slots=True)
class Report:
    """Running counts; amounts in pence, exact where the file has fractions of a penny."""

    counts: Counter[str] = field(default_factory=Counter)
    invoices: int = 0
    lines: int = 0
    file_pence: Decimal = Decimal()
    orders_minor: int = 0
    returns_minor: int = 0
    refused_pence: Decimal = Decimal()
    refused: list[tuple[int, str]] = field(default_factory=list)
    """(line number, reason), the first thousand."""

    def count(self, rule: str, by: int = 1) -> None:
        """One more use of a rule; zero adds nothing."""
        if by:
            self.counts[rule] += by

    def see(self, invoice: Invoice) -> Decimal:
        """Take note of an invoice as it stands in the file; returns its exact amount in pence."""
        pence = sum((line.quantity * line.price.pence for line in invoice.lines), Decimal())
        self.invoices += 1
        self.lines += len(invoice.lines) + len(invoice.refused)
        self.file_pence += pence
        self.count(
            "rounded_lines", sum(line.minor != line.quantity * line.price.pence for line in invoice.lines)
        )
        return pence

    def refuse(self, invoice: Invoice, reasons: list[tuple[int, str]], pence: Decimal) -> None:
        """The invoice is not sent, because of these lines."""
        self.count("refused_invoices")
        self.refused_pence += pence
        self.refused += reasons[: REFUSED_KEPT_MAX - len(self.refused)]

    @property
    def sent_minor(self) -> int:
        """Orders less returns."""
        return self.orders_minor - self.returns_minor

    @property
    def rounding_pence(self) -> Decimal:
        """What rounding each line to whole pence left over."""
        return self.file_pence - self.refused_pence - self.sent_minor

    def as_json(self) -> dict[str, Any]:
        """For machines: totals as text in pounds, and every rule that was used."""
        return {
            "invoices": self.invoices,
            "lines": self.lines,
            "rules": {rule: self.counts[rule] for rule in RULES if self.counts[rule]},
            "file_total": _pounds(self.file_pence),
            "orders_total": from_minor(self.orders_minor, "GBP"),
            "returns_total": from_minor(self.returns_minor, "GBP"),
            "sent_total": from_minor(self.sent_minor, "GBP"),
            "refused_total": _pounds(self.refused_pence),
            "rounding": _pounds(self.rounding_pence),
            "refused": [{"line": number, "reason": reason} for number, reason in self.refused],
        }


def _pounds(pence: Decimal) -> str:
    return format((pence / 100).normalize(), "f")
