"""Facts of other services that the tests of notify start from."""

from __future__ import annotations

from contracts.address import Recipient
from contracts.billing import JournalEntry, PaymentRefunded, Posting
from contracts.notify import NotificationQueued, NotificationSuppressed
from contracts.orders import OrderAccepted
from contracts.placed_order import Units
from contracts.shipping import ParcelDispatched
from services.notify.domain.reachable import NO_ADDRESS

ORDER = "shopify:1001"
ADA = Recipient(name="Ada Lindgren", email="ada@example.com", locale="en")
NOBODY = Recipient(name="Ada Lindgren")
LINES = (Units(sku="LAMP", quantity=2), Units(sku="BULB", quantity=1))


def accepted(to: Recipient = ADA, attempt: int = 1, order: str = ORDER, **more: object) -> OrderAccepted:
    return OrderAccepted(
        **{"order_id": order, "attempt": attempt, "currency": "EUR", "total_minor": 2998, "lines": LINES}
        | {"recipient": to}
        | more
    )


def dispatched(parcel: str = "p1", to: Recipient = ADA, **more: object) -> ParcelDispatched:
    usual = {
        "order_id": ORDER,
        "fulfilment_id": ORDER,
        "parcel_id": parcel,
        "carrier": "own_range",
        "tracking_number": "DS17",
        "tracking_url": "https://track.example/DS17",
        "lines": LINES,
        "recipient": to,
        "actor": "autopilot",
        "last": True,
    }
    return ParcelDispatched(**usual | more)


def refunded(
    refund: str = "r1", to: Recipient = ADA, minor: int = 1250, currency: str = "EUR"
) -> PaymentRefunded:
    postings = (Posting(account="refunds", amount_minor=minor), Posting(account="bank", amount_minor=-minor))
    return PaymentRefunded(
        order_id=ORDER,
        refund_id=refund,
        reference=f"{ORDER}:{refund}",
        currency=currency,
        amount_minor=minor,
        recipient=to,
        entry=JournalEntry(currency=currency, postings=postings),
    )


def confirmation_queued(order: str = ORDER, units: str = "3") -> NotificationQueued:
    return NotificationQueued(
        notification_id=f"{order}:order_confirmed",
        order_id=order,
        cause=f"order/{order}",
        template="order_confirmed",
        template_version=2,
        recipient=ADA,
        facts={"shop": "Lampen Lindgren", "order": "1001", "total": "29.98 EUR", "units": units},
    )


def confirmation_suppressed(reason: str = NO_ADDRESS) -> NotificationSuppressed:
    return NotificationSuppressed(
        notification_id=f"{ORDER}:order_confirmed",
        order_id=ORDER,
        cause=f"order/{ORDER}",
        template="order_confirmed",
        reason=reason,
    )
