"""Billing over HTTP, on a real store: statements in; invoices, the money of an order and the books out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from chassis.clock import from_rfc3339, wall_clock
from tests.billing.makers import cancelled, delivery, goods, parcel, requested, tax
from tests.billing.running import Shop
from tests.stores import Stores

LINE = {"kind": "charge", "reference": "txn-1002", "gross_minor": 2975, "fee_minor": 116, "net_minor": 2859}
PAYOUT = {"provider": "shopify", "payout_id": "po_1", "currency": "EUR", "total_minor": 2859, "lines": [LINE]}
SOLD = requested(
    goods("LAMP", 2380, tax("0.19", 380)),
    delivery(595, tax("0.19", 95)),
    order="shopify:1002",
    reference="txn-1002",
)


@pytest.fixture
async def shop(stores: Stores) -> AsyncIterator[Shop]:
    shop = Shop(stores)
    await shop.open()
    await shop.hears(SOLD)
    yield shop
    await shop.close()


async def test_a_payout_is_answered_with_its_result_each_time(shop: Shop) -> None:
    """Sent again: no event, the same result; it is listed, and found by its id with and without the provider."""
    result = {
        "payout_id": "po_1",
        "provider": "shopify",
        "currency": "EUR",
        "total_minor": 2859,
        "state": "reconciled",
        "matched_minor": 2859,
        "unexplained_minor": 0,
        "unexplained": [],
    }
    status, first = await shop.post("/payouts", json=PAYOUT)
    assert (status, [event["type"] for event in first.pop("events")]) == (
        200,
        ["billing.PayoutReported.v1", "billing.PayoutReconciled.v1"],
    )
    assert first == result
    assert await shop.post("/payouts", json=PAYOUT) == (200, {"events": []} | result)
    assert await shop.get("/payouts/po_1") == (200, result) == await shop.get("/payouts/shopify:po_1")
    _, listed = await shop.get("/payouts")
    assert [payout["payout_id"] for payout in listed["payouts"]] == ["po_1"]


async def test_what_is_unexplained_is_answered_line_by_line(shop: Shop) -> None:
    """The reason and the amount, for a person."""
    lines = [LINE, LINE | {"reference": "ghost"}]
    _, result = await shop.post("/payouts", json=PAYOUT | {"lines": lines, "total_minor": 5718})
    assert (result["state"], result["matched_minor"], result["unexplained_minor"]) == (
        "unexplained",
        2859,
        2859,
    )
    assert result["unexplained"] == [
        {"line": 1, "reason": "no capture with the reference 'ghost' is known", "amount_minor": 2859}
    ]


async def test_each_line_of_a_payout_says_what_it_was_tied_to(shop: Shop) -> None:
    """The capture and its order, or why nothing; a long statement is read in parts."""
    ghost = LINE | {"reference": "ghost"}
    await shop.post("/payouts", json=PAYOUT | {"lines": [LINE, ghost], "total_minor": 5718})
    status, first = await shop.get("/payouts/shopify:po_1/lines?limit=1")
    tied = {"order_id": "shopify:1002", "settles": "pay-shopify:1002-1", "matched_minor": 2859}
    left = {"unexplained_minor": 0, "reason": ""}
    assert (status, first) == (
        200,
        {"payout_id": "po_1", "lines": [{"line": 0} | LINE | tied | left], "next": 1},
    )
    _, rest = await shop.get("/payouts/po_1/lines?from=1")
    tied = {"order_id": "", "settles": "", "matched_minor": 0}
    left = {"unexplained_minor": 2859, "reason": "no capture with the reference 'ghost' is known"}
    assert (rest["lines"], rest["next"]) == ([{"line": 1} | ghost | tied | left], None)


async def test_payouts_and_payments_are_found_by_their_state(shop: Shop) -> None:
    """For whoever looks for what is left to do; a state that there is not is named."""
    await shop.post("/payouts", json=PAYOUT | {"lines": [LINE | {"reference": "ghost"}]})
    _, found = await shop.get("/payouts?state=unexplained")
    assert [(payout["payout_id"], payout["unexplained_minor"]) for payout in found["payouts"]] == [
        ("po_1", 2859)
    ]
    assert await shop.get("/payouts?state=reconciled") == (200, {"payouts": []})
    _, found = await shop.get("/payments?state=captured")
    ((payment),) = found["payments"]
    assert (payment["order_id"], payment["due_minor"]) == ("shopify:1002", 2975)
    assert from_rfc3339(payment["since"]) <= wall_clock()
    assert await shop.get("/payments?state=in_doubt") == (200, {"payments": []})
    for path in ("/payouts?state=lost", "/payments", "/payments?state=lost"):
        assert (await shop.get(path))[0] == 422


async def test_invoices_with_tax_that_no_rate_explains_are_found_with_what_is_odd(shop: Shop) -> None:
    """7.6: beyond the tolerance it is a matter for a person, who has to find it."""
    odd = requested(goods("LAMP", 1000, tax("0.19", 500)), order="shopify:1003", inclusive=False)
    assert await shop.get("/payments?tax=mismatch") == (200, {"payments": []})
    await shop.hears(
        odd, parcel(("LAMP", 1), order="shopify:1003"), parcel(("LAMP", 1), order="shopify:1002")
    )
    _, found = await shop.get("/payments?tax=mismatch")
    ((payment),) = found["payments"]
    assert payment["order_id"] == "shopify:1003"
    assert payment["vat_note"] == "the channel charged 5.00 EUR tax, its rates give 1.90 EUR"


async def test_the_same_id_with_other_content_is_a_conflict(shop: Shop) -> None:
    """409 with the state; the first result stands."""
    await shop.post("/payouts", json=PAYOUT)
    status, refused = await shop.post("/payouts", json=PAYOUT | {"total_minor": 1})
    assert (status, refused["state"]) == (409, "reconciled")
    assert (await shop.get("/payouts/po_1"))[1]["total_minor"] == 2859


async def test_a_csv_statement_is_the_same_statement(shop: Shop) -> None:
    """The columns are the line's fields, the rest stands in the query."""
    text = f"{','.join(LINE)}\n{','.join(str(value) for value in LINE.values())}\n"
    path = "/payouts?provider=shopify&payout_id=po_1&currency=EUR&total_minor=2859"
    csv = {"data": text, "headers": {"Content-Type": "text/csv; charset=utf-8"}}
    status, result = await shop.post(path, **csv)
    assert (status, result["state"]) == (200, "reconciled")
    assert (await shop.post("/payouts", json=PAYOUT))[1]["events"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"json": PAYOUT | {"lines": [LINE | {"net_minor": 28.0}]}}, "lines.0.net_minor"),
        ({"json": PAYOUT | {"currency": "Euro"}}, "currency"),
        ({"data": "kind\n", "headers": {"Content-Type": "text/csv"}}, "reference"),
        ({"data": b"\xff", "headers": {"Content-Type": "text/csv"}}, "body"),
        ({"data": "not json"}, ""),
    ],
)
async def test_a_statement_that_is_none_names_the_field(shop: Shop, body: dict[str, Any], field: str) -> None:
    """422, and nothing is recorded."""
    status, refused = await shop.post("/payouts", **body)
    assert (status, refused["field"]) == (422, field)
    assert (await shop.get("/payouts"))[1] == {"payouts": []}


async def test_an_invoice_is_served_as_json_and_as_the_same_pdf_each_time(shop: Shop) -> None:
    """From the event, by its number."""
    await shop.hears(parcel(("LAMP", 1), order="shopify:1002"))
    _, money = await shop.get("/orders/shopify:1002/money")
    number = money["invoices"][0]["number"]
    status, invoice = await shop.get(f"/invoices/{number}")
    assert (status, invoice["number"], invoice["total_minor"]) == (200, number, 2975)
    first, second = [await shop.get(f"/invoices/{number}.pdf") for _ in range(2)]
    assert first == second
    assert first[1].startswith(b"%PDF")


async def test_the_money_of_an_order_is_shown_with_its_postings(shop: Shop) -> None:
    """Due, captured, invoiced, refunded, and every posting in order."""
    await shop.hears(cancelled("shopify:1002", by_channel=True))
    status, money = await shop.get("/orders/shopify:1002/money")
    assert status == 200
    shown = {
        key: money[key]
        for key in ("state", "due_minor", "captured_minor", "refunded_minor", "invoiced_minor")
    }
    assert shown == {
        "state": "refunded",
        "due_minor": 2975,
        "captured_minor": 2975,
        "refunded_minor": 2975,
        "invoiced_minor": 0,
    }
    assert [(posting["account"], posting["amount_minor"]) for posting in money["postings"]] == [
        ("channel_clearing:shopify", 2975),
        ("customer_receivable", -2975),
        ("customer_receivable", 2975),
        ("channel_clearing:shopify", -2975),
    ]


MIRA = {"actor": "ops:mira", "reason": "given back in the shop's admin"}


async def test_a_refund_that_the_channel_owes_is_shown_until_a_person_confirms_it(shop: Shop) -> None:
    """Due, then made; the same again changes nothing, another one is a conflict with the state."""
    path = "/orders/shopify:1002"
    await shop.hears(cancelled("shopify:1002"))
    _, money = await shop.get(f"{path}/money")
    assert (money["state"], money["refunded_minor"]) == ("refund_due", 0)
    status, said = await shop.post(f"{path}/refunds/confirm", json=MIRA | {"reference": "re-9"})
    assert (status, [event["type"] for event in said["events"]]) == (200, ["billing.PaymentRefunded.v1"])
    _, money = await shop.get(f"{path}/money")
    assert (money["state"], money["refunded_minor"]) == ("refunded", 2975)
    assert await shop.post(f"{path}/refunds/confirm", json=MIRA | {"reference": "re-9"}) == (
        200,
        {"events": []},
    )
    status, refused = await shop.post(f"{path}/refunds/confirm", json=MIRA | {"reference": "re-10"})
    assert (status, refused["state"], refused["allowed"]) == (409, "refunded", [])


async def test_refunds_are_decided_by_somebody_for_a_reason_and_for_an_order_we_know(shop: Shop) -> None:
    """422 names what is missing, 404 the order, 409 the state."""
    for body, field in (({}, "actor"), (MIRA, "reference"), (MIRA | {"reference": " "}, "reference")):
        status, refused = await shop.post("/orders/shopify:1002/refunds/confirm", json=body)
        assert (status, refused["field"]) == (422, field)
    assert (await shop.post("/orders/shopify:9/refunds/retry", json=MIRA))[0] == 404
    status, refused = await shop.post("/orders/shopify:1002/refunds/retry", json=MIRA)
    assert (status, refused["state"]) == (409, "captured")


async def test_the_trial_balance_adds_up_to_nothing(shop: Shop) -> None:
    """Per account and currency, after captures, an invoice and a payout."""
    yen = requested(goods("LAMP", 9899, tax("0.1", 900)), order="shopify:3", currency="JPY")
    await shop.hears(yen, parcel(("LAMP", 1), order="shopify:1002"), parcel(("LAMP", 1), order="shopify:3"))
    await shop.post("/payouts", json=PAYOUT)
    _, books = await shop.get("/ledger")
    assert books["balanced"] is True
    balances = {
        book["currency"]: {a["account"]: a["balance_minor"] for a in book["accounts"]}
        for book in books["currencies"]
    }
    assert balances["EUR"]["payouts_in_transit"] == 2859
    assert balances["EUR"]["channel_clearing:shopify"] == balances["EUR"]["customer_receivable"] == 0
    assert balances["JPY"]["revenue"] == -8999


@pytest.mark.parametrize(
    "path",
    [
        "/payouts/po_9",
        "/payouts/po_9/lines",
        "/invoices/INV-2026-000009",
        "/invoices/X.pdf",
        "/orders/shop:9/money",
    ],
)
async def test_what_is_not_known_is_not_found(shop: Shop, path: str) -> None:
    """404 with what was looked for."""
    status, problem = await shop.get(path)
    assert status == 404
    assert problem["error"].startswith("no ")
