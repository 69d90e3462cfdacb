"""An example of any event, made from its types and the names of its fields: always the same one.

They are the first golden messages of a new event. They are well formed, not meaningful: amounts of one
example need not add up, except where building an unbalanced value is refused.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAliasType, Union, get_args, get_origin, get_type_hints

from contracts.billing import JournalEntry
from contracts.event import Event

TEXTS: Mapping[str, str] = {
    "order_id": "shopify:1001",
    "orders": "shopify:1001",
    "channel": "shopify",
    "channel_order_id": "1001",
    "order_number": "#1001",
    "message": "CHANNELS/17",
    "subject": "evt.channels.shopify.orders_create",
    "stream": "CHANNELS",
    "sku": "LAMP-OAK",
    "skus": "LAMP-OAK",
    "title": "Oak lamp",
    "currency": "EUR",
    "location": "MAIN",
    "name": "Ada Lindgren",
    "email": "ada@example.com",
    "phone": "+49 30 901820",
    "company": "Lindgren GmbH",
    "line1": "Lindenstraße 9",
    "line2": "3. Stock",
    "city": "Berlin",
    "region": "BE",
    "postcode": "10969",
    "country": "DE",
    "locale": "en",
    "actor": "ops:mira",
    "owner": "warehouse",
    "reason": "as asked by the customer",
    "entity": "order/shopify:1001",
    "state": "fulfilled",
    "carrier": "own_range",
    "tracking_number": "DS0000000017",
    "tracking_url": "https://track.example/DS0000000017",
    "parcel_id": "shopify:1001:p1",
    "payment_id": "shopify:1001",
    "reference": "shopify:1001:capture",
    "gateway": "sandbox",
    "number": "DE-2026-000017",
    "series": "DE-2026",
    "barcode": "4006381333931",
    "notification_id": "shopify:1001:order_confirmed",
    "message_id": "<shopify-1001-order_confirmed@shop.example>",
    "cause": "order/shopify:1001",
    "body_sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
}
"""Texts by field name; any other text is its field's name."""

NUMBERS: Mapping[str, int] = {
    "quantity": 2,
    "total_minor": 2998,
    "gross_minor": 2998,
    "net_minor": 2519,
    "tax_minor": 479,
    "unit_price_minor": 1499,
    "price_minor": 1499,
    "fee_minor": 90,
    "amount_minor": 2998,
    "captured_minor": 2998,
    "paid_minor": 2998,
    "weight_g": 1200,
    "available": 7,
    "on_hand": 9,
    "reserved": 2,
}
"""Whole numbers by field name; any other is 1."""

MAPPINGS: Mapping[str, Mapping[str, str | int]] = {
    "facts": {"shop": "Doorstep", "order": "1001", "total": "29.98 EUR", "units": "2"},
    "weights": {"LAMP": 1200},
}
"""Values by field name that are mappings themselves."""

PLAIN: Mapping[Any, Any] = {
    bool: True,
    Decimal: "0.19",
    datetime: "2026-11-21T12:00:00Z",
    date: "2026-11-21",
}
BALANCED: Mapping[type, Any] = {
    JournalEntry: {
        "currency": "EUR",
        "postings": [
            {"account": "clearing:shopify", "amount_minor": 2998},
            {"account": "customers", "amount_minor": -2998},
        ],
    },
}
"""Types that refuse values which are only well formed."""


def complete(model: type[Event]) -> dict[str, Any]:
    """An example with every field, as JSON values the way they are on the wire."""
    encoded = model.model_validate(_fields(model, every=True)).to_bytes()
    example: dict[str, Any] = json.loads(encoded)
    return example


def minimal(model: type[Event]) -> dict[str, Any]:
    """An example with the fields that must be there, at every depth, and no other."""
    return _fields(model, every=False)


def _fields(kind: Any, *, every: bool) -> dict[str, Any]:
    fields = _declared(kind)
    return {name: _value(name, shape, every) for name, shape, required in fields if every or required}


def _declared(kind: Any) -> Iterator[tuple[str, Any, bool]]:
    """Name, type and whether it must be there, of each field of a model or a dataclass."""
    if issubclass(kind, Event):
        yield from (
            (name, field.annotation, field.is_required()) for name, field in kind.model_fields.items()
        )
        return
    hints = get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        optional = (
            field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        )
        yield field.name, hints[field.name], not optional


def _value(name: str, shape: Any, every: bool) -> Any:
    shape = _unwrapped(shape)
    origin = get_origin(shape)
    if origin is Literal:
        return get_args(shape)[0]
    if origin is tuple:
        return [_value(name, get_args(shape)[0], every)]
    if origin is dict:
        return MAPPINGS[name]
    return BALANCED.get(shape) or _single(name, shape, every)


def _single(name: str, shape: Any, every: bool) -> Any:
    if dataclasses.is_dataclass(shape) or issubclass(shape, Event):
        return _fields(shape, every=every)
    if shape is str:
        return TEXTS.get(name, name)
    if shape is int:
        return NUMBERS.get(name, 1)
    if issubclass(shape, StrEnum):
        return next(iter(shape))
    return PLAIN[shape]


def _unwrapped(shape: Any) -> Any:
    """The type behind aliases, `Annotated`, and a union with None or an empty text."""
    origin = get_origin(shape)
    if isinstance(shape, TypeAliasType):
        return _unwrapped(shape.__value__)
    if isinstance(origin, TypeAliasType):
        return _unwrapped(get_args(shape)[0])
    if origin is Annotated:
        return _unwrapped(get_args(shape)[0])
    if origin in (Union, UnionType):
        return _unwrapped(next(option for option in get_args(shape) if option is not NoneType))
    return shape
