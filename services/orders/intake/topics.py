"""Which topics carry an order, and which are known to need nothing from us. As data."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

from contracts.placed_order import PlacedOrder
from services.orders.intake.fields import Fields
from services.orders.intake.shopify import shopify_order
from services.orders.intake.woocommerce import woocommerce_order

type Normaliser = Callable[[str, Fields, str], PlacedOrder]
"""From channel, body and topic to the canonical order; raises `Wrong`."""

TOPIC = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,99}")

SHOPIFY_ORDER_TOPICS = (
    "orders_create",
    "orders_updated",
    "orders_paid",
    "orders_cancelled",
    "orders_fulfilled",
    "orders_partially_fulfilled",
)
WOOCOMMERCE_ORDER_TOPICS = ("order_created", "order_updated", "order_restored", "order_deleted")

NORMALISERS: dict[tuple[str, str], Normaliser] = {
    **{("shopify", topic): shopify_order for topic in SHOPIFY_ORDER_TOPICS},
    **{("woocommerce", topic): woocommerce_order for topic in WOOCOMMERCE_ORDER_TOPICS},
}

CARRIED_BY_THE_ORDER = "the order's own update carries what matters of it"
NOT_ORDERS = "no order in it"

HARMLESS: dict[str, dict[str, str]] = {
    "shopify": {
        "orders_edited": CARRIED_BY_THE_ORDER,
        "orders_delete": "only closed or cancelled orders can be deleted at the channel",
        "orders_risk_assessment_changed": NOT_ORDERS,
        "orders_shopify_protect_eligibility_changed": NOT_ORDERS,
        "order_transactions_create": CARRIED_BY_THE_ORDER,
        "refunds_create": CARRIED_BY_THE_ORDER,
        "fulfillments_": CARRIED_BY_THE_ORDER,
        "fulfillment_": CARRIED_BY_THE_ORDER,
        "draft_orders_": "a draft is not an order yet",
        "checkouts_": "a checkout is not an order yet",
        "carts_": "a cart is not an order yet",
        "products_": NOT_ORDERS,
        "variants_": NOT_ORDERS,
        "collections_": NOT_ORDERS,
        "collection_": NOT_ORDERS,
        "inventory_": NOT_ORDERS,
        "locations_": NOT_ORDERS,
        "customers_": NOT_ORDERS,
        "customer_": NOT_ORDERS,
        "themes_": NOT_ORDERS,
        "shop_": NOT_ORDERS,
        "app_": NOT_ORDERS,
        "bulk_operations_": NOT_ORDERS,
    },
    "woocommerce": {
        "product_": NOT_ORDERS,
        "coupon_": NOT_ORDERS,
        "customer_": NOT_ORDERS,
        "subscription_": "the orders that a subscription makes come by themselves",
    },
    "canonical": {},
}
"""By kind of channel: the start of a topic, and why it needs nothing."""

ERASE = "the channel asks to have a customer forgotten: look at the message, `doorstep erase` them, then discard it"
WISHES: dict[tuple[str, str], str] = {
    ("shopify", "customers_redact"): ERASE,
    ("shopify", "customers_data_request"): (
        "the channel asks what is known of a customer: look at the message, `doorstep export` it, then discard this"
    ),
    ("shopify", "shop_redact"): (
        "the shop removed the app, and asks to have its customers forgotten: `doorstep erase` each, then discard this"
    ),
}
"""By kind of channel and topic: what a person has to do within thirty days, as the law has it (GDPR article 12(3);
Shopify calls them mandatory compliance webhooks). No machine erases anybody because a message says so.
"""


def topic_token(topic: str) -> str:
    """A channel's topic as it stands in a subject: `orders/create` and `order.created` with underscores."""
    return re.sub(r"[/.]", "_", topic).lower()


def digest_of(topic: str, body: bytes) -> str:
    """The id of a message that has none: the same for the same body under the same topic."""
    return hashlib.sha256(topic_token(topic).encode() + b"\n" + body).hexdigest()


def harmless(kind: str, topic: str) -> str:
    """Why a topic needs nothing from us; empty where that is not known."""
    return next((why for start, why in HARMLESS.get(kind, {}).items() if topic.startswith(start)), "")


def is_only_an_id(body: Any) -> bool:
    """What WooCommerce sends when an order was deleted for good: `{"id": 17}`."""
    return isinstance(body, dict) and "line_items" not in body and body.keys() <= {"id", "status", "number"}
