"""Waiting refunds over HTTP, down to the gateway's own books: seen, decided by somebody else, made once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.billing.settings import BillingSettings
from tests.billing.makers import ORDER, cancelled, requested
from tests.billing.running import Shop
from tests.billing.sandbox_twin import SandboxTwin
from tests.stores import Stores

ALWAYS = BillingSettings(refund_limits_minor={"EUR": 0})
REFUND = f"refund-{ORDER}-1"
APPROVE = f"/approvals/{REFUND}/approve"
MIRA = {"actor": "mira", "reason": "as agreed"}
ANNA = {"actor": "anna", "reason": "quickly please"}


@pytest.fixture
async def twin(tmp_path: Path) -> AsyncIterator[SandboxTwin]:
    sandbox = SandboxTwin(tmp_path / "truth.jsonl")
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.fixture
async def shop(stores: Stores, twin: SandboxTwin) -> AsyncIterator[Shop]:
    """An order that was paid through the gateway and cancelled by anna: its refund waits."""
    shop = Shop(stores, twin.gateway, ALWAYS)
    await shop.open()
    await shop.hears(requested(state="unpaid"))
    await shop.says("PaymentCaptured")
    await shop.hears(cancelled())
    yield shop
    await shop.close()


async def test_what_waits_is_listed_with_who_asked_and_how_much(shop: Shop, twin: SandboxTwin) -> None:
    """And the gateway has heard nothing of it."""
    _, listed = await shop.get("/approvals")
    (waiting,) = listed["approvals"]
    assert waiting.pop("asked_at")
    assert waiting == {
        "id": REFUND,
        "kind": "refund",
        "about": ORDER,
        "detail": f"refund of order {ORDER}",
        "currency": "EUR",
        "amount_minor": 11900,
        "asked_by": "anna",
        "reason": "customer asked",
    }
    assert (await shop.get(f"/orders/{ORDER}/money"))[1]["state"] == "refund_requested"
    assert await twin.truth("refund") == []


async def test_who_asked_is_told_that_somebody_else_decides(shop: Shop, twin: SandboxTwin) -> None:
    """409 with the state and what is allowed; nothing moves."""
    status, refused = await shop.post(APPROVE, json=ANNA)
    assert (status, refused["state"]) == (409, "refund_requested")
    assert refused["error"] == "anna asked for this refund: somebody else has to approve or deny it"
    assert refused["allowed"] == ["ApproveRefund", "DenyRefund"]
    assert await twin.truth("refund") == []


async def test_many_approvals_at_once_make_one_refund(shop: Shop, twin: SandboxTwin) -> None:
    """A double click, a retry, two people: the gateway is asked once, even where its answer is lost."""
    await twin.behave(mode="timeout_after_effect", count=1)
    answers = await asyncio.gather(*(shop.post(APPROVE, json=MIRA) for _ in range(8)))
    assert {status for status, _ in answers} == {200}
    assert sum(len(body["events"]) for _, body in answers) == 2
    await shop.says("PaymentRefunded")
    assert [refund["reference"] for refund in await twin.truth("refund")] == [REFUND]
    assert (await shop.get("/approvals"))[1] == {"approvals": [], "next": None}
    status, late = await shop.post(APPROVE, json={"actor": "otto", "reason": "me too"})
    assert (status, late["state"]) == (409, "refunded")


async def test_a_denied_refund_is_asked_for_again_with_202(shop: Shop, twin: SandboxTwin) -> None:
    """It waits again, and says so by its status."""
    status, denied = await shop.post(f"/approvals/{REFUND}/deny", json=MIRA)
    assert (status, [event["type"] for event in denied["events"]]) == (200, ["billing.RefundDenied.v1"])
    status, again = await shop.post(f"/orders/{ORDER}/refunds/retry", json=ANNA)
    assert (status, [event["type"] for event in again["events"]]) == (202, ["billing.RefundRequested.v1"])
    assert len((await shop.get("/approvals"))[1]["approvals"]) == 1
    assert await twin.truth("refund") == []


@pytest.mark.parametrize("name", ["refund-shopify:9-1", "nonsense", "a/b/c"])
async def test_a_decision_about_nothing_is_not_found(shop: Shop, name: str) -> None:
    """404, and nothing is recorded."""
    status, _ = await shop.post(f"/approvals/{name}/approve", json=MIRA)
    assert status == 404


async def test_a_decision_without_a_name_or_a_reason_is_none(shop: Shop) -> None:
    """422 with the field."""
    assert (await shop.post(APPROVE, json={"reason": "x"}))[1]["field"] == "actor"
    assert (await shop.post(APPROVE, json={"actor": "mira", "reason": " "}))[1]["field"] == "reason"


async def test_what_waited_and_what_was_approved_survives_the_process(
    stores: Stores, twin: SandboxTwin
) -> None:
    """The one that asked ends; the next one approves and ends with the call under way; the third finds the refund."""
    first = Shop(stores, twin.gateway, ALWAYS)
    await first.open()
    await first.hears(requested(state="unpaid"))
    await first.says("PaymentCaptured")
    await first.hears(cancelled())
    await first.close()
    await twin.behave(mode="timeout_after_effect", count=1)
    second = Shop(stores, twin.gateway, ALWAYS)
    await second.open()
    assert (await second.post(APPROVE, json=MIRA))[0] == 200
    await second.close()
    third = Shop(stores, twin.gateway, ALWAYS)
    await third.open()
    assert (await third.post(APPROVE, json=MIRA))[1] == {"events": []}
    await third.says("PaymentRefunded")
    await third.close()
    assert [refund["reference"] for refund in await twin.truth("refund")] == [REFUND]
