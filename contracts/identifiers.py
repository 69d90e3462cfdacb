"""Names of things on the wire, with the formats they must have.

An order's id is its natural key, `<channel>:<channel order id>`: the same order sent twice meets itself.
Every other id is derived from the id of what caused it, never drawn at random, so that a replay and a
redelivery find the same entity.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from contracts.currencies import known

type ChannelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
"""A configured channel: `shopify`, `shop-de`, `retail`. Part of NATS subjects, so no dots."""

type ChannelOrderId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._#-]{0,63}$")]
"""The id the channel gave the order."""

NATURAL_KEY = r"^[a-z][a-z0-9_-]{0,31}:[A-Za-z0-9][A-Za-z0-9._#-]{0,63}$"
type OrderId = Annotated[str, Field(pattern=NATURAL_KEY)]
"""`<channel>:<channel order id>`."""

type Sku = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""Stock keeping unit, as the shop writes it; no control characters."""

type Location = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]
"""A place that holds stock."""

type Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$"), AfterValidator(known)]
"""ISO 4217 code of a currency that has a minor unit."""

type Quantity = Annotated[int, Field(ge=1, le=1_000_000)]
"""Whole units, at least one."""


def order_id(channel: str, channel_order_id: str) -> str:
    """The id of an order: its channel and the channel's own id."""
    return f"{channel}:{channel_order_id}"
