"""What an event says, in words: a table by event type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ops.history.reasons import by_whom
from ops.page.wording import TEMPLATES, money, plain

type Facts = Mapping[str, Any]


def counted(n: int, thing: str) -> str:
    """`1 parcel`, `2 parcels`."""
    return f"{n:,} {thing}" + "s" * (n != 1)


def units(lines: list[Facts]) -> str:
    """`2 × MUG-OAT, 1 × LAMP-BRASS`, the rest counted from the fourth on."""
    said = [f"{line['quantity']} × {line['sku']}" for line in lines[:3]]
    return ", ".join(said) + (f" and {len(lines) - 3} more" if len(lines) > 3 else "")


def amount_of(facts: Facts, field: str = "amount_minor") -> str:
    """An amount of an event that carries its currency."""
    return money(facts.get(field), facts.get("currency", "EUR"))


def _received(facts: Facts) -> str:
    order = facts["order"]
    lines = counted(len(order["lines"]), "line")
    return f"Received from {order['channel']}: {lines}, {money(order['total_minor'], order['currency'])}"


def _scanned(facts: Facts) -> str:
    place = f" in {facts['place']}" if facts.get("place") else ""
    return f"Scanned: {plain(facts['milestone'])}{place}"


def _planned(facts: Facts) -> str:
    return f"Planned: {counted(len(facts['parcels']), 'parcel')} with {plain(facts['carrier'])}"


def _short(facts: Facts) -> str:
    if not facts["short"]:
        return "Nothing is left to reserve: the last parcel has gone"
    return f"Stock could not be reserved ({'; '.join(map(_missing, facts['short']))})"


def _missing(short: Facts) -> str:
    if not short.get("known", True):
        return f"{short['sku']}: not in the catalogue"
    return f"{short['sku']}: {short['asked']} asked, {short['available']} available"


STORY: dict[str, Callable[[Facts], str]] = {
    "orders.OrderReceived": _received,
    "orders.OrderRevised": lambda facts: (
        "A newer version came from the channel"
        + ("" if facts["applied"] else f", not applied: {facts.get('reason', '')}")
    ),
    "orders.OrderAccepted": lambda facts: f"Accepted: stock is asked for ({units(facts['lines'])})",
    "orders.OrderHeld": lambda facts: (
        f"On hold, {plain(facts['reason'])}: {facts['detail']} (owner: {facts['owner']})"
    ),
    "orders.HoldReleased": lambda facts: (
        f"Hold {plain(facts['reason'])} released by {facts['actor']}: {facts.get('note', '')}".rstrip(": ")
    ),
    "orders.PaymentRequested": lambda facts: (
        f"Billing is asked for {amount_of(facts, 'total_minor')} ({facts['payment']['state']} at the channel)"
    ),
    "orders.PaymentAwaited": lambda facts: (
        f"Waiting for {plain(facts['channel'])} to collect the money ({facts['state']} there)"
    ),
    "orders.PaymentConfirmed": lambda _: "Payment confirmed",
    "orders.RefundConfirmed": lambda _: "The refund is confirmed",
    "orders.OrderReleased": lambda _: "Reserved, paid, nothing open: released to the warehouse",
    "orders.CancellationRequested": lambda facts: f"{facts['actor']} wants to cancel: {facts['reason']}",
    "orders.CancellationDeclined": lambda facts: f"Cannot be cancelled any more: {facts['reason']}",
    "orders.OrderCancelled": lambda facts: f"Cancelled by {facts['actor']}: {facts['reason']}",
    "orders.RefundReported": lambda facts: f"{plain(facts['channel'])} gave the money back",
    "orders.ParcelHandedOver": lambda facts: f"Noted: parcel {facts['tracking_number']} left the house",
    "orders.ParcelProgressed": lambda facts: f"Noted: the parcel is {plain(facts['milestone'])}",
    "orders.InvoiceNoted": lambda facts: f"Noted: invoice {facts['number']}",
    "orders.OrderFulfilled": lambda _: "Everything was handed over: fulfilled",
    "inventory.StockReserved": lambda facts: f"Reserved: {units(facts['lines'])}",
    "inventory.ReservationRefused": _short,
    "inventory.ReservationReleased": lambda facts: f"Reservation released: {facts['reason']}",
    "inventory.ReservationExpired": lambda _: "The reservation ran out",
    "inventory.StockDispatched": lambda facts: f"Left the stock: {units(facts['lines'])}",
    "billing.PaymentDue": lambda facts: f"{amount_of(facts, 'total_minor')} is due",
    "billing.CaptureStarted": lambda facts: (
        f"The gateway ({facts['gateway']}) is asked to capture {amount_of(facts)} (reference {facts['reference']})"
    ),
    "billing.PaymentInDoubt": lambda facts: (
        f"The gateway's answer was lost ({facts['reason']}); it is asked by our reference"
    ),
    "billing.PaymentCaptured": lambda facts: (
        f"{amount_of(facts)} captured by the {facts['source']} (reference {facts['reference'] or 'none'})"
    ),
    "billing.PaymentFailed": lambda facts: f"Payment failed: {facts['reason']}",
    "billing.PaymentClosed": lambda facts: f"Nothing is collected any more: {facts['reason']}",
    "billing.RefundRequested": lambda facts: (
        f"Refund of {amount_of(facts)} waits for a second person; {facts['actor']} asks: {facts['reason']}"
    ),
    "billing.RefundApproved": lambda facts: f"{facts['actor']} approves the refund: {facts['reason']}",
    "billing.RefundDenied": lambda facts: f"{facts['actor']} denies the refund: {facts['reason']}",
    "billing.RefundStarted": lambda facts: f"Refund of {amount_of(facts)} begun: {facts['reason']}",
    "billing.PaymentRefunded": lambda facts: f"{amount_of(facts)} refunded",
    "billing.RefundFailed": lambda facts: f"Refund failed: {facts['reason']}",
    "billing.InvoiceIssued": lambda facts: (
        f"Invoice {facts['number']} for {amount_of(facts, 'total_minor')}"
        + (f"; to be looked at: {facts['vat_note']}" if facts.get("vat_note") else "")
    ),
    "shipping.FulfilmentPlanned": _planned,
    "shipping.LabelRequested": lambda facts: f"The carrier ({plain(facts['carrier'])}) is asked for a label",
    "shipping.LabelBought": lambda facts: f"Label bought: {facts['tracking_number']}",
    "shipping.LabelVoided": lambda facts: (
        f"Label {facts['tracking_number']} given back"
        if facts.get("accepted", True)
        else f"The carrier does not take label {facts['tracking_number']} back: {facts.get('reason', '')}"
    ),
    "shipping.LabelFailed": lambda facts: f"No label: {facts['reason']}",
    "shipping.ParcelDispatched": lambda facts: (
        f"Parcel {facts['tracking_number']} handed over by {facts['actor']}"
    ),
    "shipping.FulfilmentCancelled": lambda facts: f"Stopped in the warehouse: {facts['reason']}",
    "shipping.CancellationRefused": lambda facts: f"Too late to stop: {facts['reason']}",
    "shipping.ParcelScanned": _scanned,
    "notify.NotificationQueued": lambda facts: (
        f"Message due: {TEMPLATES.get(facts['template'], plain(facts['template']))}"
    ),
    "notify.NotificationSent": lambda _: "Message sent",
    "notify.NotificationFailed": lambda facts: f"Message refused by the mail system: {facts['reason']}",
    "notify.NotificationSuppressed": lambda facts: f"No message: {facts['reason']}",
}
"""What an event says in words, by its type without the version."""


def story(event_type: str, facts: Facts) -> str:
    """An event in words; one that has none yet by its name and reason."""
    name = event_type.rpartition(".")[0]
    if tell := STORY.get(name):
        return by_whom(tell(facts).strip(), facts)
    said = "".join(f" {sign.lower()}" if sign.isupper() else sign for sign in name.partition(".")[2]).strip()
    return f"{said.capitalize()}: {facts['reason']}" if facts.get("reason") else said.capitalize()
