"""What billing tells Prometheus of its money."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from chassis.clock import wall_clock
from services.billing.measures import money
from tests.billing.makers import ORDER, cancelled, requested
from tests.billing.running import Shop
from tests.stores import Stores


@pytest.fixture
async def shop(stores: Stores) -> AsyncIterator[Shop]:
    """Billing that has sold nothing yet."""
    shop = Shop(stores)
    await shop.open()
    yield shop
    await shop.close()


async def report(shop: Shop, payout: str, currency: str, amount_minor: int) -> None:
    """A statement of one line that nothing explains."""
    line = {"kind": "adjustment", "reference": "", "gross_minor": amount_minor, "fee_minor": 0}
    said = {"provider": "shopify", "payout_id": payout, "currency": currency, "total_minor": amount_minor}
    status, result = await shop.post("/payouts", json=said | {"lines": [line | {"net_minor": amount_minor}]})
    assert (status, result["state"]) == (200, "unexplained")


async def figure(shop: Shop, name: str) -> dict[tuple[str, ...], float]:
    """One of the figures, by its labels."""
    return next(dict(found.values) for found in await money(shop.runtime) if found.name == name)


async def test_what_a_later_payout_gave_back_is_not_unexplained_any_more(shop: Shop) -> None:
    """Each of both payouts is named for ever; of the money nothing is left, and the alert ends. By currency."""
    await report(shop, "po_1", "EUR", -2859)
    await report(shop, "po_2", "JPY", 700)
    assert await figure(shop, "doorstep_money_unexplained_minor") == {("EUR",): 2859, ("JPY",): 700}
    await report(shop, "po_3", "EUR", 2859)
    assert await figure(shop, "doorstep_money_unexplained_minor") == {("EUR",): 0, ("JPY",): 700}
    assert (await figure(shop, "doorstep_payouts"))["unexplained",] == 3


async def test_money_that_waits_for_a_person_is_told_with_its_age(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every kind is there from the start, so that an alert begins and ends; the age runs from the newest event on."""
    nothing = {("in_doubt",): 0, ("refund_due",): 0, ("refund_failed",): 0, ("approval",): 0}
    assert await figure(shop, "doorstep_waiting") == nothing
    assert await figure(shop, "doorstep_waiting_oldest_seconds") == nothing
    await shop.hears(requested())
    asked = wall_clock()
    await shop.hears(cancelled())
    monkeypatch.setattr("chassis.waiting.wall_clock", lambda: wall_clock() + timedelta(hours=1))
    assert await figure(shop, "doorstep_waiting") == nothing | {("refund_due",): 1}
    ages = await figure(shop, "doorstep_waiting_oldest_seconds")
    assert 3600 <= ages.pop(("refund_due",)) <= 3600 + (wall_clock() - asked).total_seconds()
    assert set(ages.values()) == {0}
    confirmed = {"actor": "mira", "reason": "given back in the shop's admin", "reference": "re-9"}
    assert (await shop.post(f"/orders/{ORDER}/refunds/confirm", json=confirmed))[0] == 200
    assert await figure(shop, "doorstep_waiting") == nothing
