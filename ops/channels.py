"""The channels a system takes orders from, and their secrets.

A secret comes from `DOORSTEP_CHANNELS__<NAME>__SECRET`. For a channel that has none, `doorstep up` draws one on
its first start and keeps it in `<data>/secrets/<name>`, readable by its owner only.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from pathlib import Path

from pydantic import BaseModel

from chassis.settings import SettingsWrong, section
from chassis.whole_file import draw_once
from ops.console import CannotDo


class Channel(BaseModel):
    """What the configuration says of a channel, as far as the operators' side needs it."""

    kind: str
    secret: str = ""


def channels() -> dict[str, Channel]:
    """The channels of the configuration, by name. Raises `CannotDo` naming a value that cannot be used."""
    try:
        return section("channels", dict[str, Channel])
    except SettingsWrong as wrong:
        raise CannotDo(str(wrong)) from None


def secrets_of(folder: Path) -> dict[str, str]:
    """Every channel's secret by channel name; missing ones are drawn and kept in the folder."""
    return {name: channel.secret or _kept(folder / name) for name, channel in channels().items()}


def variable(channel: str) -> str:
    """The environment variable that carries a channel's secret."""
    return f"DOORSTEP_CHANNELS__{channel.upper()}__SECRET"


def sign(secret: str, body: bytes) -> str:
    """The signature Shopify and WooCommerce put into their header: base64 of HMAC-SHA256 over the raw body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


HEADERS = {
    "shopify": ("X-Shopify-Hmac-Sha256", "X-Shopify-Topic", "X-Shopify-Webhook-Id", "X-Shopify-Shop-Domain"),
    "woocommerce": (
        "X-WC-Webhook-Signature",
        "X-WC-Webhook-Topic",
        "X-WC-Webhook-Delivery-ID",
        "X-WC-Webhook-Source",
    ),
}
"""By kind: what carries the signature, the topic, the id of the delivery, and the shop."""


def headers_of(kind: str, topic: str, delivery: str, source: str, signature: str) -> dict[str, str]:
    """The headers a channel of this kind puts on a webhook."""
    said = dict(zip(HEADERS[kind], (signature, topic, delivery, source), strict=True))
    return {"Content-Type": "application/json", **said}


def _kept(path: Path) -> str:
    if path.is_file():
        return path.read_text().strip()
    return draw_once(path, f"{secrets.token_hex(32)}\n".encode()).decode().strip()
