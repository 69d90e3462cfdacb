"""Statements at the border: CSV read whole or refused with the line, and the shapes that real providers send."""

from __future__ import annotations

import csv
import json
from typing import Any

import pytest
from pydantic import ValidationError

from contracts.billing import PayoutLine
from contracts.money import to_minor
from services.billing.domain.commands import ReportPayout
from services.billing.statement import StatementUnreadable, from_csv
from tests.billing.makers import billing, captured, due, goods, requested
from tests.recorded import FIXTURES, needs

ABOUT = {"provider": "stripe", "payout_id": "po_1", "currency": "EUR", "total_minor": "1912"}
HEADER = "kind,reference,gross_minor,fee_minor,net_minor"
PAYOUTS = FIXTURES / "payouts"
fixtures = needs(PAYOUTS)


def test_a_csv_statement_says_the_same_as_json() -> None:
    """Columns in any order, a byte order mark, spaces and an empty fee are all fine."""
    text = "\ufeffnet_minor,kind,reference,gross_minor,fee_minor,note\r\n 1912 ,charge,ch_1,2000,88,x\r\n0,fee,,0,,\r\n"
    statement = from_csv(text, ABOUT).command()
    assert statement == ReportPayout(
        provider="stripe",
        payout_id="po_1",
        currency="EUR",
        total_minor=1912,
        lines=(
            PayoutLine(kind="charge", reference="ch_1", gross_minor=2000, fee_minor=88, net_minor=1912),
            PayoutLine(kind="fee", gross_minor=0, net_minor=0),
        ),
        actor="unnamed",
    )


@pytest.mark.parametrize(
    ("text", "line", "field"),
    [
        ("kind,reference\ncharge,x\n", 1, "gross_minor"),
        (f"{HEADER}\ncharge,ch_1,2000,88,1912\ncharge,ch_2,20.00,0,2000\n", 3, "gross_minor"),
        (f"{HEADER}\ntip,ch_1,2000,88,1912\n", 2, "kind"),
        (f"{HEADER}\ncharge,ch_1,2000\n", 2, "net_minor"),
        ("", 1, "kind"),
    ],
)
def test_a_wrong_line_is_named(text: str, line: int, field: str) -> None:
    """Half a statement would explain nothing: it is refused whole, with the line and the column."""
    with pytest.raises(StatementUnreadable) as wrong:
        from_csv(text, ABOUT)
    assert (wrong.value.line, wrong.value.field) == (line, field)


def test_what_the_query_lacks_is_named() -> None:
    """The total is not in the file: without it nothing can be checked."""
    with pytest.raises(ValidationError, match="total_minor"):
        from_csv(f"{HEADER}\n", {key: value for key, value in ABOUT.items() if key != "total_minor"})


KINDS = {"charge": "charge", "refund": "refund", "stripe_fee": "fee", "payout": None}


def lines_of(rows: list[dict[str, Any]]) -> list[PayoutLine]:
    return [
        PayoutLine(
            kind=KINDS.get(row["type"]) or "adjustment",
            reference=str(row["reference"] or ""),
            gross_minor=row["amount"],
            fee_minor=row["fee"],
            net_minor=row["net"],
        )
        for row in rows
        if KINDS.get(row["type"], "adjustment") is not None
    ]


@fixtures
def test_a_real_gateway_ledger_is_matched_by_its_charge_ids() -> None:
    """Charges of a real Stripe ledger, sold and recorded under their charge ids: matched, the rest named."""
    path = PAYOUTS / "fivetran_stripe_ledger" / "balance_transaction_data.csv"
    with path.open(newline="") as file:
        rows = [row | {"reference": row["source"]} for row in csv.DictReader(file)]
    rows = [row | {key: int(row[key]) for key in ("amount", "fee", "net")} for row in rows]
    lines = tuple(lines_of(rows))
    sold = [
        requested(goods("A", line.gross_minor), order=f"shop:{n}", reference=line.reference, currency="USD")
        for n, line in enumerate(lines)
        if line.kind == "charge" and line.gross_minor > 0
    ]
    total = sum(line.net_minor for line in lines)
    asked = ReportPayout(provider="stripe", payout_id="po", currency="USD", total_minor=total, lines=lines)
    outcome: Any = (
        billing.given(*(event for order in sold for event in (due(order), captured(order))))
        .when(asked)
        .events[-1]
    )
    assert len({order.payment.reference for order in sold}) > 3
    assert sum(1 for line in outcome.matched if line.settles) == len(
        {order.payment.reference for order in sold}
    )
    assert outcome.matched_minor + getattr(outcome, "unexplained_minor", 0) == total


@fixtures
def test_real_channel_payouts_are_matched_by_the_channels_order() -> None:
    """Shopify Payments names the order: its charges are tied to it, disputes and adjustments are named."""
    data = json.loads((PAYOUTS / "shopify" / "shopifyjs_payment_transaction_2024-04_00.json").read_text())
    rows = [
        {"type": row["type"], "reference": row["source_order_id"]}
        | {key: to_minor(row[key], row["currency"]) for key in ("amount", "fee", "net")}
        for row in data["transactions"]
    ]
    lines = tuple(lines_of(rows))
    sold = [
        requested(goods("A", 1150), order=f"shopify:{number}", currency="USD")
        for number in (217130470, 625362839)
    ]
    total = sum(line.net_minor for line in lines)
    asked = ReportPayout(
        provider="shopify_payments", payout_id="623721858", currency="USD", total_minor=total, lines=lines
    )
    outcome: Any = (
        billing.given(*(event for order in sold for event in (due(order), captured(order))))
        .when(asked)
        .events[-1]
    )
    assert {line.order_id for line in outcome.matched} == {"shopify:217130470", "shopify:625362839"}
    assert outcome.matched_minor + outcome.unexplained_minor == total
    assert all(line.reason for line in outcome.unexplained)
