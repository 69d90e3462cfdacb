"""Whether a webhook comes from who it says: HMAC-SHA256 over the raw bytes, base64 in a header.

Shopify, WooCommerce and our canonical channels sign the same way and differ in the header's name only.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable

from multidict import MultiMapping

SIGNATURE_HEADERS = {
    "shopify": "X-Shopify-Hmac-Sha256",
    "woocommerce": "X-WC-Webhook-Signature",
    "canonical": "X-Doorstep-Hmac-Sha256",
}


def verify(kind: str, secrets: Iterable[str], body: bytes, headers: MultiMapping[str]) -> bool:
    """True when exactly one signature is given and one of the secrets made it. Compares in constant time.

    `secrets` are the current one and, while it is being changed, the one before; empty ones sign nothing.
    An empty body is never genuine: no channel sends one.
    """
    given = headers.getall(SIGNATURE_HEADERS[kind], [])
    if len(given) != 1 or not body:
        return False
    claimed = given[0].encode("utf-8", "surrogateescape")
    matches = [hmac.compare_digest(signature(secret, body), claimed) for secret in secrets if secret]
    return any(matches)


def signature(secret: str, body: bytes) -> bytes:
    """What the header must say for this body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
