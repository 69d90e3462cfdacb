"""Who and where: the parts of an order that describe a person."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Annotated, ClassVar

from pydantic import Field

from contracts.event import Personal
from contracts.frozen import replace

TEXT_MAX = 500
"""Characters of each text of a person. What channels tell beyond is cut, what people type in is refused: events have
room for what is sealed, which is longer, and whoever is quoted later is looked for in time.
"""
REGION_CODE = re.compile(r"[A-Z0-9]{1,3}|[A-Z]{2}-?[A-Z0-9]{1,4}")
"""Of ISO 3166-2, without its country or with it, as shop systems write them: `BE`, `JP13`, `TH-37`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address. `country` is ISO 3166-1 alpha-2; `region` a state or province by its code."""

    SEALED_TOGETHER: ClassVar[bool] = True

    name: Personal[str] = ""
    company: Personal[str] = ""
    line1: Personal[str] = ""
    line2: Personal[str] = ""
    city: Personal[str] = ""
    region: str = ""
    postcode: Personal[str] = ""
    country: str = ""
    phone: Personal[str] = ""


def with_region_code(address: Address) -> Address:
    """The address, where a region that is no code is a part of the town, as far as there is room: people type anything
    there, and a region is not sealed.
    """
    if not address.region or REGION_CODE.fullmatch(address.region):
        return address
    return replace(
        address, region="", city=", ".join(filter(None, (address.city, address.region)))[:TEXT_MAX]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Whom to write to. `email` is empty where the channel gave none; `locale` is a BCP 47 tag.

    `order_number` is what the order is called towards them (`#1001`), where that is not the channel's id of it.
    `mailable` is whether `email` can be an address at all, told where it is sealed and nobody can look any more.
    """

    name: Personal[str] = ""
    email: Personal[str] = ""
    locale: str = "en"
    mailable: bool | None = None
    order_number: Annotated[str, Field(max_length=500)] = ""


NOBODY = Recipient()
"""No name, no address: a guest of whom the channel told nothing."""


def require_short(path: str, text: object) -> None:
    """Raises `ValueError` with the path of a text, or of one within, that has more than `TEXT_MAX` characters."""
    if isinstance(text, Address | Recipient):
        for field in fields(text):
            require_short(f"{path}.{field.name}", getattr(text, field.name))
    elif isinstance(text, str) and len(text) > TEXT_MAX:
        raise ValueError(f"{path} should have at most {TEXT_MAX} characters")
