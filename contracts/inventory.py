"""What the inventory service says: SKUs, movements of stock, reservations. Quantities are whole units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field

from contracts.event import Event
from contracts.identifiers import Currency, Location, OrderId, Quantity, Sku
from contracts.placed_order import Minor, Text, Units


@dataclass(frozen=True, slots=True, kw_only=True)
class StockLine:
    """Units of a SKU at a location."""

    sku: Sku
    location: Location
    quantity: Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Short:
    """A demand that cannot be met. `known` is false where the SKU was never registered."""

    sku: str
    asked: int
    available: int
    known: bool = True


class SkuRegistered(Event, type="inventory.SkuRegistered.v1"):
    """A SKU exists from now on. Price is per unit, in minor units. `actor` is who brought the file in."""

    sku: Sku
    title: Text = ""
    barcode: str = ""
    price_minor: Minor = 0
    currency: Currency
    vat_class: str = "standard"
    weight_g: Annotated[int, Field(ge=0)] = 0
    actor: Text = ""


class SkuAmended(Event, type="inventory.SkuAmended.v1"):
    """Master data changed; what was sold before keeps what it had. `actor` is who brought the file in."""

    sku: Sku
    title: Text = ""
    barcode: str = ""
    price_minor: Minor = 0
    currency: Currency
    vat_class: str = "standard"
    weight_g: Annotated[int, Field(ge=0)] = 0
    actor: Text = ""


class StockReceived(Event, type="inventory.StockReceived.v1"):
    """Units came in. `reference` is the document (delivery note, file and row): the same one counts once.

    `opening` marks opening stock, which counts once per SKU and location whatever its reference.
    """

    sku: Sku
    location: Location
    quantity: Quantity
    reason: Text
    actor: Text
    reference: Text
    opening: bool = False


class StockAdjusted(Event, type="inventory.StockAdjusted.v1"):
    """A correction: count, damage, return. `quantity` is the difference and may be negative, never zero.

    `opening` marks a correction of the opening stock.
    """

    sku: Sku
    location: Location
    quantity: int
    reason: Text
    actor: Text
    reference: Text
    opening: bool = False


class WriteOffRequested(Event, type="inventory.WriteOffRequested.v1"):
    """More units, or more worth, than one person may take off the books: they stay until a second one has approved it.

    `quantity` is the difference and negative; `value_minor` is what the units cost in the catalogue. `actor` asked.
    """

    sku: Sku
    location: Location
    quantity: int
    currency: Currency
    value_minor: Minor
    reason: Text
    actor: Text
    reference: Text
    asked_at: datetime


class WriteOffApproved(Event, type="inventory.WriteOffApproved.v1"):
    """A second person agrees: the stock is adjusted in the same decision."""

    sku: Sku
    location: Location
    reference: Text
    actor: Text
    reason: Text


class WriteOffDenied(Event, type="inventory.WriteOffDenied.v1"):
    """A second person does not agree: the books stay as they are."""

    sku: Sku
    location: Location
    reference: Text
    actor: Text
    reason: Text


class StockReserved(Event, type="inventory.StockReserved.v1"):
    """All lines of an order are promised to it, at one point in time, until `expires_at`.

    `weights` are grams per unit of a SKU, where the catalogue knows them.
    """

    order_id: OrderId
    attempt: int
    lines: tuple[StockLine, ...]
    expires_at: datetime
    weights: dict[str, int] = Field(default_factory=dict)


class ReservationRefused(Event, type="inventory.ReservationRefused.v1"):
    """Not every line could be promised, so none was. `short` names each SKU with what was asked and available.

    Nothing is short where nothing is left to promise: the order's last parcel had gone when it was asked for.
    """

    order_id: OrderId
    attempt: int
    short: tuple[Short, ...]


class ReservationReleased(Event, type="inventory.ReservationReleased.v1"):
    """The promise was taken back; the units are available again."""

    order_id: OrderId
    lines: tuple[StockLine, ...]
    reason: Text


class ReservationExpired(Event, type="inventory.ReservationExpired.v1"):
    """The promise ran out before the order was handed over; the units are available again."""

    order_id: OrderId
    lines: tuple[StockLine, ...]


class StockDispatched(Event, type="inventory.StockDispatched.v1"):
    """Reserved units left the house with a parcel.

    `missing` left as well, though the books held nothing free to deduct them from: a count has to explain them.
    `last` says that it was the order's last parcel: nothing is promised to that order any more.
    """

    order_id: OrderId
    parcel_id: str
    lines: tuple[StockLine, ...]
    missing: tuple[Units, ...] = ()
    last: bool = False


class AvailabilityChangedV1(Event, type="inventory.AvailabilityChanged.v1"):
    """How much of a SKU can be sold. Superseded by v2, which says why; read through the upcaster."""

    sku: Sku
    available: int


class AvailabilityChanged(Event, type="inventory.AvailabilityChanged.v2"):
    """How much of a SKU can be sold: available = on hand - reserved. Told at once to and from zero, else debounced.

    Until `quiet_until` nothing more is said of this SKU, unless it goes to or from zero.
    """

    sku: Sku
    available: int
    on_hand: int
    reserved: int
    quiet_until: datetime | None = None
