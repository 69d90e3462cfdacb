"""Files come in row by row: a bad row is named by its line, the others go in, and the same file again does nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.inventory.conftest import SKU_ROW, STOCK_ROW, Client


async def test_skus_are_registered_amended_and_left_alone(client: Client) -> None:
    """What the importer prints at the end."""
    mug = {**SKU_ROW, "line": 3, "sku": "MUG"}
    assert await client.bring_in("skus", SKU_ROW, mug) == {"accepted": 2, "unchanged": 0, "refused": []}
    dearer = {**mug, "price_minor": 1}
    assert await client.bring_in("skus", SKU_ROW, dearer) == {"accepted": 1, "unchanged": 1, "refused": []}
    assert (await client.get("/stock/MUG"))[1]["price_minor"] == 1


async def test_opening_stock_counts_once(client: Client) -> None:
    """The same file again is unchanged from the first row to the last."""
    await client.bring_in("skus", SKU_ROW)
    assert await client.bring_in("stock", STOCK_ROW) == {"accepted": 1, "unchanged": 0, "refused": []}
    assert await client.bring_in("stock", STOCK_ROW) == {"accepted": 0, "unchanged": 1, "refused": []}
    assert (await client.get("/stock/LAMP"))[1]["on_hand"] == 5


async def test_refused_rows_are_named_by_line_in_the_order_of_the_file(client: Client) -> None:
    """Those the border refuses and those the rules refuse, in one list; the good row between them goes in."""
    answer = await client.bring_in(
        "skus",
        {**SKU_ROW, "line": 5, "barcode": "4006381333932"},
        {**SKU_ROW, "line": 6, "sku": "MUG"},
        {**SKU_ROW, "line": 7, "sku": "CUP", "currency": "euro"},
        {**SKU_ROW, "line": 8, "sku": "MUG", "price_minor": 1},
    )
    assert answer == {
        "accepted": 1,
        "unchanged": 0,
        "refused": [
            {"line": 5, "error": "barcode: 4006381333932 is no GTIN-13, its last digit would have to be 1"},
            {"line": 7, "error": "currency: String should match pattern '^[A-Z]{3}$'"},
            {"line": 8, "error": "MUG is already in line 6"},
        ],
    }


BAD_SKUS = [
    ({"sku": ""}, "sku"),
    ({"sku": "A\nB"}, "sku"),
    ({"sku": "x" * 65}, "sku"),
    ({"price_minor": -1}, "price_minor"),
    ({"price_minor": "12.50"}, "price_minor"),
    ({"price_minor": None}, "price_minor"),
    ({"barcode": "4006 381"}, "barcode"),
    ({"vat_class": "Zero Rate"}, "vat_class"),
    ({"weight_g": -1}, "weight_g"),
    ({"currency": "eur"}, "currency"),
    ({"currency": "XXQ"}, "currency"),
    ({"vat_class": "luxury"}, "vat_class"),
]
BAD_STOCK = [
    ({"quantity": -1}, "quantity"),
    ({"quantity": 1_000_001}, "quantity"),
    ({"quantity": True}, "quantity"),
    ({"quantity": "5"}, "quantity"),
    ({"location": "shelf 3"}, "location"),
    ({"location": None}, "location"),
]


@pytest.mark.parametrize(
    ("sheet", "base", "bad"), [("skus", SKU_ROW, BAD_SKUS), ("stock", STOCK_ROW, BAD_STOCK)]
)
async def test_a_bad_row_is_refused_with_its_field(client: Client, sheet: str, base: Any, bad: Any) -> None:
    """And the good row among them goes in."""
    await client.bring_in("skus", {**SKU_ROW, "sku": "MUG"})
    rows = [{**base, **change, "line": line} for line, (change, _) in enumerate(bad)]
    answer = await client.bring_in(sheet, *rows, {**base, "sku": "MUG", "line": 99, "weight_g": 7})
    assert [refused["line"] for refused in answer["refused"]] == list(range(len(bad)))
    assert [refused["error"].partition(":")[0] for refused in answer["refused"]] == [
        field for _, field in bad
    ]
    assert answer["accepted"] == 1


async def test_stock_of_an_unknown_sku_is_refused_by_its_line(client: Client) -> None:
    """Master data first."""
    await client.bring_in("skus", SKU_ROW)
    answer = await client.bring_in("stock", {**STOCK_ROW, "sku": "GHOST"}, {**STOCK_ROW, "line": 3})
    assert answer == {
        "accepted": 1,
        "unchanged": 0,
        "refused": [{"line": 2, "error": "SKU GHOST is not registered"}],
    }
    assert (await client.get("/stock/GHOST"))[0] == 404
    assert [shown["sku"] for shown in (await client.get("/stock"))[1]["stock"]] == ["LAMP"]


async def test_a_thousand_rows_are_one_transaction(client: Client) -> None:
    """Fast enough for a whole catalogue, and all of a request or nothing of it."""
    rows = [{**SKU_ROW, "line": n, "sku": f"SKU-{n}"} for n in range(1000)]
    commits = []
    client.running.engine.listeners.append(lambda batch: commits.append(len(batch.events)))
    assert (await client.bring_in("skus", *rows))["accepted"] == 1000
    assert commits == [1000]


async def test_a_request_that_is_no_import_answers_422(client: Client) -> None:
    """Nothing of it is taken in."""
    for change, field in (
        ({"rows": [SKU_ROW] * 1001}, "rows"),
        ({"rows": ["LAMP"]}, "rows.0"),
        ({"actor": ""}, "actor"),
        ({"reference": " "}, "reference"),
    ):
        body = {"rows": [SKU_ROW], "actor": "anna", "reference": "skus.csv", **change}
        status, answer = await client.post("/imports/skus", body)
        assert (status, answer["field"]) == (422, field)
    assert client.running.reactor.last_position == 0


async def test_a_wrong_tax_class_is_answered_with_the_classes_there_are(client: Client) -> None:
    """Whoever made the file can put it right without asking."""
    answer = await client.bring_in("skus", {**SKU_ROW, "line": 7, "vat_class": "luxury"})
    assert answer["refused"] == [
        {
            "line": 7,
            "error": "vat_class: Input should be 'standard', 'reduced', 'super_reduced', 'zero' or 'exempt'",
        }
    ]
