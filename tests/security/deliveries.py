"""Deliveries as the bytes on the wire: genuine ones, and their parts to make others of."""

from __future__ import annotations

import base64
import hmac
import time

from contracts.channels import OrderPlaced
from services.orders.intake.signatures import signature
from services.orders.intake.standard_webhooks import standard_signature
from tests.orders.situations import ORDER

BODY = OrderPlaced(order=ORDER).to_bytes()
SECRETS = {"shop": "s3cret", "shopify": "hush", "woocommerce": "wc_test_secret"}
BEFORE = "secret-before"
STANDARD_SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
SIGNED_BY = {
    "shop": "X-Doorstep-Hmac-Sha256",
    "shopify": "X-Shopify-Hmac-Sha256",
    "woocommerce": "X-WC-Webhook-Signature",
}
TOPICS = {
    "shop": ("X-Doorstep-Topic", "order_placed"),
    "shopify": ("X-Shopify-Topic", "orders/create"),
    "woocommerce": ("X-WC-Webhook-Topic", "order.created"),
}
type Headers = list[tuple[str, str]]


def request(
    channel: str,
    headers: Headers,
    body: bytes = BODY,
    *,
    method: str = "POST",
    path: str = "",
    length: str = "",
) -> bytes:
    """A request as it stands on the wire. `length` is what it says of its body, the truth where nothing is given."""
    first = f"{method} {path or f'/channels/{channel}/webhooks'} HTTP/1.1\r\nHost: hooks.shop.example\r\n"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    framing = f"Content-Length: {length or len(body)}\r\nConnection: close\r\n\r\n"
    return (first + lines + framing).encode("latin-1") + body


def signed(channel: str = "shop", body: bytes = BODY, secret: str = "", topic: str | None = None) -> Headers:
    """What a genuine delivery carries."""
    proof = signature(secret or SECRETS[channel], body).decode()
    name, usual = TOPICS[channel]
    return [(SIGNED_BY[channel], proof), (name, usual if topic is None else topic)]


def standard(
    body: bytes = BODY, *, at: float = 0.0, message_id: str = "msg_1", secret: str = STANDARD_SECRET
) -> Headers:
    """What a genuine delivery by the Standard Webhooks scheme carries, sent so many seconds from now."""
    moment = str(int(time.time() + at))
    return [
        ("webhook-id", message_id),
        ("webhook-timestamp", moment),
        ("webhook-signature", standard_signature(secret, message_id, moment, body).decode()),
        TOPICS["shop"],
    ]


def with_proof(proof: str, channel: str = "shop") -> Headers:
    return [(SIGNED_BY[channel], proof), TOPICS[channel]]


def replaced(headers: Headers, name: str, value: str) -> Headers:
    return [(known, value if known == name else was) for known, was in headers]


def digest(algorithm: str, secret: str = "s3cret", body: bytes = BODY) -> bytes:
    return hmac.new(secret.encode(), body, algorithm).digest()
