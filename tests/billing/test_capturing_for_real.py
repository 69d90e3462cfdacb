"""Captures from the message to the gateway's books and back: store, effects, HTTP, with answers that get lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.billing.makers import ORDER, cancelled, requested
from tests.billing.running import Shop
from tests.billing.sandbox_twin import SandboxTwin
from tests.stores import Stores

UNPAID = requested(state="unpaid")


@pytest.fixture
async def twin(tmp_path: Path) -> AsyncIterator[SandboxTwin]:
    sandbox = SandboxTwin(tmp_path / "truth.jsonl")
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.fixture
async def shop(stores: Stores, twin: SandboxTwin) -> AsyncIterator[Shop]:
    shop = Shop(stores, twin.gateway)
    await shop.open()
    yield shop
    await shop.close()


async def test_a_lost_answer_is_in_doubt_then_found_and_charged_once(shop: Shop, twin: SandboxTwin) -> None:
    """The money had moved: it is found by our reference, and never asked for a second time."""
    await twin.behave(mode="timeout_after_effect", count=1)
    await shop.hears(UNPAID)
    said = await shop.says("PaymentCaptured")
    assert said == ["PaymentDue", "CaptureStarted", "PaymentInDoubt", "PaymentCaptured"]
    assert len(await twin.truth("charge")) == 1


async def test_a_fault_before_the_effect_is_repeated_under_the_same_reference(
    shop: Shop, twin: SandboxTwin
) -> None:
    """Not found: only then it is called again."""
    await twin.behave(mode="fail_500", count=1)
    await shop.hears(UNPAID)
    await shop.says("PaymentCaptured")
    assert [charge["reference"] for charge in await twin.truth("charge")] == [f"pay-{ORDER}-1"]


async def test_a_call_that_was_open_when_the_process_ended_is_asked_for_first(
    stores: Stores, twin: SandboxTwin
) -> None:
    """The charge went through, the process died before it knew: the next one finds it."""
    await twin.behave(mode="timeout_after_effect", count=1)
    before = Shop(stores, twin.gateway)
    await before.open()
    await before.hears(UNPAID)
    await before.says("PaymentInDoubt")
    await before.close()
    after = Shop(stores, twin.gateway)
    await after.open()
    assert await after.says("PaymentCaptured") == ["PaymentCaptured"]
    await after.close()
    assert len(await twin.truth("charge")) == 1


async def test_money_for_a_cancelled_order_comes_back_by_itself(shop: Shop, twin: SandboxTwin) -> None:
    """Cancelled while the gateway's answer was lost: found, recorded, given back, once each."""
    await twin.behave(mode="timeout_after_effect", count=1)
    await shop.hears(UNPAID)
    await shop.says("PaymentInDoubt")
    await shop.hears(cancelled())
    said = await shop.says("PaymentRefunded")
    assert said[3:] == ["PaymentClosed", "PaymentCaptured", "RefundStarted", "PaymentRefunded"]
    assert (len(await twin.truth("charge")), len(await twin.truth("refund"))) == (1, 1)
    assert (await shop.get(f"/orders/{ORDER}/money"))[1]["state"] == "refunded"
