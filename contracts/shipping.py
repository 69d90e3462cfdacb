"""What the shipping service says: fulfilments, parcels, labels, tracking. Weights are grams."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from contracts.address import Address, Recipient
from contracts.event import Event
from contracts.identifiers import OrderId
from contracts.placed_order import Minor, Text, Units


class Milestone(StrEnum):
    """Where a parcel is, whatever the carrier calls it (reference 4.2)."""

    LABEL_CREATED = "label_created"
    PICKED_UP = "picked_up"
    IN_TRANSIT = "in_transit"
    DELAYED = "delayed"
    ON_HOLD = "on_hold"
    CUSTOMS = "customs"
    OUT_FOR_DELIVERY = "out_for_delivery"
    ATTEMPT_FAILED = "attempt_failed"
    READY_FOR_PICKUP = "ready_for_pickup"
    RETURN_TO_SENDER = "return_to_sender"
    LOST = "lost"
    DAMAGED = "damaged"
    DELIVERED = "delivered"
    RETURNED = "returned"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    VOID = "void"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedParcel:
    """What goes into one parcel."""

    parcel_id: str
    lines: tuple[Units, ...]
    weight_g: int


class FulfilmentPlanned(Event, type="shipping.FulfilmentPlanned.v1"):
    """The warehouse's work for one order: its parcels, and who will carry them."""

    order_id: OrderId
    fulfilment_id: str
    carrier: str
    ship_to: Address
    recipient: Recipient
    parcels: tuple[PlannedParcel, ...]
    ship_from: Text = ""


class LabelRequested(Event, type="shipping.LabelRequested.v1"):
    """The carrier is about to be asked for a label with this reference; once per parcel and attempt.

    A person who asks again is the `actor`, with the reason, and `ship_to` where the address was corrected.
    """

    order_id: OrderId
    fulfilment_id: str
    parcel_id: str
    carrier: str
    reference: str
    ship_to: Address | None = None
    actor: Text = ""
    reason: Text = ""


class LabelBought(Event, type="shipping.LabelBought.v1"):
    """The parcel has a label and a tracking number.

    `serial` is the number taken from our own range (absent where the carrier gave it); `hand_over_at` is when the
    autopilot hands the parcel over (absent where a person does).
    """

    order_id: OrderId
    fulfilment_id: str
    parcel_id: str
    carrier: str
    reference: str
    tracking_number: str
    tracking_url: str = ""
    cost_minor: Minor = 0
    currency: str = ""
    serial: int | None = None
    hand_over_at: datetime | None = None


class LabelFailed(Event, type="shipping.LabelFailed.v1"):
    """The carrier refused, and said why; a person has to change something, or grant a range (`range_exhausted`)."""

    order_id: OrderId
    fulfilment_id: str
    parcel_id: str
    carrier: str
    reason: Text
    range_exhausted: bool = False


class LabelVoided(Event, type="shipping.LabelVoided.v1"):
    """A label of a cancelled fulfilment was given back; if `accepted` is false the carrier would not, and said why."""

    order_id: OrderId
    fulfilment_id: str
    parcel_id: str
    carrier: str
    reference: str
    tracking_number: str
    accepted: bool = True
    reason: Text = ""


class ParcelDispatched(Event, type="shipping.ParcelDispatched.v1"):
    """Handed over to the carrier. `last` is true when nothing of the order is left in the house.

    `dispatched_at` is when; absent in events of older releases.
    """

    order_id: OrderId
    fulfilment_id: str
    parcel_id: str
    carrier: str
    tracking_number: str
    tracking_url: str = ""
    lines: tuple[Units, ...]
    recipient: Recipient
    actor: Text
    reason: Text = ""
    last: bool
    dispatched_at: datetime | None = None


class FulfilmentCancelled(Event, type="shipping.FulfilmentCancelled.v1"):
    """Stopped before hand-over; labels already bought are void."""

    order_id: OrderId
    fulfilment_id: str
    reason: Text
    voided: tuple[str, ...] = ()


class CancellationRefused(Event, type="shipping.CancellationRefused.v1"):
    """Too late: a parcel is already with the carrier."""

    order_id: OrderId
    reason: Text


class ParcelScanned(Event, type="shipping.ParcelScanned.v1"):
    """A carrier's scan, kept as it came. Moves the milestone only forward; a late one never moves it back.

    `actor` is who reported it.
    """

    order_id: OrderId
    parcel_id: str
    scan_id: str
    milestone: Milestone
    carrier_code: str
    scanned_at: datetime
    place: Text = ""
    advanced: bool
    actor: Text = ""


class TrackingRangeGranted(Event, type="shipping.TrackingRangeGranted.v1"):
    """A block of tracking numbers to use without a call: prefix + digits from first to last + check digit + suffix."""

    carrier: str
    range_id: str
    prefix: str
    first: int
    last: int
    suffix: str = ""
    actor: Text = ""
    reason: Text = ""
