"""Billing is killed at every point on the way from an approval to the gateway: the refund is made once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.conftest import until
from tests.faults.siege import Siege
from tests.faults.trouble import shop_in, siege_of
from tests.story.shop import GATEWAY_COLLECTS, PHONE, Shop

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(300)]

SETTINGS = GATEWAY_COLLECTS | {"DOORSTEP_BILLING__REFUND_LIMITS_MINOR__EUR": "1000"}
POINTS = (
    "before_commit",
    "after_commit",
    "before_publish",
    "mid_publish",
    "after_publish",
    "before_call",
    "after_call",
)
MIRA = {"actor": "mira", "reason": "as agreed"}
WITHIN_SECONDS = 60.0


@pytest.fixture(scope="module")
def careful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop in which ten euros need a second person, and nobody hands parcels over."""
    with shop_in(tmp_path_factory.mktemp("approvals"), SETTINGS, flags=(), killable=True) as shop:
        shop.shelve(LAMP=100)
        yield shop
        assert shop.verdicts() == {}


@pytest.fixture
async def siege(careful: Shop) -> AsyncIterator[Siege]:
    """The attacker of one test."""
    async with siege_of(careful) as attacker:
        yield attacker


def bought(number: int) -> dict[str, object]:
    """An order of one lamp over 11.90, to be collected by our gateway."""
    tax = {"rate": "0.19", "amount_minor": 190}
    line = {"line_id": "1", "sku": "LAMP", "title": "Lamp", "quantity": 1, "unit_price_minor": 1190}
    return {
        "channel_order_id": str(number),
        "placed_at": "2026-11-22T08:00:00Z",
        "currency": "EUR",
        "lines": [{**line, "total_minor": 1190, "taxes": [tax], "weight_g": 400}],
        "tax_minor": 190,
        "total_minor": 1190,
        "customer": {"name": "Ada", "email": "ada@example.com"},
        "ship_to": {"name": "Ada", "line1": "Weg 9", "city": "Berlin", "postcode": "10969", "country": "DE"},
        "payment": {"state": "unpaid"},
        "channel": PHONE,
    }


@pytest.mark.parametrize("point", POINTS)
async def test_an_approval_that_is_killed_here_is_given_again_and_pays_once(siege: Siege, point: str) -> None:
    """The order's refund waits; approving it kills billing; approved again, by the same person, it is there once."""
    number = 7000 + POINTS.index(point)
    this, refund = f"{PHONE}:{number}", f"refund-{PHONE}:{number}-1"
    shop = siege.shop
    assert shop.post("orders", "/orders", {"order": bought(number), "actor": "anna"}).status == 201
    shop.until(this, state="released")
    assert shop.post("orders", f"/orders/{this}/cancel", {"actor": "anna", "reason": "changed"}).status == 200
    await until(lambda: is_waiting(siege, refund), WITHIN_SECONDS)
    assert not refunds_of(shop, refund)

    before = siege.pids()["billing"]
    plant = siege.plant("billing", point)
    await until(lambda: is_approved(siege, refund), WITHIN_SECONDS, every=0.1)
    await until(lambda: not plant.exists() and siege.pids().get("billing", before) != before, WITHIN_SECONDS)
    await siege.until_ready()
    await until(lambda: is_approved(siege, refund), WITHIN_SECONDS, every=0.1)
    await until(lambda: is_refunded(siege, this), WITHIN_SECONDS, every=0.1)
    assert [made["amount_minor"] for made in refunds_of(shop, refund)] == [1190]


async def is_waiting(siege: Siege, refund: str) -> bool:
    """Whether it is among what waits for a second person."""
    answer = await siege.ask("billing", "/approvals")
    return refund in {waiting["id"] for waiting in answer.get("approvals", ())}


async def is_approved(siege: Siege, refund: str) -> bool:
    """Approve it: false while billing is away. Anything but a yes is an error."""
    url = f"{siege.shop.url('billing')}/approvals/{refund}/approve"
    try:
        async with siege.session.post(url, data=json.dumps(MIRA)) as answer:
            assert answer.status in (200, 503), (answer.status, await answer.text())
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


async def is_refunded(siege: Siege, order: str) -> bool:
    """Whether billing says that the customer has the money back."""
    answer = await siege.ask("billing", f"/orders/{order}/money")
    return bool(answer.get("state") == "refunded")


def refunds_of(shop: Shop, reference: str) -> list[dict[str, object]]:
    """What the gateway itself wrote down under a refund's reference."""
    return [
        entry
        for entry in shop.truth("gateway")
        if entry["kind"] == "refund" and entry["reference"] == reference
    ]
