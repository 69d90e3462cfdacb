"""Why something happened, in a short sentence per event: a table, filled with the event's own facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.money import from_minor

REASONS: Mapping[str, str] = {
    "OrderReceived": "{channel} sent the order: {lines} for {total_minor}",
    "OrderRevised": "the channel sent a newer version: {reason}",
    "OrderAccepted": "accepted, attempt {attempt}: inventory is asked for {lines}",
    "OrderHeld": "held by {owner}: {reason}, {detail}",
    "HoldReleased": "{reason} is gone: released by {actor}, {note}",
    "PaymentRequested": "stock is reserved: billing is asked for {total_minor}, attempt {attempt}",
    "PaymentAwaited": "stock is reserved: {channel} has to collect the money first (it says {state})",
    "PaymentConfirmed": "billing has {amount_minor}",
    "RefundConfirmed": "billing gave {amount_minor} back",
    "OrderReleased": "reserved, paid, nothing holds it: the warehouse may start on {lines}",
    "CancellationRequested": "{actor} wants it stopped: {reason}",
    "CancellationDeclined": "too late to stop: {reason}",
    "OrderCancelled": "cancelled by {actor}: {reason}",
    "RefundReported": "{channel} says that it gave the money back",
    "ParcelHandedOver": "{carrier} has parcel {parcel_id} with {lines}",
    "ParcelProgressed": "parcel {parcel_id} is {milestone}",
    "InvoiceNoted": "invoice {number} for {total_minor}",
    "CustomerForgotten": "{actor} had the customer forgotten: {reason}",
    "OrderFulfilled": "every line was handed over",
    "SkuRegistered": "the catalogue has it now: {title}",
    "SkuAmended": "the catalogue was amended: {title}",
    "StockReceived": "{quantity} came in at {location} ({reference}), booked by {actor}: {reason}",
    "StockAdjusted": "{quantity} at {location} ({reference}), corrected by {actor}: {reason}",
    "WriteOffRequested": "{quantity} at {location} ({reference}) waits for a second person: {actor} asks, {reason}",
    "WriteOffApproved": "{actor} approves the write-off {reference}: {reason}",
    "WriteOffDenied": "{actor} denies the write-off {reference}: {reason}",
    "StockReserved": "reserved {lines} until {expires_at}",
    "ReservationRefused": "not enough stock: {short}",
    "ReservationReleased": "promise taken back ({reason}): {lines}",
    "ReservationExpired": "the promise ran out: {lines}",
    "StockDispatched": "left the books with parcel {parcel_id}: {lines}",
    "PaymentDue": "{total_minor} is owed",
    "CaptureStarted": "{gateway} is about to be asked for {amount_minor} under {reference}",
    "PaymentInDoubt": "no answer for {reference} ({reason}): asked again by reference, never charged again",
    "PaymentCaptured": "{amount_minor} collected by the {source}",
    "PaymentFailed": "not collected: {reason}",
    "PaymentClosed": "nothing is collected any more: {reason}",
    "RefundRequested": "{amount_minor} waits for a second person: {actor} asks ({reason})",
    "RefundApproved": "{actor} approves the refund: {reason}",
    "RefundDenied": "{actor} denies the refund: {reason}",
    "RefundStarted": "{amount_minor} is about to be given back ({reason})",
    "PaymentRefunded": "{amount_minor} given back",
    "RefundFailed": "refund refused: {reason}",
    "InvoiceIssued": "invoice {number} for {total_minor}, parcel {parcel_id}",
    "PayoutReported": "{provider} pays {total_minor} out",
    "PayoutReconciled": "every cent is tied to something: {matched_minor}",
    "PayoutUnexplained": "{matched_minor} is tied to something, {unexplained_minor} to nothing",
    "FulfilmentPlanned": "planned with {carrier}: {parcels}",
    "LabelRequested": "{carrier} is asked for a label for parcel {parcel_id}",
    "LabelBought": "{carrier} gave {tracking_number} to parcel {parcel_id}",
    "LabelVoided": "{carrier} took the label of parcel {parcel_id} back {reason}",
    "LabelFailed": "{carrier} refused a label for parcel {parcel_id}: {reason}",
    "ParcelDispatched": "{actor} handed parcel {parcel_id} to {carrier}: {lines}",
    "FulfilmentCancelled": "stopped before hand-over: {reason}",
    "CancellationRefused": "a parcel is with the carrier already: {reason}",
    "ParcelScanned": "the carrier scanned parcel {parcel_id}: {milestone} {place}",
    "NotificationQueued": "{template} is due, because of {cause}",
    "NotificationSent": "handed to the mail system as {message_id}",
    "NotificationFailed": "the mail system refused it: {reason}",
    "NotificationSuppressed": "{template} is not sent: {reason}",
    "CommandRefused": "{command} by {actor} refused while {state}: {reason}",
    "MessageParked": "put aside: {reason}",
    "ParkedMessageRetried": "tried again by {actor}: {reason}",
    "ParkedMessageDiscarded": "let go by {actor}: {reason}",
}

UNNAMED = "unnamed"
"""The actor of a command whose giver nobody knows (`chassis.http`)."""
TAX_TO_LOOK_AT = "; to be looked at: {vat_note}"
WITHOUT_SHORTAGE = "nothing is left to promise: the order's last parcel has gone"


def reason_for(event_type: str, facts: Mapping[str, Any], currency: str | None = None) -> str:
    """The sentence for `inventory.StockReserved.v1`; for a type without one, its name in words.

    `currency` is the order's, for events that name an amount and leave its currency to the order.
    """
    name = event_type.split(".")[1]
    template = REASONS.get(name)
    if name == "ReservationRefused" and facts.get("short") == []:
        template = WITHOUT_SHORTAGE
    if template and facts.get("vat_note"):
        template += TAX_TO_LOOK_AT
    if template is None:
        return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
    return by_whom(template.format_map(Words(facts, currency)).strip(" ,"), facts)


def by_whom(said: str, facts: Mapping[str, Any]) -> str:
    """The sentence with who gave the command, where there was one who said so and the sentence does not."""
    actor = facts.get("actor")
    return f"{said} (by {actor})" if actor and actor != UNNAMED and actor not in said else said


class Words(dict[str, str]):
    """An event's facts as text: amounts with their currency, lines as `2 × LAMP at MAIN`, missing ones empty."""

    def __init__(self, facts: Mapping[str, Any], currency: str | None = None) -> None:
        flat = {**facts.get("order", {}), **facts} if isinstance(facts.get("order"), dict) else dict(facts)
        named = flat.get("currency") or currency
        super().__init__({name: _text(name, value, named) for name, value in flat.items()})

    def __missing__(self, name: str) -> str:
        return ""


def _text(name: str, value: Any, currency: str | None) -> str:
    if name.endswith("_minor") and isinstance(value, int):
        return f"{from_minor(value, currency)} {currency}" if currency else f"{value} minor units"
    if isinstance(value, list):
        return ", ".join(_item(item) for item in value)
    return str(value)


def _item(item: Any) -> str:
    match item:
        case {"sku": sku, "known": False}:
            return f"{sku}, which is not in the catalogue"
        case {"asked": asked, "available": available, "sku": sku}:
            return f"{sku}, asked {asked}, available {available}"
        case {"sku": sku, "quantity": quantity, "location": location}:
            return f"{quantity} × {sku} at {location}"
        case {"sku": sku, "quantity": quantity}:
            return f"{quantity} × {sku or 'an unnamed line'}"
        case {"parcel_id": parcel}:
            return f"parcel {parcel}"
        case _:
            return str(item)
