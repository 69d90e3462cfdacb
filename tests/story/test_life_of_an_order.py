"""The life of an order, read from top to bottom: from the click to the parcel, the invoice and the explained payout."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import eventually
from tests.story.orders import canonical_order, shopify_order, woocommerce_order
from tests.story.shop import MARKET, SHOPIFY, WITHIN_SECONDS, WOOCOMMERCE, Shop

pytestmark = pytest.mark.slow

THE_WAY = (
    ("orders", "OrderReceived"),
    ("orders", "OrderAccepted"),
    ("inventory", "StockReserved"),
    ("orders", "PaymentRequested"),
    ("billing", "PaymentDue"),
    ("billing", "PaymentCaptured"),
    ("orders", "PaymentConfirmed"),
    ("orders", "OrderReleased"),
    ("shipping", "FulfilmentPlanned"),
    ("shipping", "LabelBought"),
    ("shipping", "ParcelDispatched"),
)
"""What happens one after the other to an order that is paid at its channel; afterwards three services go on at once."""
AND_THEN = {
    ("orders", "ParcelHandedOver"),
    ("orders", "OrderFulfilled"),
    ("orders", "InvoiceNoted"),
    ("inventory", "StockDispatched"),
    ("billing", "InvoiceIssued"),
    ("notify", "NotificationQueued"),
    ("notify", "NotificationSent"),
}


@pytest.fixture(scope="module")
def lamp_order(shop: Shop) -> dict[str, Any]:
    """Shopify order 1001: two lamps of ten, paid at the channel, all the way to its invoice."""
    answer = shop.webhook(SHOPIFY, "orders/create", shopify_order(1001, "LAMP", 2), delivery="delivery-1001")
    assert answer.status == 202, answer
    assert answer.json()["stored"] > 0
    return shop.until_invoiced("shopify:1001")


def test_a_signed_webhook_becomes_a_fulfilled_order(lamp_order: dict[str, Any]) -> None:
    """The shape that others build on; every field of it, and nothing personal."""
    (parcel,), (invoice,) = lamp_order["fulfilment"]["parcels"], lamp_order["invoices"]
    documented = {
        "order_id": "shopify:1001",
        "channel": "shopify",
        "channel_order_id": "1001",
        "state": "fulfilled",
        "holds": [],
        "currency": "EUR",
        "total_minor": 2380,
        "lines": [{"sku": "LAMP", "quantity": 2, "total_minor": 2380}],
        "payment": {"state": "captured", "captured_minor": 2380, "refunded_minor": 0},
        "fulfilment": {"state": "dispatched", "parcels": [parcel]},
        "invoices": [invoice],
    }
    assert {name: lamp_order[name] for name in documented} == documented
    assert set(parcel) == {"parcel_id", "tracking_number", "milestone"}
    assert all(parcel.values())
    assert invoice.startswith("INV")
    assert "Ada" not in json.dumps(lamp_order)


def test_its_units_left_the_stock(shop: Shop, lamp_order: dict[str, Any]) -> None:
    """Ten lamps, two sold: eight are left, and none is still promised."""
    assert lamp_order["state"] == "fulfilled"
    left = {"on_hand": 8, "reserved": 0, "available": 8}
    assert eventually(lambda: shop.stock("LAMP") == left, WITHIN_SECONDS, "two lamps have left")


def test_its_invoice_can_be_read_and_printed(shop: Shop, lamp_order: dict[str, Any]) -> None:
    """19 % of 23.80 gross are 3.80: what the customer gets is what the books say."""
    (number,) = lamp_order["invoices"]
    invoice = shop.get("billing", f"/invoices/{number}")
    assert (invoice["number"], invoice["order_id"]) == (number, "shopify:1001")
    assert [(vat["net_minor"], vat["tax_minor"], vat["gross_minor"]) for vat in invoice["vat"]] == [
        (2000, 380, 2380)
    ]
    first, again = (shop.fetch("billing", f"/invoices/{number}.pdf") for _ in range(2))
    assert first.body.startswith(b"%PDF-")
    assert first.body == again.body


def test_its_label_can_be_printed_in_both_forms(shop: Shop, lamp_order: dict[str, Any]) -> None:
    """For the office printer and for the label printer, with the same tracking number."""
    (parcel,) = lamp_order["fulfilment"]["parcels"]
    pdf = shop.fetch("shipping", f"/parcels/{parcel['parcel_id']}/label.pdf")
    zpl = shop.fetch("shipping", f"/parcels/{parcel['parcel_id']}/label.zpl")
    assert pdf.body.startswith(b"%PDF-")
    assert zpl.body.startswith(b"^XA")
    assert parcel["tracking_number"].encode() in zpl.body


def test_its_customer_is_told_twice_and_not_more(shop: Shop, lamp_order: dict[str, Any]) -> None:
    """One message for the order, one for the parcel with its number: as files in the mail folder."""
    shop.until_told("shopify:1001", "order_confirmed", "parcel_dispatched")
    mails = shop.mails("ada.1001@example.com")
    assert len({mail["Message-ID"] for mail in mails}) == len(mails) == 2
    (parcel,) = lamp_order["fulfilment"]["parcels"]
    assert sum(parcel["tracking_number"] in _text(mail) for mail in mails) == 1


def test_its_timeline_tells_everything_in_order_and_why(shop: Shop, lamp_order: dict[str, Any]) -> None:
    """Complete: no step is missing and none is there twice; each names a cause that is told before it."""
    assert lamp_order["state"] == "fulfilled"
    shop.until_told("shopify:1001", "order_confirmed", "parcel_dispatched")
    told = shop.doorstep("timeline", "shopify:1001")
    assert (told["order_id"], told["state"]["state"]) == ("shopify:1001", "fulfilled")
    steps = [(event["service"], event["type"].split(".")[1]) for event in told["events"]]
    assert _in_this_order(THE_WAY, steps)
    assert set(steps) == {*THE_WAY, *AND_THEN}
    assert len(steps) == len(THE_WAY) + len(AND_THEN) + 2, "only the two messages come twice"
    assert all(event["reason"] for event in told["events"])
    known = {"CHANNELS"}
    for event in told["events"]:
        assert event["cause"] in known or event["cause"].startswith("CHANNELS/"), event
        known.add(event["id"])


def test_the_past_can_be_asked_for(shop: Shop, lamp_order: dict[str, Any]) -> None:
    """What was known when stock was reserved: the order was accepted, and not more."""
    events = shop.doorstep("timeline", lamp_order["order_id"])["events"]
    reserved = next(event for event in events if event["type"] == "inventory.StockReserved.v1")
    then = shop.doorstep("timeline", lamp_order["order_id"], "--at", reserved["time"])
    assert then["state"]["state"] == "accepted"
    assert "orders.PaymentRequested.v1" not in [event["type"] for event in then["events"]]


def test_a_woocommerce_webhook_goes_the_same_way(shop: Shop) -> None:
    """Net prices with tax beside them come out at the same gross total."""
    answer = shop.webhook(
        WOOCOMMERCE, "order.created", woocommerce_order(2001, "MUG", 3), delivery="woo-2001"
    )
    assert answer.status == 202, answer
    order = shop.until_invoiced("woocommerce:2001")
    assert (order["total_minor"], order["payment"]["captured_minor"]) == (3570, 3570)
    assert eventually(lambda: shop.stock("MUG")["on_hand"] == 2, WITHIN_SECONDS, "three mugs have left")
    shop.until_told("woocommerce:2001", "order_confirmed", "parcel_dispatched")


def test_a_publisher_s_event_goes_the_same_way(shop: Shop, tmp_path: Path) -> None:
    """`doorstep publish` with our own schema: no HTTP, no signature, the same order."""
    file = tmp_path / "order.json"
    file.write_text(json.dumps(canonical_order(MARKET, "M-3001", "VASE", 4)))
    said = shop.doorstep("publish", "--channel", MARKET, "--topic", "order_placed", str(file))
    assert said == {"published": 1}
    order = shop.until_invoiced("market:M-3001")
    assert order["lines"] == [{"sku": "VASE", "quantity": 4, "total_minor": 4760}]
    assert eventually(lambda: shop.stock("VASE")["on_hand"] == 1, WITHIN_SECONDS, "four vases have left")


def test_its_payout_is_explained_to_the_cent(shop: Shop, lamp_order: dict[str, Any]) -> None:
    """The channel keeps 0.89 of 23.80: the payout is tied to the order, its fee is named, the books balance."""
    assert lamp_order["payment"]["captured_minor"] == 2380
    line = {"kind": "charge", "reference": "1001", "gross_minor": 2380, "fee_minor": 89, "net_minor": 2291}
    statement = {
        "provider": "shopify",
        "payout_id": "po-1",
        "currency": "EUR",
        "total_minor": 2291,
        "lines": [line],
    }
    answer = shop.post("billing", "/payouts", statement)
    reconciled = {"state": "reconciled", "matched_minor": 2291, "unexplained_minor": 0, "unexplained": []}
    assert answer.status in (200, 201), answer
    assert {name: answer.json()[name] for name in reconciled} == reconciled
    found = shop.get("billing", "/payouts/po-1")
    assert {name: found[name] for name in reconciled} == reconciled
    assert shop.get("billing", "/ledger")["balanced"] is True


def test_a_cent_too_much_is_named(shop: Shop, lamp_order: dict[str, Any]) -> None:
    """An unknown line is not hidden in the total: it is listed with its amount and the reason."""
    assert lamp_order["order_id"] == "shopify:1001"
    line = {"kind": "charge", "reference": "nobody-knows", "gross_minor": 1, "fee_minor": 0, "net_minor": 1}
    statement = {
        "provider": "shopify",
        "payout_id": "po-2",
        "currency": "EUR",
        "total_minor": 1,
        "lines": [line],
    }
    answer = shop.post("billing", "/payouts", statement).json()
    assert (answer["state"], answer["unexplained_minor"]) == ("unexplained", 1)
    (unexplained,) = answer["unexplained"]
    assert (unexplained["line"], unexplained["amount_minor"]) == (0, 1)
    assert "nobody-knows" in unexplained["reason"]


def _in_this_order(wanted: Sequence[Any], found: Sequence[Any]) -> bool:
    """Every wanted element is found after the one before it."""
    rest = iter(found)
    return all(step in rest for step in wanted)


def _text(mail: Any) -> str:
    parts = [part for part in mail.walk() if part.get_content_type() == "text/plain"]
    return "".join(part.get_payload(decode=True).decode() for part in parts)
