"""What channels get wrong or send twice: refused where it must be, kept where it may not be lost, never doubled."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import eventually
from tests.story.orders import shopify_order, woocommerce_order
from tests.story.shop import SHOPIFY, WITHIN_SECONDS, WOOCOMMERCE, Shop, ask

pytestmark = pytest.mark.slow

MALFORMED = b'{"id": 6001, "line_items": [}  \xc3\xa9'


@pytest.fixture(scope="module")
def chair_order(shop: Shop) -> dict[str, Any]:
    """An order that went through, to send again."""
    assert (
        shop.webhook(SHOPIFY, "orders/create", shopify_order(5001, "CHAIR", 2), "delivery-5001").status == 202
    )
    order = shop.until_invoiced("shopify:5001")
    shop.until_told("shopify:5001", "order_confirmed", "parcel_dispatched")
    return order


def test_a_wrong_signature_is_not_let_in(shop: Shop) -> None:
    """Anybody can post; only the channel can sign. Nothing is stored of what it says."""
    body = shopify_order(5900, "CHAIR")
    assert shop.webhook(SHOPIFY, "orders/create", body, secret="guessed").status == 401
    unsigned = ask(f"{shop.url('orders')}/channels/shopify/webhooks", json.dumps(body).encode())
    assert unsigned.status == 401
    assert shop.fetch("orders", "/orders/shopify:5900").status == 404


def test_an_unknown_channel_is_not_found(shop: Shop) -> None:
    """A channel nobody configured has no secret either."""
    answer = ask(f"{shop.url('orders')}/channels/nobody/webhooks", b"{}")
    assert (answer.status, answer.json()["channel"]) == (404, "nobody")


def test_a_publisher_for_an_unknown_channel_is_refused_and_told_which_there_are(shop: Shop) -> None:
    """At once and in one line, instead of being parked; `phone` is in no file, only in the services' environment."""
    flags = ("--channel", "nosuch", "--topic", "order_placed", "--stdin")
    before = shop.get("orders", "/ops/status")["parked"]
    done = shop.up.run("publish", *flags, stdin="{}")
    said = "orders knows no channel nosuch: there are market, phone, retail, shopify, webshop, woocommerce; "
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"doorstep: {said}[channels.nosuch] in its configuration makes one\n"
    assert shop.get("orders", "/ops/status")["parked"] == before


def test_a_body_beyond_a_mebibyte_is_too_large(shop: Shop) -> None:
    """Said before it is read to its end, and before its signature is believed."""
    answer = shop.webhook(SHOPIFY, "orders/create", b" " * (1024 * 1024 + 1))
    assert answer.status == 413


def test_the_same_webhook_again_changes_nothing(shop: Shop, chair_order: dict[str, Any]) -> None:
    """Sent again under its own id, and under another one: acknowledged both times, one order, one of everything."""
    before = shop.stock("CHAIR"), shop.doorstep("timeline", "shopify:5001")["events"]
    seen = shop.get("orders", "/ops/status")["position"]
    for delivery in ("delivery-5001", "delivery-5001-again"):
        again = shop.webhook(SHOPIFY, "orders/create", shopify_order(5001, "CHAIR", 2), delivery)
        assert again.status == 202
    _until_all_is_read(shop, shopify_order(5002, "CHAIR"))
    assert shop.order("shopify:5001") == chair_order
    assert shop.doorstep("timeline", "shopify:5001")["events"] == before[1]
    assert shop.get("orders", "/ops/status")["position"] > seen, "the order sent behind them was read"


def test_an_older_version_never_overwrites_a_newer_one(shop: Shop) -> None:
    """Channels deliver out of order: the three units of 10:05 stay, whatever comes in later from 10:01."""
    newer = shopify_order(5003, "NEVER-HEARD-OF", 3, updated_at="2026-11-21T10:05:00+01:00")
    assert shop.webhook(SHOPIFY, "orders/updated", newer, "delivery-5003-b").status == 202
    shop.until("shopify:5003", state="held")
    assert (
        shop.webhook(
            SHOPIFY, "orders/create", shopify_order(5003, "NEVER-HEARD-OF", 1), "delivery-5003-a"
        ).status
        == 202
    )
    _until_all_is_read(shop, shopify_order(5004, "CHAIR"))
    assert shop.order("shopify:5003")["lines"] == [
        {"sku": "NEVER-HEARD-OF", "quantity": 3, "total_minor": 3570}
    ]


def test_what_cannot_be_read_is_kept_byte_for_byte_for_a_person(shop: Shop) -> None:
    """The channel did deliver, so it hears 202. The body waits with the reason; tried again it is refused again."""
    assert shop.webhook(SHOPIFY, "orders/create", MALFORMED, "delivery-6001").status == 202
    (parked,) = eventually(lambda: _parked(shop, "orders"), WITHIN_SECONDS, "the malformed body is parked")
    assert set(parked) >= {"id", "service", "subject", "type", "reason", "received_at", "tries"}
    assert parked["subject"] == "evt.channels.shopify.orders_create"
    assert parked["reason"]
    shown = shop.doorstep("park", "show", parked["id"])
    assert base64.b64decode(shown["body"]) == MALFORMED
    signed = ("--actor", "ops:mira", "--reason")
    again = shop.up.run("park", "retry", parked["id"], *signed, "is it readable now?")
    assert again.returncode != 0
    assert len(again.stderr.strip().splitlines()) == 1, again.stderr
    assert _parked(shop, "orders") == [parked]
    shop.doorstep("park", "discard", parked["id"], *signed, "sent by a test of the channel")
    assert _parked(shop, "orders") == []


def test_an_unknown_article_holds_the_order_until_it_is_imported(shop: Shop, tmp_path: Path) -> None:
    """Nobody has to release anything: with the article and its stock the order goes on by itself."""
    assert (
        shop.webhook(WOOCOMMERCE, "order.created", woocommerce_order(6002, "NOVELTY", 2), "woo-6002").status
        == 202
    )
    held = shop.until("woocommerce:6002", state="held")
    (hold,) = held["holds"]
    assert set(hold) >= {"reason", "owner", "since"}
    assert (hold["reason"], hold["skus"]) == ("sku_unmapped", [{"sku": "NOVELTY", "quantity": 2}])
    assert held["payment"]["captured_minor"] == 0
    listed = shop.get("orders", "/orders?hold=sku_unmapped")["orders"]
    assert "woocommerce:6002" in [order["order_id"] for order in listed]
    shop.stock_up(tmp_path, NOVELTY=3)
    assert shop.until_invoiced("woocommerce:6002")["holds"] == []
    assert eventually(lambda: shop.stock("NOVELTY")["on_hand"] == 1, WITHIN_SECONDS, "two have left")


def test_a_command_in_the_wrong_state_is_told_what_would_be_right(
    shop: Shop, chair_order: dict[str, Any]
) -> None:
    """A parcel on its way cannot be called back: 409 with the state and what is allowed in it, and no event."""
    assert chair_order["state"] == "fulfilled"
    signed = {"actor": "ops:mira", "reason": "the customer changed her mind"}
    refused = shop.post("orders", "/orders/shopify:5001/cancel", signed)
    assert (refused.status, refused.json()["state"], refused.json()["allowed"]) == (409, "fulfilled", [])
    assert shop.order("shopify:5001") == chair_order


def test_nobody_decides_without_a_name_and_a_reason(shop: Shop, chair_order: dict[str, Any]) -> None:
    """422 names the field; an order nobody knows is 404."""
    this = f"/orders/{chair_order['order_id']}/cancel"
    unsigned = shop.post("orders", this, {"actor": "ops:mira"})
    assert (unsigned.status, unsigned.json()["field"]) == (422, "reason")
    signed = {"actor": "ops:mira", "reason": "a typo"}
    assert shop.post("orders", "/orders/shopify:0/cancel", signed).status == 404


def _parked(shop: Shop, service: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = shop.doorstep("park", "list")["parked"]
    return [parked for parked in found if parked["service"] == service]


def _until_all_is_read(shop: Shop, last: dict[str, Any]) -> None:
    """Whatever was sent before this order is decided when this order is: a stream is read in order."""
    assert shop.webhook(SHOPIFY, "orders/create", last, f"delivery-{last['id']}").status == 202
    shop.until(f"shopify:{last['id']}", state="fulfilled")
