"""Orders as billing sees them, small and complete, and the service under test."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from contracts.address import Address, Recipient
from contracts.billing import (
    CaptureStarted,
    InvoiceIssued,
    JournalEntry,
    PaymentCaptured,
    PaymentDue,
    Posting,
    Seller,
)
from contracts.orders import Bill, BillLine, OrderCancelled, PaymentRequested
from contracts.placed_order import PaymentFacts, TaxLine, Units
from contracts.shipping import ParcelDispatched
from services.billing.settings import BillingSettings, ShopSettings
from services.billing.wiring import declare
from tests.spec import NOON, Given, Spec, Then

ORDER = "shopify:1001"
PAYMENT = f"payment/{ORDER}"
THE_DAY_BEFORE = NOON - timedelta(days=1)
"""When parcels left the house: billing hears of it later."""
ANNA = Recipient(name="Anna Berg", email="anna@example.org")
BERLIN = Address(name="Anna Berg", line1="Lindenallee 3", postcode="10115", city="Berlin", country="DE")
SELLER = Seller(name="Lantern & Loom", lines=("Hafenstrasse 7", "Hamburg", "DE"), vat_id="DE123456789")
SHOP = ShopSettings(
    name="Lantern & Loom", address=("Hafenstrasse 7", "Hamburg"), country="DE", vat_id="DE123456789"
)

billing_service = declare(BillingSettings(), SHOP)
billing = Spec(billing_service)


def tax(rate: str, amount_minor: int) -> TaxLine:
    return TaxLine(rate=Decimal(rate), amount_minor=amount_minor)


def goods(sku: str, total_minor: int, *taxes: TaxLine, quantity: int = 1) -> BillLine:
    return BillLine(
        kind="goods", sku=sku, title=sku.title(), quantity=quantity, total_minor=total_minor, taxes=taxes
    )


def delivery(total_minor: int, *taxes: TaxLine) -> BillLine:
    return BillLine(kind="shipping", title="Delivery", total_minor=total_minor, taxes=taxes)


def adjustment(total_minor: int, *taxes: TaxLine, kind: Any = None) -> BillLine:
    return BillLine(kind="adjustment", title="Voucher", total_minor=total_minor, taxes=taxes, adjustment=kind)


LAMP = goods("LAMP", 11900, tax("0.19", 1900))


def bill(*lines: BillLine, inclusive: bool = True, tax_minor: int | None = None) -> Bill:
    charged = sum(t.amount_minor for line in lines for t in line.taxes)
    return Bill(
        prices_include_tax=inclusive,
        lines=lines,
        tax_minor=charged if tax_minor is None else tax_minor,
        buyer=BERLIN,
        recipient=ANNA,
    )


def total_of(of: Bill) -> int:
    return sum(line.total_minor for line in of.lines) + (0 if of.prices_include_tax else of.tax_minor)


def requested(
    *lines: BillLine,
    order: str = ORDER,
    state: Any = "paid",
    reference: str = "",
    currency: str = "EUR",
    attempt: int = 1,
    total: int | None = None,
    ships: bool = True,
    **of: Any,
) -> PaymentRequested:
    charged = bill(*(lines or (LAMP,)), **of)
    return PaymentRequested(
        order_id=order,
        attempt=attempt,
        channel=order.partition(":")[0],
        currency=currency,
        total_minor=total_of(charged) if total is None else total,
        payment=PaymentFacts(state=state, reference=reference),
        bill=charged,
        ships=ships,
    )


def due(asked: PaymentRequested) -> PaymentDue:
    return PaymentDue(
        order_id=asked.order_id,
        channel=asked.channel,
        currency=asked.currency,
        total_minor=asked.total_minor,
        bill=asked.bill,
        ships=asked.ships,
    )


def paid(*lines: BillLine, **of: Any) -> Given:
    """An order whose money is there."""
    asked = requested(*lines, **of)
    return billing.given(due(asked), captured(asked))


def invoices(then: Then) -> list[InvoiceIssued]:
    """What was issued, if nothing else happened."""
    issued = [event for event in then.events if isinstance(event, InvoiceIssued)]
    assert issued == then.events
    return issued


def started(asked: PaymentRequested) -> CaptureStarted:
    attempt = f"pay-{asked.order_id}-{asked.attempt}"
    return CaptureStarted(
        order_id=asked.order_id,
        payment_id=attempt,
        reference=attempt,
        gateway="sandbox",
        currency=asked.currency,
        amount_minor=asked.total_minor,
    )


def captured(
    asked: PaymentRequested, source: Any = "channel", provider_reference: str = ""
) -> PaymentCaptured:
    attempt = f"pay-{asked.order_id}-{asked.attempt}"
    clearing = "gateway_clearing" if source == "gateway" else f"channel_clearing:{asked.channel}"
    return PaymentCaptured(
        order_id=asked.order_id,
        payment_id=attempt,
        source=source,
        reference=attempt if source == "gateway" else asked.payment.reference or asked.order_id,
        currency=asked.currency,
        amount_minor=asked.total_minor,
        entry=entry(
            asked.currency, (clearing, asked.total_minor), ("customer_receivable", -asked.total_minor)
        ),
        provider_reference=provider_reference,
    )


def entry(currency: str, *postings: tuple[str, int]) -> JournalEntry:
    kept = tuple(Posting(account=account, amount_minor=amount) for account, amount in postings if amount)
    return JournalEntry(currency=currency, postings=kept)


def cancelled(
    order: str = ORDER, reason: str = "customer asked", *, by_channel: bool = False
) -> OrderCancelled:
    return OrderCancelled(order_id=order, reason=reason, actor="anna", by_channel=by_channel)


def parcel(
    *units: tuple[str, int],
    order: str = ORDER,
    number: int = 1,
    last: bool = True,
    at: datetime | None = THE_DAY_BEFORE,
) -> ParcelDispatched:
    return ParcelDispatched(
        order_id=order,
        fulfilment_id=f"ful-{order}",
        parcel_id=f"{order}-p{number}",
        carrier="own",
        tracking_number=f"T{number}",
        lines=tuple(Units(sku=sku, quantity=quantity) for sku, quantity in units),
        recipient=ANNA,
        actor="packer",
        last=last,
        dispatched_at=at,
    )
