"""The one table of everything that is said: which event, who says it, who listens.

Subjects, consumers, NATS permissions, the JSON Schemas and the AsyncAPI document are derived from here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from contracts import billing, channels, inventory, notify, orders, shipping
from contracts.event import Event
from contracts.parking import REFUSALS, SERVICES
from contracts.upcasters import newest

STREAMS = {producer: producer.upper() for producer in ("channels", *SERVICES)}


class UnknownEvent(LookupError):
    """No model for this type and version: parked until a release knows it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event type and the services that consume it (besides everyone who reads streams for audit)."""

    model: type[Event]
    consumers: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        return self.model.TYPE

    @property
    def producer(self) -> str:
        return self.type.split(".")[0]

    @property
    def stream(self) -> str:
        return STREAMS[self.producer]

    @property
    def subject(self) -> str:
        return subject_of(self.type)


def subject_of(event_type: str) -> str:
    """`orders.OrderAccepted.v1` is published on `evt.orders.order_accepted.v1`."""
    producer, name, version = event_type.split(".")
    return f"evt.{producer}.{re.sub(r'(?<!^)(?=[A-Z])', '_', name).lower()}.{version}"


CATALOGUE: tuple[Entry, ...] = (
    Entry(channels.OrderPlaced, ("orders",)),
    Entry(channels.ReturnReported, ("orders",)),
    Entry(orders.OrderReceived),
    Entry(orders.OrderRevised),
    Entry(orders.OrderAccepted, ("inventory", "notify")),
    Entry(orders.OrderHeld),
    Entry(orders.HoldReleased),
    Entry(orders.PaymentAwaited),
    Entry(orders.PaymentRequested, ("billing",)),
    Entry(orders.PaymentConfirmed),
    Entry(orders.RefundConfirmed),
    Entry(orders.OrderReleased, ("shipping",)),
    Entry(orders.CancellationRequested, ("shipping",)),
    Entry(orders.CancellationDeclined),
    Entry(orders.OrderCancelled, ("inventory", "billing")),
    Entry(orders.RefundReported, ("billing",)),
    Entry(orders.ParcelHandedOver),
    Entry(orders.ParcelProgressed),
    Entry(orders.InvoiceNoted),
    Entry(orders.OrderFulfilled),
    Entry(orders.ReturnRecorded),
    Entry(orders.CustomerForgotten),
    Entry(orders.MessageRefused),
    Entry(inventory.SkuRegistered, ("orders",)),
    Entry(inventory.SkuAmended),
    Entry(inventory.StockReceived),
    Entry(inventory.StockAdjusted),
    Entry(inventory.WriteOffRequested),
    Entry(inventory.WriteOffApproved),
    Entry(inventory.WriteOffDenied),
    Entry(inventory.StockReserved, ("orders",)),
    Entry(inventory.ReservationRefused, ("orders",)),
    Entry(inventory.ReservationReleased),
    Entry(inventory.ReservationExpired, ("orders",)),
    Entry(inventory.StockDispatched),
    Entry(inventory.AvailabilityChangedV1, ("orders",)),
    Entry(inventory.AvailabilityChanged, ("orders",)),
    Entry(billing.PaymentDue),
    Entry(billing.CaptureStarted),
    Entry(billing.PaymentInDoubt),
    Entry(billing.PaymentCaptured, ("orders",)),
    Entry(billing.PaymentFailed, ("orders",)),
    Entry(billing.PaymentClosed),
    Entry(billing.RefundRequested),
    Entry(billing.RefundApproved),
    Entry(billing.RefundDenied),
    Entry(billing.RefundStarted),
    Entry(billing.PaymentRefunded, ("orders", "notify")),
    Entry(billing.RefundFailed),
    Entry(billing.InvoiceIssued, ("orders",)),
    Entry(billing.PayoutReported),
    Entry(billing.PayoutReconciled),
    Entry(billing.PayoutUnexplained),
    Entry(shipping.FulfilmentPlanned),
    Entry(shipping.LabelRequested),
    Entry(shipping.LabelBought),
    Entry(shipping.LabelFailed),
    Entry(shipping.LabelVoided),
    Entry(shipping.ParcelDispatched, ("orders", "inventory", "billing", "notify")),
    Entry(shipping.FulfilmentCancelled, ("orders",)),
    Entry(shipping.CancellationRefused, ("orders",)),
    Entry(shipping.ParcelScanned, ("orders",)),
    Entry(shipping.TrackingRangeGranted),
    Entry(notify.NotificationQueued),
    Entry(notify.NotificationSent),
    Entry(notify.NotificationFailed),
    Entry(notify.NotificationSuppressed),
    *(
        Entry(model)
        for said in REFUSALS.values()
        for model in (said.parked, said.retried, said.discarded, said.command_refused)
    ),
)

BY_TYPE: dict[str, Entry] = {entry.type: entry for entry in CATALOGUE}


def sources_of(service: str) -> dict[str, tuple[str, ...]]:
    """The streams a service reads, each with the subjects it needs of it: every version of each event.

    A version that this release does not know is delivered too, so that it is parked and not passed over.
    """
    subjects: dict[str, dict[str, None]] = {}
    for entry in CATALOGUE:
        if service in entry.consumers:
            any_version = f"{entry.subject.rpartition('.')[0]}.*"
            subjects.setdefault(entry.stream, {})[any_version] = None
    if STREAMS["channels"] in subjects:
        subjects[STREAMS["channels"]] = {"evt.channels.>": None}
    return {stream: tuple(filters) for stream, filters in subjects.items()}


def decode(event_type: str, data: bytes) -> Event:
    """The event, in its newest version. Raises `UnknownEvent`, or pydantic's `ValidationError` for a wrong shape."""
    entry = BY_TYPE.get(event_type)
    if entry is None:
        raise UnknownEvent(f"no model for {event_type!r}")
    return newest(entry.model.model_validate_json(data))
