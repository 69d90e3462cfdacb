"""Small bodies of our own, in the shapes that Shopify and WooCommerce send, and the way to have them read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from chassis.declare import Message
from contracts.placed_order import PlacedOrder
from services.orders.intake.read import read
from services.orders.intake.reading import Placed, Reading, Unreadable
from services.orders.settings import ChannelSettings

CHANNELS = {
    "shopify": ChannelSettings(kind="shopify", secret="hush"),
    "woocommerce": ChannelSettings(kind="woocommerce", secret="sesame"),
    "retail": ChannelSettings(kind="canonical", secret="mellon", previous_secret="friend"),
}
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def message(channel: str, topic: str, data: bytes) -> Message:
    return Message("CHANNELS", 7, f"evt.channels.{channel}.{topic}", {}, data, NOON)


def reading(channel: str, topic: str, body: Any) -> Reading:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read(message(channel, topic, data), CHANNELS)


def placed(channel: str, topic: str, body: Any) -> PlacedOrder:
    found = reading(channel, topic, body)
    assert isinstance(found, Placed), found
    return found.order


def refused(channel: str, topic: str, body: Any) -> str:
    found = reading(channel, topic, body)
    assert isinstance(found, Unreadable), found
    return found.reason


def shopify_line(**more: Any) -> dict[str, Any]:
    line = {
        "id": 11,
        "product_id": 5,
        "sku": "LAMP",
        "name": "Lamp - brass",
        "quantity": 2,
        "price": "10.00",
        "grams": 400,
        "requires_shipping": True,
        "tax_lines": [{"price": "3.80", "rate": 0.19, "title": "MwSt"}],
        "discount_allocations": [],
    }
    return line | more


def shopify_body(**more: Any) -> dict[str, Any]:
    body = {
        "id": 1001,
        "order_number": 1,
        "created_at": "2026-11-21T10:00:00+01:00",
        "updated_at": "2026-11-21T10:00:01+01:00",
        "currency": "EUR",
        "taxes_included": False,
        "financial_status": "paid",
        "payment_gateway_names": ["shopify_payments"],
        "email": "ada@example.com",
        "customer_locale": "de-DE",
        "total_discounts": "0.00",
        "total_tax": "3.80",
        "total_price": "23.80",
        "line_items": [shopify_line()],
        "shipping_lines": [],
        "customer": {"first_name": "Ada", "last_name": "Byron"},
        "shipping_address": {
            "name": "Ada Byron",
            "address1": "Hauptstr. 1",
            "zip": "10115",
            "city": "Berlin",
            "country_code": "DE",
            "province_code": "BE",
        },
    }
    return body | more


def woo_line(**more: Any) -> dict[str, Any]:
    line = {
        "id": 21,
        "name": "Lamp",
        "sku": "LAMP",
        "quantity": 2,
        "subtotal": "20.00",
        "subtotal_tax": "3.80",
        "total": "20.00",
        "total_tax": "3.80",
        "taxes": [{"id": 3, "total": "3.8", "subtotal": "3.8"}],
    }
    return line | more


def woo_body(**more: Any) -> dict[str, Any]:
    body = {
        "id": 727,
        "status": "processing",
        "currency": "EUR",
        "prices_include_tax": False,
        "date_created_gmt": "2026-11-21T09:00:00",
        "date_modified_gmt": "2026-11-21T09:00:01",
        "date_paid_gmt": "2026-11-21T09:00:01",
        "total": "23.80",
        "total_tax": "3.80",
        "payment_method": "stripe",
        "transaction_id": "ch_1",
        "billing": {
            "first_name": "Ada",
            "last_name": "Byron",
            "address_1": "Hauptstr. 1",
            "city": "Berlin",
            "postcode": "10115",
            "country": "DE",
            "email": "ada@example.com",
            "phone": "030 1",
        },
        "shipping": {"first_name": "", "last_name": "", "address_1": "", "city": "", "country": ""},
        "line_items": [woo_line()],
        "tax_lines": [{"rate_id": 3, "rate_percent": 19, "label": "MwSt"}],
        "shipping_lines": [],
        "fee_lines": [],
    }
    return body | more
