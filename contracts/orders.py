"""What the orders service says: the order's own axis, its holds, and what it asks of the others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from contracts.address import NOBODY, Address, Recipient
from contracts.channels import ReturnReported
from contracts.event import Event
from contracts.identifiers import OrderId
from contracts.placed_order import (
    AdjustmentKind,
    Minor,
    PaymentFacts,
    PaymentState,
    PlacedOrder,
    TaxLine,
    Text,
    Units,
)


class HoldReason(StrEnum):
    """Why an order may not go on. Each has an owner, and is released by a person or when its cause is gone."""

    SKU_UNMAPPED = "sku_unmapped"
    TOTALS_MISMATCH = "totals_mismatch"
    ADDRESS_INVALID = "address_invalid"
    STOCK_SHORT = "stock_short"
    PAYMENT_FAILED = "payment_failed"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class BillLine:
    """What billing has to put on an invoice for one position: goods, shipping or an adjustment.

    `adjustment` is which kind of one it is; absent for the others, and in events of older releases.
    """

    kind: Literal["goods", "shipping", "adjustment"]
    sku: str = ""
    title: str = ""
    quantity: int = 1
    total_minor: Minor
    taxes: tuple[TaxLine, ...] = ()
    adjustment: AdjustmentKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """The money side of an order, frozen when payment is asked for. Prices as the customer saw them."""

    prices_include_tax: bool
    lines: tuple[BillLine, ...]
    tax_minor: Minor
    buyer: Address
    recipient: Recipient = NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedLine:
    """A line for the warehouse."""

    line_id: Text
    sku: str
    title: Text = ""
    quantity: int
    weight_g: int = 0


class OrderReceived(Event, type="orders.OrderReceived.v1"):
    """An order was seen for the first time, in the canonical schema. `actor` is who typed it in, if a person did."""

    order_id: OrderId
    order: PlacedOrder
    actor: Text = ""


class OrderRevised(Event, type="orders.OrderRevised.v1"):
    """The channel sent a newer version. `applied` is false where it came too late to change what ships.

    `actor` is who typed it in, if a person did.
    """

    order_id: OrderId
    order: PlacedOrder
    applied: bool
    reason: Text = ""
    actor: Text = ""


class OrderAccepted(Event, type="orders.OrderAccepted.v1"):
    """The order is sound: stock may be reserved. `attempt` grows each time it is accepted again after a hold."""

    order_id: OrderId
    attempt: int
    currency: str
    total_minor: Minor
    lines: tuple[Units, ...]
    recipient: Recipient


class OrderHeld(Event, type="orders.OrderHeld.v1"):
    """The order may not go on until this reason is released. `skus` names the lines it waits for.

    `expires_at` is the limit after which the order is cancelled; None means it waits for as long as it takes.
    `actor` is the person who placed it; empty where a rule did.
    """

    order_id: OrderId
    reason: HoldReason
    detail: Text
    owner: Text
    skus: tuple[Units, ...] = ()
    since: datetime | None = None
    expires_at: datetime | None = None
    actor: Text = ""


class HoldReleased(Event, type="orders.HoldReleased.v1"):
    """One reason is gone. `actor` is a person, or `doorstep` where the cause vanished by itself."""

    order_id: OrderId
    reason: HoldReason
    actor: Text
    note: Text = ""


class PaymentAwaited(Event, type="orders.PaymentAwaited.v1"):
    """Stock is reserved, and the channel that collects the money has not said yet that it is paid.

    `weights` as in `PaymentRequested`.
    """

    order_id: OrderId
    channel: str
    state: PaymentState
    weights: dict[str, int] = Field(default_factory=dict)


class PaymentRequested(Event, type="orders.PaymentRequested.v1"):
    """Stock is reserved: billing is asked to record or to collect the money.

    `ships` is false where no parcel will leave: then the invoice is due as soon as the money is there. `weights`,
    in grams per unit, is what the catalogue said of goods whose channel told none: kept until the release.
    """

    order_id: OrderId
    attempt: int
    channel: str
    currency: str
    total_minor: Minor
    payment: PaymentFacts
    bill: Bill
    ships: bool = True
    weights: dict[str, int] = Field(default_factory=dict)


class PaymentConfirmed(Event, type="orders.PaymentConfirmed.v1"):
    """Billing has the money: noted in the order's own history."""

    order_id: OrderId
    amount_minor: Minor


class RefundConfirmed(Event, type="orders.RefundConfirmed.v1"):
    """Billing gave money back: noted in the order's own history."""

    order_id: OrderId
    refund_id: str
    amount_minor: Minor


class OrderReleased(Event, type="orders.OrderReleased.v1"):
    """Reserved, paid, no hold open: the warehouse may start."""

    order_id: OrderId
    ship_to: Address
    recipient: Recipient
    lines: tuple[ReleasedLine, ...]


class CancellationRequested(Event, type="orders.CancellationRequested.v1"):
    """The order is already with the warehouse: shipping is asked to stop it. The order waits for the answer."""

    order_id: OrderId
    reason: Text
    actor: Text


class CancellationDeclined(Event, type="orders.CancellationDeclined.v1"):
    """Too late: something was handed over. The order goes on; a return is the way back."""

    order_id: OrderId
    reason: Text


class OrderCancelled(Event, type="orders.OrderCancelled.v1"):
    """The end of an order that nothing was handed over for: stock is freed and money given back.

    `by_channel` is true where the channel itself has cancelled or refunded: what it collected is its to give back.
    """

    order_id: OrderId
    reason: Text
    actor: Text
    by_channel: bool = False


class RefundReported(Event, type="orders.RefundReported.v1"):
    """The channel says of an order that was cancelled here that it has given its money back."""

    order_id: OrderId
    channel: str


class ParcelHandedOver(Event, type="orders.ParcelHandedOver.v1"):
    """Part of the order left the house: noted in the order's own history."""

    order_id: OrderId
    parcel_id: str
    carrier: str
    tracking_number: str
    lines: tuple[Units, ...]


class ParcelProgressed(Event, type="orders.ParcelProgressed.v1"):
    """The carrier moved a parcel to its next milestone: noted in the order's own history."""

    order_id: OrderId
    parcel_id: str
    milestone: str


class InvoiceNoted(Event, type="orders.InvoiceNoted.v1"):
    """Billing issued an invoice: noted in the order's own history."""

    order_id: OrderId
    number: str
    total_minor: Minor


class OrderFulfilled(Event, type="orders.OrderFulfilled.v1"):
    """Every line was handed over to a carrier."""

    order_id: OrderId


class ReturnRecorded(Event, type="orders.ReturnRecorded.v1"):
    """A return or credit that names no order: kept for a person, moves no stock."""

    return_id: str
    report: ReturnReported


class CustomerForgotten(Event, type="orders.CustomerForgotten.v1"):
    """The key to a person's data was destroyed: nobody can read that data any more, in any copy. Names no person.

    `key` is its id, as it stands beside what it sealed; `orders` are those it had sealed. `bodies` are the keys of
    messages that named the person, though no order was read from them: they are destroyed, too.
    """

    key: str
    orders: tuple[OrderId, ...] = ()
    bodies: tuple[str, ...] = ()
    actor: Text
    reason: Text


class MessageRefused(Event, type="orders.MessageRefused.v1"):
    """A channel's message that is no order we can read. Kept byte for byte on CHANNELS at `stream_seq`."""

    message: str
    stream: str
    stream_seq: int
    subject: str
    reason: Text
    body_sha256: str
    body_bytes: int
