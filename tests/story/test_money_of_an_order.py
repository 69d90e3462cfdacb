"""Orders whose money is not collected yet: charged once through the gateway whatever it answers, given back in full."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import eventually
from tests.story.orders import canonical_order, shopify_order
from tests.story.shop import PHONE, SHOPIFY, WITHIN_SECONDS, Shop

pytestmark = pytest.mark.slow

SIGNED = {"actor": "ops:mira", "reason": "the customer called"}


@pytest.fixture
def gateway(shop: Shop) -> Iterator[Shop]:
    """The gateway may be told to misbehave; afterwards it behaves again."""
    yield shop
    shop.behave("gateway", mode="ok")


def test_an_unpaid_order_is_charged_once_through_the_gateway(shop: Shop) -> None:
    """The gateway's own log says so: one charge, of the whole amount."""
    order = _unpaid(shop, 7001, units=3)
    fulfilled = shop.until_invoiced(order)
    assert fulfilled["payment"] == {"state": "captured", "captured_minor": 3570, "refunded_minor": 0}
    assert _moved(shop, order) == [("charge", 3570)]
    money = shop.get("billing", f"/orders/{order}/money")
    assert sum(posting["amount_minor"] for posting in money["postings"]) == 0
    assert (money["source"], money["invoiced_minor"]) == ("gateway", 3570)


def test_a_lost_answer_is_asked_for_and_not_charged_again(gateway: Shop) -> None:
    """The money moved and the line went dead: the timeline shows the doubt, the gateway's log one charge."""
    gateway.behave("gateway", mode="timeout_after_effect", every=1, count=1)
    order = _unpaid(gateway, 7002)
    gateway.until_invoiced(order)
    assert _moved(gateway, order) == [("charge", 1190)]
    history = [event["type"] for event in gateway.doorstep("timeline", order)["events"]]
    assert history.count("billing.PaymentInDoubt.v1") == 1
    assert history.count("billing.PaymentCaptured.v1") == 1


def test_a_line_of_the_log_leads_to_its_order(gateway: Shop) -> None:
    """As docs/observability.md has it: the id in the line is one to ask for."""
    gateway.behave("gateway", mode="timeout_after_effect", every=1, count=1)
    order = _unpaid(gateway, 7007)
    gateway.until_invoiced(order)
    (line,) = (
        line for line in gateway.logged("billing", "call_unanswered") if line["entity"] == f"payment/{order}"
    )
    assert line["correlation"].startswith("CHANNELS/")
    told = gateway.doorstep("timeline", f"story:{line['correlation']}")
    assert told["orders"] == [order]
    steps = {event["type"] for event in told["events"]}
    assert {"orders.OrderReceived.v1", "billing.PaymentInDoubt.v1", "billing.PaymentCaptured.v1"} <= steps


def test_a_declined_card_holds_the_order_until_a_person_tries_again(gateway: Shop) -> None:
    """The hold says what the gateway said; released, it is a second attempt with a reference of its own."""
    gateway.behave("gateway", mode="decline", every=1, count=1)
    order = _unpaid(gateway, 7003)
    held = gateway.until(order, state="held")
    (hold,) = held["holds"]
    assert hold["reason"] == "payment_failed"
    assert "insufficient funds" in hold["detail"]
    released = gateway.post("orders", f"/orders/{order}/holds/payment_failed/release", SIGNED)
    assert released.status == 200, released
    assert gateway.until_invoiced(order)["payment"]["captured_minor"] == 1190
    assert _moved(gateway, order) == [("decline", 1190), ("charge", 1190)]


def test_cancelled_before_release_the_money_goes_back(gateway: Shop) -> None:
    """Captured while a person held it, then cancelled: units free again, refunded once, the customer told."""
    before = gateway.stock("DESK")
    gateway.behave("gateway", mode="fail_500")
    order = _unpaid(gateway, 7004, units=2, sku="DESK")
    pending = {"state": "pending", "captured_minor": 0, "refunded_minor": 0}
    gateway.until(order, state="accepted", payment=pending)
    assert gateway.post("orders", f"/orders/{order}/holds", SIGNED).status == 200
    gateway.behave("gateway", mode="ok")
    captured = lambda: gateway.order(order)["payment"]["captured_minor"] == 2380  # noqa: E731
    assert eventually(captured, WITHIN_SECONDS, "the held order is captured")
    assert gateway.order(order)["state"] == "held"

    cancelled = gateway.post("orders", f"/orders/{order}/cancel", SIGNED)
    assert cancelled.status == 200, cancelled
    assert [event["type"] for event in cancelled.json()["events"]] == ["orders.OrderCancelled.v1"]

    refunded = {"state": "refunded", "captured_minor": 2380, "refunded_minor": 2380}
    shown = gateway.until(order, state="cancelled", payment=refunded)
    assert (shown["fulfilment"]["state"], shown["fulfilment"]["parcels"], shown["invoices"]) == (
        "cancelled",
        [],
        [],
    )
    assert _moved(gateway, order) == [("charge", 2380), ("refund", 2380)]
    assert eventually(lambda: gateway.stock("DESK") == before, WITHIN_SECONDS, "the desks are free again")
    gateway.until_told(order, "order_confirmed", "refund_made")


def test_what_its_channel_collects_is_waited_for_and_never_charged(shop: Shop) -> None:
    """Shopify says pending, later paid: stock is promised meanwhile, and our gateway hears nothing of it."""
    pending = shopify_order(7006, "CLOCK", paid=False)
    assert shop.webhook(SHOPIFY, "orders/create", pending, "delivery-7006").status == 202
    awaited = {"state": "awaiting_channel", "captured_minor": 0, "refunded_minor": 0}
    shop.until("shopify:7006", state="accepted", payment=awaited)
    paid = shopify_order(7006, "CLOCK", updated_at="2026-11-21T10:30:00+01:00")
    assert shop.webhook(SHOPIFY, "orders/paid", paid, "delivery-7006-paid").status == 202
    assert shop.until_invoiced("shopify:7006")["payment"]["captured_minor"] == 1190
    assert _moved(shop, "shopify:7006") == []


def test_cancelled_at_the_channel_before_anything_was_collected(gateway: Shop) -> None:
    """Nothing to give back, and nothing is collected afterwards either."""
    assert (
        gateway.webhook(
            SHOPIFY, "orders/create", shopify_order(7005, "NO-SUCH-THING"), "delivery-7005"
        ).status
        == 202
    )
    gateway.until("shopify:7005", state="held")
    cancelled = shopify_order(
        7005,
        "NO-SUCH-THING",
        updated_at="2026-11-21T10:09:00+01:00",
        cancelled_at="2026-11-21T10:09:00+01:00",
        cancel_reason="customer",
    )
    assert gateway.webhook(SHOPIFY, "orders/cancelled", cancelled, "delivery-7005-cancelled").status == 202
    shown = gateway.until("shopify:7005", state="cancelled")
    assert shown["payment"] == {"state": "unpaid", "captured_minor": 0, "refunded_minor": 0}
    assert gateway.fetch("billing", "/orders/shopify:7005/money").status == 404
    assert _moved(gateway, "shopify:7005") == []


def _unpaid(shop: Shop, number: int, units: int = 1, sku: str = "CLOCK") -> str:
    """An order taken on the phone: its money is ours to collect."""
    body = canonical_order(PHONE, str(number), sku, units, payment={"state": "unpaid"})
    assert shop.webhook(PHONE, "order_placed", body, f"delivery-{number}").status == 202
    return f"{PHONE}:{number}"


def _moved(shop: Shop, order_id: str) -> list[tuple[str, int]]:
    """What the gateway did for an order, by its own account."""
    about: list[dict[str, Any]] = [
        record for record in shop.truth("gateway") if order_id in record["reference"]
    ]
    return [(record["kind"], record["amount_minor"]) for record in about]
