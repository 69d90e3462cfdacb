"""The canonical order: what a customer bought, in one shape whatever the channel. All amounts are minor units.

Totals add up: sum of lines + shipping + adjustments (+ tax, where prices are net) = `total_minor`.
A line's and a shipping line's `total_minor` is after discounts, and includes tax exactly when
`prices_include_tax` is true.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from contracts.address import NOBODY, Address, Recipient
from contracts.event import Personal
from contracts.identifiers import ChannelName, ChannelOrderId, Currency, Quantity, Sku

type PaymentState = Literal["paid", "authorised", "unpaid", "refunded", "voided"]
type Text = Annotated[str, Field(max_length=500)]
type Sealable = Annotated[str, Field(max_length=4000)]
"""A `Text` of a person: sealed it is longer. What comes in is bounded where it is read."""
type Minor = Annotated[int, Field(ge=-(10**15), le=10**15)]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxLine:
    """Tax as the channel charged it. `rate` 0.19 means 19 %."""

    rate: Annotated[Decimal, Field(ge=0, le=10)]
    amount_minor: Minor
    title: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """One line. `sku` is empty where the channel's listing has none; `total_minor` = quantity x unit - discount."""

    line_id: Text
    sku: Sku | Literal[""]
    title: Text = ""
    quantity: Quantity
    unit_price_minor: Minor
    discount_minor: Minor = 0
    total_minor: Minor
    taxes: tuple[TaxLine, ...] = ()
    weight_g: Annotated[int, Field(ge=0)] = 0
    requires_shipping: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippingLine:
    """What the customer pays for delivery, after discounts."""

    title: Text = ""
    total_minor: Minor
    taxes: tuple[TaxLine, ...] = ()


type AdjustmentKind = Literal["fee", "tip", "duty", "gift_card", "rounding", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """Anything else that moves the total: fee, tip, duty, gift card, rounding. Negative lowers the total."""

    kind: AdjustmentKind
    title: Text = ""
    amount_minor: Minor
    taxes: tuple[TaxLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFacts:
    """What the channel says about the money. `reference` is the channel's own transaction, for payouts.

    `refunded_in_part`: some of it, not all, went back to the customer already.
    """

    state: PaymentState
    reference: Text = ""
    method: Text = ""
    refunded_in_part: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedOrder:
    """An order as placed. `version` grows with each change at the source: an older one never overwrites a newer.

    `cancel_reason` is a code, `other` for any that orders does not know; a customer's words belong into `note`.
    """

    channel: ChannelName
    channel_order_id: ChannelOrderId
    version: Annotated[int, Field(ge=0)] = 1
    placed_at: datetime
    currency: Currency
    prices_include_tax: bool = True
    lines: Annotated[tuple[OrderLine, ...], Field(max_length=2000)]
    shipping: tuple[ShippingLine, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    tax_minor: Minor = 0
    total_minor: Minor
    customer: Recipient = NOBODY
    ship_to: Address | None = None
    bill_to: Address | None = None
    payment: PaymentFacts
    cancelled_at: datetime | None = None
    cancel_reason: Text = ""
    note: Personal[Sealable] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """So many units of a SKU."""

    sku: Sku
    quantity: Quantity
