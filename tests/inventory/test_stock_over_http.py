"""Looking at stock and booking it, over HTTP."""

from __future__ import annotations

from tests.inventory.conftest import SKU_ROW, Client

RECEIPT = {
    "sku": "LAMP",
    "location": "MAIN",
    "quantity": 5,
    "reason": "delivery",
    "actor": "anna",
    "reference": "DN-17",
}


async def test_stock_is_shown_by_location(client: Client) -> None:
    """The shape that the page and other tools read."""
    await client.with_stock(5)
    await client.post("/stock/receipts", {**RECEIPT, "location": "BACK", "quantity": 2})
    status, shown = await client.get("/stock/LAMP")
    assert status == 200
    assert {name: shown[name] for name in ("sku", "on_hand", "reserved", "available", "locations")} == {
        "sku": "LAMP",
        "on_hand": 7,
        "reserved": 0,
        "available": 7,
        "locations": [
            {"location": "BACK", "on_hand": 2, "reserved": 0},
            {"location": "MAIN", "on_hand": 5, "reserved": 0},
        ],
    }
    assert (shown["price_minor"], shown["currency"]) == (3990, "EUR")


async def test_a_receipt_answers_with_its_events_and_the_stock_afterwards(client: Client) -> None:
    """Whoever books sees at once what came of it."""
    await client.bring_in("skus", SKU_ROW)
    status, answer = await client.post("/stock/receipts", RECEIPT)
    assert status == 200
    types = [event["type"] for event in answer["events"]]
    assert types == ["inventory.StockReceived.v1", "inventory.AvailabilityChanged.v2"]
    assert answer["events"][0]["data"] == {**RECEIPT, "opening": False}
    assert answer["stock"]["on_hand"] == 5


async def test_the_same_receipt_again_answers_with_no_events(client: Client) -> None:
    """A retry after a lost answer is a success."""
    await client.bring_in("skus", SKU_ROW)
    await client.post("/stock/receipts", RECEIPT)
    status, answer = await client.post("/stock/receipts", RECEIPT)
    assert (status, answer["events"], answer["stock"]["on_hand"]) == (200, [], 5)


async def test_an_adjustment_below_what_there_is_answers_409_with_the_numbers(client: Client) -> None:
    """And with what is allowed instead."""
    await client.with_stock(5)
    status, answer = await client.post("/stock/adjustments", {**RECEIPT, "quantity": -6})
    assert status == 409
    assert answer["error"] == "LAMP at MAIN: 5 on hand, 0 reserved; -6 would leave -1"
    assert answer["state"] == "on_hand=5 reserved=0"
    assert answer["allowed"] == ["ReceiveStock", "AdjustStock down by 5"]


async def test_an_adjustment_is_booked(client: Client) -> None:
    """Down as well as up."""
    await client.with_stock(5)
    status, answer = await client.post("/stock/adjustments", {**RECEIPT, "quantity": -2})
    assert (status, answer["stock"]["on_hand"]) == (200, 3)


async def test_booking_on_an_unknown_sku_answers_404(client: Client) -> None:
    """Nothing is recorded about what does not exist."""
    for path in ("/stock/receipts", "/stock/adjustments"):
        status, answer = await client.post(path, RECEIPT)
        assert (status, answer) == (404, {"error": "SKU LAMP is not registered", "field": "sku"})
    assert client.running.reactor.last_position == 0


WRONG = [
    ("/stock/receipts", {"quantity": 0}, "quantity"),
    ("/stock/receipts", {"quantity": -1}, "quantity"),
    ("/stock/receipts", {"quantity": "5"}, "quantity"),
    ("/stock/receipts", {"quantity": 1.5}, "quantity"),
    ("/stock/receipts", {"quantity": None}, "quantity"),
    ("/stock/receipts", {"sku": ""}, "sku"),
    ("/stock/receipts", {"location": "shelf 3"}, "location"),
    ("/stock/receipts", {"reference": ""}, "reference"),
    ("/stock/adjustments", {"quantity": 0}, "quantity"),
    ("/stock/adjustments", {"quantity": 2_000_000}, "quantity"),
    ("/stock/adjustments", {"reason": "   "}, "reason"),
    ("/stock/adjustments", {"actor": ""}, "actor"),
]


async def test_a_wrong_field_answers_422_and_names_it(client: Client) -> None:
    """Actor and reason are part of every booking."""
    await client.bring_in("skus", SKU_ROW)
    answers = [await client.post(path, {**RECEIPT, **change}) for path, change, _ in WRONG]
    assert [(status, answer["field"]) for status, answer in answers] == [(422, field) for *_, field in WRONG]


async def test_a_missing_field_answers_422_and_names_it(client: Client) -> None:
    """Without a reference, a retry would count twice."""
    await client.bring_in("skus", SKU_ROW)
    for missing in RECEIPT:
        body = {name: value for name, value in RECEIPT.items() if name != missing}
        status, answer = await client.post("/stock/receipts", body)
        assert (status, answer["field"]) == (422, missing)


async def test_all_stock_is_shown_page_by_page(client: Client) -> None:
    """Every SKU once, in the order in which they were registered."""
    rows = [{**SKU_ROW, "line": n, "sku": f"SKU-{n}"} for n in range(7)]
    await client.bring_in("skus", *rows)
    seen, after = [], ""
    for _ in range(3):
        _, page = await client.get(f"/stock?limit=3&after={after}")
        seen.append([shown["sku"] for shown in page["stock"]])
        after = page["next"]
    assert seen == [["SKU-0", "SKU-1", "SKU-2"], ["SKU-3", "SKU-4", "SKU-5"], ["SKU-6"]]
    assert after is None


async def test_stock_can_be_asked_for_by_its_state(client: Client) -> None:
    """What is sold out is what a buyer looks for."""
    await client.with_stock(5)
    await client.bring_in("skus", {**SKU_ROW, "sku": "MUG"})
    found = {}
    for state in ("in", "out", "count_due"):
        _, page = await client.get(f"/stock?state={state}")
        found[state] = [shown["sku"] for shown in page["stock"]]
    assert found == {"in": ["LAMP"], "out": ["MUG"], "count_due": []}


async def test_a_wrong_question_answers_422(client: Client) -> None:
    """Not an empty page."""
    for query, field in (
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("limit=501", "limit"),
        (f"limit={'9' * 5000}", "limit"),
        ("state=lost", "state"),
    ):
        status, answer = await client.get(f"/stock?{query}")
        assert (status, answer["field"]) == (422, field)


async def test_a_sku_with_a_slash_can_be_asked_for(client: Client) -> None:
    """Shops write their SKUs as they like."""
    await client.bring_in("skus", {**SKU_ROW, "sku": "LAMP/RED 10%"})
    status, shown = await client.get("/stock/LAMP%2FRED%2010%25")
    assert (status, shown["sku"]) == (200, "LAMP/RED 10%")


async def test_what_does_not_exist_answers_404(client: Client) -> None:
    """In the form of every error."""
    assert await client.get("/stock/GHOST") == (404, {"error": "SKU GHOST is not registered", "field": "sku"})
    assert await client.get("/reservations/shopify:1") == (
        404,
        {"error": "order shopify:1 never asked for stock"},
    )


async def test_events_are_asked_for_from_a_position(client: Client) -> None:
    """A position that is none is named, not a fault of ours."""
    await client.with_stock(5)
    _, page = await client.get("/ops/events?after=1&limit=1")
    assert [event["position"] for event in page["events"]] == [2]
    for query, field in (("after=x", "after"), ("after=-1", "after"), ("limit=1001", "limit")):
        status, answer = await client.get(f"/ops/events?{query}")
        assert (status, answer["field"]) == (422, field)
