"""What the shop wrote down can be checked and told again: every invariant, and every service from its own log."""

from __future__ import annotations

import json

import pytest

from contracts.parking import SERVICES
from tests.conftest import eventually
from tests.story.orders import canonical_order, shopify_order
from tests.story.shop import PHONE, SHOPIFY, WITHIN_SECONDS, Shop

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def busy_shop(shop: Shop) -> Shop:
    """A few orders on their way, one of them held, so that there is something in every book."""
    for number in range(8001, 8006):
        assert (
            shop.webhook(
                SHOPIFY, "orders/create", shopify_order(number, "PLATE"), f"delivery-{number}"
            ).status
            == 202
        )
    assert shop.webhook(PHONE, "order_placed", canonical_order(PHONE, "8006", "PLATE"), "8006").status == 202
    assert (
        shop.webhook(SHOPIFY, "orders/create", shopify_order(8007, "UNHEARD-OF"), "delivery-8007").status
        == 202
    )
    shop.until("phone:8006", state="fulfilled")
    shop.until("shopify:8007", state="held")
    return shop


def test_every_invariant_holds(busy_shop: Shop) -> None:
    """Recomputed from the stores, the streams, the gateway's log and the mail folder."""
    said = busy_shop.up.run("verify", "--json")
    assert said.returncode == 0, said.stderr
    found = json.loads(said.stdout)
    assert found["holds"] is True
    assert [each["id"] for each in found["invariants"]] == [f"I{n}" for n in range(1, 14)]
    assert [each for each in found["invariants"] if not each["holds"]] == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_rebuilt_from_its_log_is_the_same(busy_shop: Shop, service: str) -> None:
    """While it serves; and no label is bought and no message sent by telling the story again."""
    mails = len(busy_shop.mails("@"))
    charges = len(busy_shop.truth("gateway"))
    found = busy_shop.doorstep("replay", service)
    assert (found["service"], found["equal"], found["effects_run"]) == (service, True, 0)
    assert found["live_hash"] == found["rebuilt_hash"]
    assert found["events"] > 0
    assert (len(busy_shop.truth("gateway")), len(busy_shop.mails("@")) >= mails) == (charges, True)


def test_status_counts_what_is_there(busy_shop: Shop) -> None:
    """Everything is read, published and called; the held order is counted with its reason."""

    def quiet() -> bool:
        services = busy_shop.doorstep("status")["services"].values()
        return all(
            s["ready"] and not any((*s["lag"].values(), s["relay_behind"], s["effects_pending"]))
            for s in services
        )

    assert eventually(quiet, WITHIN_SECONDS, "all is read, published and called")
    counted = busy_shop.doorstep("status")["orders"]
    assert counted["by_state"]["fulfilled"] >= 6
    assert counted["on_hold"]["sku_unmapped"] >= 1
