"""Shipping as others meet it: over HTTP and the bus, with a carrier behind it that may misbehave."""

from __future__ import annotations

import pytest

from contracts.shipping import LabelBought, ParcelDispatched
from services.shipping.measures import labels
from tests.conftest import until
from tests.shipping.conftest import Client
from tests.shipping.houses import SandboxHouse
from tests.shipping.makers import DS1, HEAVY, LAMP, P1, cancel, is_sound, released

ORDER = "shopify:1001"
SCAN = {"code": "in_transit", "at": "2026-11-22T08:00:00Z", "place": "Malmö"}


@pytest.fixture
def by_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """New fulfilments go to the carrier that is called, and leave without people."""
    monkeypatch.setenv("DOORSTEP_SHIPPING__CARRIER", "sandbox")
    monkeypatch.setenv("DOORSTEP_SHIPPING__AUTOPILOT", "true")


@pytest.fixture
def by_small_range(monkeypatch: pytest.MonkeyPatch) -> None:
    """New fulfilments go to a carrier of whose range we have one number."""
    monkeypatch.setenv("DOORSTEP_SHIPPING__CARRIER", "small")


async def test_an_order_is_labelled_handed_over_and_followed_to_the_door(client: Client) -> None:
    """The whole way with a person at the packing table."""
    await client.say(released())
    shown = await client.in_state(ORDER, "labelled")
    (parcel,) = shown["parcels"]
    assert (parcel["tracking_number"], parcel["milestone"]) == (DS1, "label_created")
    status, answer = await client.post(f"/fulfilments/ful-{ORDER}/dispatch", {"actor": "mia"})
    assert (status, [e["type"] for e in answer["events"]]) == (200, ["shipping.ParcelDispatched.v1"])
    assert answer["events"][0]["data"]["reason"] == "handed over"
    assert await client.post(f"/fulfilments/{ORDER}/dispatch", {"actor": "mia"}) == (200, {"events": []})
    for code in ("out_for_delivery", "in_transit", "delivered"):
        assert (await client.post(f"/parcels/{DS1}/scans", SCAN | {"code": code}))[0] == 200
    status, page = await client.get(f"/parcels/{P1}")
    assert (status, page["milestone"], page["state"]) == (200, "delivered", "dispatched")
    assert {event["what"] for event in page["events"]} >= {"label_created", "handed_over", "out_for_delivery"}
    assert "Ada" not in str(page)


async def test_the_same_scan_sent_twice_is_recorded_once(client: Client) -> None:
    """Without an id of its own, code, time and place are its id."""
    await client.say(released())
    await client.in_state(ORDER, "labelled")
    answers = [await client.post(f"/parcels/{P1}/scans", SCAN) for _ in range(2)]
    assert [len(answer["events"]) for _, answer in answers] == [1, 0]
    named = [{"scan_id": "evt-7"}, {"id": "evt-7"}, {"id": "evt-8"}]
    answers = [await client.post(f"/parcels/{P1}/scans", SCAN | name) for name in named]
    assert [len(answer["events"]) for _, answer in answers] == [1, 0, 1]


async def test_a_hand_over_is_signed_and_unknown_fields_are_no_error(client: Client) -> None:
    """Who handed over and why is in the event; a newer client may say more than we read."""
    await client.say(released())
    await client.in_state(ORDER, "labelled")
    body = {"actor": "mia", "reason": "van at the door", "terminal": 4}
    status, answer = await client.post(f"/fulfilments/{ORDER}/dispatch", body)
    (event,) = answer["events"]
    assert (status, event["data"]["actor"], event["data"]["reason"]) == (200, "mia", "van at the door")


async def test_labels_are_printed_the_same_each_time(client: Client) -> None:
    """A reprint is the label, not another one."""
    await client.say(released(LAMP, HEAVY))
    await client.in_state(ORDER, "labelled")
    for form, kind, begins in (("pdf", "application/pdf", b"%PDF-"), ("zpl", "application/zpl", b"^XA")):
        first, second = [await client.raw(f"/parcels/{P1}/label.{form}") for _ in range(2)]
        assert first == second
        assert first[0] == kind
        assert first[1].startswith(begins)
        other = await client.raw(f"/parcels/{ORDER}-p2/label.{form}")
        assert other[1] != first[1]


async def test_what_does_not_exist_is_404_and_what_cannot_be_read_is_422(client: Client) -> None:
    """The answer names what was wrong."""
    for path in ("/fulfilments/shopify:7", "/parcels/shopify:7-p1", "/parcels/DS7", "/ranges/sandbox"):
        status, answer = await client.get(path)
        assert (status, set(answer)) == (404, {"error"}), path
    assert (await client.post("/fulfilments/shopify:7/dispatch", {"actor": "mia"}))[0] == 404
    await client.say(released())
    await client.in_state(ORDER, "labelled")
    wrong = (
        (f"/fulfilments/{ORDER}/dispatch", {}, "actor"),
        (f"/fulfilments/{ORDER}/dispatch", {"actor": "mia", "reason": " "}, "reason"),
        (f"/fulfilments/{ORDER}/labels/retry", {"actor": "mia"}, "reason"),
        (f"/parcels/{P1}/scans", SCAN | {"at": "2026-11-22T08:00:00"}, "at"),
        (
            "/ranges/doorstep/grants",
            {"actor": "mia", "reason": "x", "range_id": "b", "prefix": "D1"},
            "prefix",
        ),
    )
    for path, body, field in wrong:
        status, answer = await client.post(path, body)
        assert (status, answer["field"]) == (422, field), path
    assert (await client.get("/fulfilments?limit=0"))[0] == 422


async def test_a_command_in_the_wrong_state_is_409_with_what_is_allowed(client: Client) -> None:
    """A person reads why, and what to do instead."""
    await client.say(released(), cancel())
    await client.in_state(ORDER, "cancelled")
    status, answer = await client.post(f"/fulfilments/{ORDER}/dispatch", {"actor": "mia"})
    assert (status, answer["state"], answer["allowed"]) == (409, "cancelled", [])
    assert "cancelled" in answer["error"]


async def test_fulfilments_are_listed_newest_first_or_by_state(client: Client) -> None:
    """What the page and a packing table look at."""
    await client.say(*(released(order=f"shopify:{n}") for n in (1, 2, 3)))
    await client.in_state("shopify:3", "labelled")
    _, newest = await client.get("/fulfilments?limit=2")
    assert [f["order_id"] for f in newest["fulfilments"]] == ["shopify:3", "shopify:2"]
    _, older = await client.get(f"/fulfilments?limit=2&after={newest['next']}")
    assert ([f["order_id"] for f in older["fulfilments"]], older["next"]) == (["shopify:1"], None)
    _, first = await client.get("/fulfilments?state=labelled&limit=2")
    assert [f["order_id"] for f in first["fulfilments"]] == ["shopify:1", "shopify:2"]
    assert first["fulfilments"][0]["since"].endswith("Z"), "since when nothing happened"
    assert first["next"] == "shopify:2"
    _, rest = await client.get(f"/fulfilments?state=labelled&limit=2&after={first['next']}")
    assert [f["order_id"] for f in rest["fulfilments"]] == ["shopify:3"]
    status, refused = await client.get("/fulfilments?state=labeled")
    assert (status, refused["field"]) == (422, "state")
    assert "labelled" in refused["error"], "a word that is no state is answered with those that are"


async def test_numbers_granted_by_a_person_label_what_was_waiting(
    by_small_range: None, client: Client
) -> None:
    """The range ran dry over night: one grant, and the queue is labelled."""
    await client.say(*(released(order=f"shopify:{n}") for n in (1, 2, 3)))
    await client.in_state("shopify:3", "label_failed")
    grant = {
        "actor": "mia", "reason": "range used up", "range_id": "2027",
        "prefix": "DP", "suffix": "DE", "first": 2, "last": 99,
    }  # fmt: skip
    status, answer = await client.post("/ranges/small/grants", grant)
    assert (status, answer["labelled"]) == (200, 2)
    shown = await client.in_state("shopify:3", "labelled")
    assert is_sound(shown["parcels"][0]["tracking_number"])
    _, numbers = await client.get("/ranges/small")
    assert numbers["left"] == 96
    again, repeated = await client.post("/ranges/small/grants", grant)
    assert (again, repeated) == (200, {"events": [], "labelled": 0})


async def test_a_lost_answer_does_not_buy_a_second_label(
    by_call: None, client: Client, house: SandboxHouse
) -> None:
    """The carrier made the label and the line broke: it is found by our reference, and the parcel leaves."""
    await house.behave(mode="timeout_after_effect", count=1)
    await client.say(released())
    shown = await client.in_state(ORDER, "dispatched")
    assert [entry["kind"] for entry in house.truth()] == ["label"]
    assert shown["parcels"][0]["tracking_number"] == house.truth()[0]["tracking_number"]
    facts = [type(event) for event in client.said()]
    assert (facts.count(LabelBought), facts.count(ParcelDispatched)) == (1, 1)


async def without_a_label(client: Client) -> float:
    counts, _ = await labels(client.running.runtime)
    return counts.values["label_failed",]


async def test_a_refused_label_is_asked_for_again_by_a_person(
    by_call: None, client: Client, house: SandboxHouse
) -> None:
    """The reason is shown and Prometheus told; with the corrected address the same order leaves."""
    await house.behave(mode="refuse", count=1)
    await client.say(released())
    shown = await client.in_state(ORDER, "label_failed")
    assert shown["parcels"][0]["problem"] == "the carrier does not serve this address"
    assert await without_a_label(client) == 1
    body = {
        "actor": "mia",
        "reason": "wrong street",
        "ship_to": {"name": "Ada", "line1": "Kungsgatan 2", "country": "SE"},
    }
    status, _ = await client.post(f"/fulfilments/{ORDER}/labels/retry", body)
    assert status == 200
    await client.in_state(ORDER, "dispatched")
    assert await without_a_label(client) == 0
    assert b"Kungsgatan 2" in (await client.raw(f"/parcels/{P1}/label.zpl"))[1]


async def test_a_label_that_comes_after_the_cancellation_is_given_back(
    by_call: None, client: Client, house: SandboxHouse
) -> None:
    """The carrier is slow, the customer is quick: nothing leaves, and the label is void in the carrier's books."""
    await house.behave(mode="late", seconds=0.3, count=1)
    await client.say(released())
    await until(lambda: house.truth())
    await client.say(cancel())
    await client.in_state(ORDER, "cancelled")
    await until(lambda: [entry["kind"] for entry in house.truth()] == ["label", "voided"])
    _, shown = await client.get(f"/fulfilments/{ORDER}")
    assert shown["parcels"][0]["state"] in ("voiding", "void")
    await until(lambda: client.running.effects.pending == 0)
    assert not [event for event in client.said() if isinstance(event, ParcelDispatched)]
