"""Orders to lose, if anything can be lost: a mix of every kind, and for each the only endings that are right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any

from tests.story.orders import UNIT_MINOR, canonical_order, shopify_order, woocommerce_order
from tests.story.shop import MARKET, PHONE, SHOPIFY, WOOCOMMERCE

PLENTIFUL = tuple(f"PLENTY{n}" for n in range(8))
SCARCE, SCARCE_UNITS = "SCARCE", 9
STOCK = dict.fromkeys(PLENTIFUL, 50_000) | {SCARCE: SCARCE_UNITS}
UNHEARD_OF = "UNHEARD-OF"
"""An article that nobody ever imports: its orders wait."""
LATER = "2026-11-21T11:00:00+01:00"
SENT_TWICE_SHARE = 0.2


class Kind(StrEnum):
    """What kind of order it is, with how many of a hundred are."""

    PAID = "paid at the channel"
    UNPAID = "collected by our gateway"
    WITHDRAWN = "held for an unknown article, and cancelled by its channel"
    RACED = "cancelled by its channel soon: before release, at the warehouse, or too late"
    WANTED = "for the last units of a scarce article"
    GARBLED = "no order that anybody could read"


SHARES = {
    Kind.PAID: 76,
    Kind.UNPAID: 15,
    Kind.WITHDRAWN: 2,
    Kind.RACED: 4,
    Kind.WANTED: 2,
    Kind.GARBLED: 1,
}
CHANNELS = dict.fromkeys(Kind, (SHOPIFY,)) | {Kind.PAID: (SHOPIFY, WOOCOMMERCE, MARKET)}
"""Where orders come from whose money the channel collects; the others come on the phone."""


@dataclass(frozen=True)
class Delivery:
    """One webhook; `name` is the channel's id of the delivery."""

    channel: str
    topic: str
    body: bytes
    name: str


@dataclass(frozen=True)
class Sale:
    """One order as its customer placed it, and the webhooks that tell of it."""

    kind: Kind
    order_id: str
    sku: str
    units: int
    email: str
    unpaid: bool
    deliveries: tuple[Delivery, ...] = field(repr=False)

    @property
    def total_minor(self) -> int:
        return self.units * UNIT_MINOR


def sales(random: Random, first: int, count: int) -> list[Sale]:
    """So many orders, numbered from `first`: the same ones for the same random seed."""
    kinds = random.choices(list(SHARES), weights=list(SHARES.values()), k=count)
    return [_sale(random, kind, number) for number, kind in enumerate(kinds, first)]


def one_of_each(random: Random, first: int) -> list[Sale]:
    """A handful that meets every point of every service: some paid, some to collect, some cancelled."""
    kinds = [Kind.PAID] * 6 + [Kind.UNPAID] * 4 + [Kind.RACED] * 3 + [Kind.WITHDRAWN]
    return [_sale(random, kind, number) for number, kind in enumerate(kinds, first)]


def _sale(random: Random, kind: Kind, number: int) -> Sale:
    sku = {Kind.WITHDRAWN: UNHEARD_OF, Kind.WANTED: SCARCE}.get(kind) or random.choice(PLENTIFUL)
    units = 1 if kind is Kind.WANTED else random.randint(1, 3)
    unpaid = kind is Kind.UNPAID or (kind is Kind.RACED and random.random() < 0.5)
    channel = PHONE if unpaid else random.choice(CHANNELS[kind])
    email = f"customer.{number}@example.com"
    told = list(_told(kind, channel, number, sku, units, email))
    if random.random() < SENT_TWICE_SHARE:
        again = random.choice(told)
        name = random.choice((again.name, f"{again.name}-again"))
        told.append(Delivery(again.channel, again.topic, again.body, name))
    return Sale(kind, f"{channel}:{number}", sku, units, email, unpaid, tuple(told))


def _told(kind: Kind, channel: str, number: int, sku: str, units: int, email: str) -> Iterator[Delivery]:
    if kind is Kind.GARBLED:
        yield Delivery(channel, "orders/create", b'{"id": %d, "line_items": [' % number, f"d-{number}")
        return
    topic, body = _placed(channel, number, sku, units, email)
    yield Delivery(channel, topic, json.dumps(body).encode(), f"d-{number}")
    if kind in (Kind.WITHDRAWN, Kind.RACED):
        topic, body = _cancelled(channel, body)
        yield Delivery(channel, topic, json.dumps(body).encode(), f"d-{number}-cancelled")


def _placed(channel: str, number: int, sku: str, units: int, email: str) -> tuple[str, dict[str, Any]]:
    """Topic and body, in the channel's own words."""
    if channel == SHOPIFY:
        return "orders/create", shopify_order(number, sku, units, email=email)
    if channel == WOOCOMMERCE:
        body = woocommerce_order(number, sku, units)
        body["billing"]["email"] = email
        return "order.created", body
    customer = {"name": "Mary Shelley", "email": email, "locale": "en"}
    facts = {"state": "unpaid" if channel == PHONE else "paid"}
    body = canonical_order(channel, str(number), sku, units, customer=customer, payment=facts)
    return "order_placed", body


def _cancelled(channel: str, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The same order, called off by its customer an hour later."""
    off = {"cancelled_at": LATER, "cancel_reason": "customer"}
    if channel == SHOPIFY:
        return "orders/cancelled", body | off | {"updated_at": LATER}
    return "order_placed", {"order": body["order"] | off | {"version": 2}}
