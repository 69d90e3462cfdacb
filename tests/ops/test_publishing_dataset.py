"""The whole of the real retail file. Skipped where it is absent."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import orjson
import pytest

from contracts.channels import OrderPlaced
from ops.publishing.retail import publications
from ops.publishing.retail_report import Report
from ops.publishing.retail_stock import stock_rows
from services.orders.domain.rules import findings
from tests.ops.retail_files import event
from tests.recorded import DATASETS, needs

DATASET = DATASETS / "online_retail_II_2009-2010_525461.csv.gz"
pytestmark = [
    needs(DATASET),
    pytest.mark.slow,
]


DECODED_EACH = 20
"""Reading an order back takes longer than sending it: every so many is looked at by the rules of an order."""


@dataclass
class Sent:
    """What one run over the file sent, read back from its bytes."""

    report: Report = field(default_factory=Report)
    ids: set[str] = field(default_factory=set)
    findings: set[str] = field(default_factory=set)
    asked: Counter[str] = field(default_factory=Counter)


@pytest.fixture(scope="module")
def sent() -> Sent:
    run = Sent()
    for number, publication in enumerate(publications(DATASET, "retail", run.report)):
        run.ids.add(publication.message_id)
        for line in orjson.loads(publication.data).get("order", {"lines": ()})["lines"]:
            run.asked[line["sku"]] += line["quantity"]
        if number % DECODED_EACH == 0 and isinstance(found := event(publication), OrderPlaced):
            run.findings.update(finding.detail for finding in findings(found.order))
    return run


def test_every_invoice_is_sent_once_and_the_money_ties(sent: Sent) -> None:
    """28,816 invoices, 525,461 lines: each rule counted, and orders less returns are the file's total."""
    assert len(sent.ids) == 28_816
    assert sent.report.as_json() == {
        "invoices": 28_816,
        "lines": 525_461,
        "rules": {
            "sales": 22_100,
            "cancellations": 4_592,
            "written_off": 2_121,
            "bad_debts": 3,
            "sales_without_goods": 395,
            "guests": 2_885,
            "countries_unknown": 11,
            "free_goods": 1_548,
            "delivery_lines": 1_620,
            "charge_lines": 685,
            "empty_charges": 32,
            "rounded_lines": 14,
        },
        "file_total": "9539484.634",
        "orders_total": "10305892.01",
        "returns_total": "766407.39",
        "sent_total": "9539484.62",
        "refused_total": "0",
        "rounding": "0.014",
        "refused": [],
    }


def test_no_order_is_held_for_what_the_file_leaves_out(sent: Sent) -> None:
    """Only invoices of nothing but charges wait for a person."""
    assert sent.findings == {"the order has no lines"}


def test_the_stock_covers_every_sale(sent: Sent) -> None:
    """With the stock made from the same file no order is short, to the unit."""
    stock = {sku: quantity for sku, _, quantity in stock_rows(DATASET)}
    assert sent.asked == stock
    assert len(stock) == 4_293
