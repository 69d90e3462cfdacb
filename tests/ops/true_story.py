"""The true history of the house: one order goes the whole way, one is cancelled and refunded, a payout is explained."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from contracts import billing, inventory, notify, orders, shipping
from contracts.address import Address, Recipient
from contracts.billing import JournalEntry, MatchedLine, PayoutLine, Posting, VatGroup
from contracts.channels import OrderPlaced
from contracts.inventory import StockLine
from contracts.orders import Bill
from contracts.placed_order import OrderLine, PaymentFacts, PlacedOrder, Units
from tests.ops.house import START, House

ANNA = Recipient(name="Anna", email="anna@example.com")
LAMP = Units(sku="LAMP", quantity=2)
HELD_LAMP = StockLine(sku="LAMP", location="MAIN", quantity=2)
PRICE = 2380


def placed(number: int, payment: str) -> PlacedOrder:
    """Two lamps, tax included."""
    return PlacedOrder(
        channel="shop",
        channel_order_id=str(number),
        placed_at=START,
        currency="EUR",
        lines=(OrderLine(line_id="1", sku="LAMP", quantity=2, unit_price_minor=1190, total_minor=PRICE),),
        total_minor=PRICE,
        customer=ANNA,
        payment=PaymentFacts(state=payment, reference=f"ch-{number}"),
    )


def entry(debit: str, credit: str, amount: int = PRICE) -> JournalEntry:
    """A simple balanced entry."""
    return JournalEntry(
        currency="EUR",
        postings=(Posting(account=debit, amount_minor=amount), Posting(account=credit, amount_minor=-amount)),
    )


def history() -> House:
    """The whole true story."""
    house = House()
    house.say(
        "sku/LAMP", inventory.SkuRegistered(sku="LAMP", currency="EUR", price_minor=1190), "command/register"
    )
    house.say(
        "reference/received/MAIN/LAMP/DN-1",
        inventory.StockReceived(
            sku="LAMP", location="MAIN", quantity=10, reason="delivery", actor="ann", reference="DN-1"
        ),
        "command/receive",
    )
    house.say(
        "sku/LAMP",
        inventory.AvailabilityChanged(sku="LAMP", available=10, on_hand=10, reserved=0),
        "command/receive",
    )
    paid = until_payment(house, 1, "authorised")
    _captured_and_shipped(house, "shop:1", paid)
    requested = until_payment(house, 2, "paid")
    _cancelled(house, "shop:2", requested)
    _payout(house)
    again, headers = house.messages[0][1], {**house.messages[0][2], "doorstep-message-id": "again"}
    house.messages.append((house.messages[0][0], again, headers))
    return house


def until_payment(house: House, number: int, payment: str) -> str:
    """From the message to the request for payment; returns that one's id."""
    order_id, entity, order = f"shop:{number}", f"order/shop:{number}", placed(number, payment)
    data = OrderPlaced(order=order).to_bytes()
    house.messages.append(("evt.channels.shop.order_placed", data, {"doorstep-message-id": f"m-{number}"}))
    message = f"CHANNELS/{len(house.messages)}"
    house.say(entity, orders.OrderReceived(order_id=order_id, order=order), message)
    accepted = house.say(
        entity,
        orders.OrderAccepted(
            order_id=order_id, attempt=1, currency="EUR", total_minor=PRICE, lines=(LAMP,), recipient=ANNA
        ),
        message,
    )
    tell(house, order_id, "order_confirmed", accepted)
    reserved = house.say(
        f"reservation/{order_id}",
        inventory.StockReserved(
            order_id=order_id, attempt=1, lines=(HELD_LAMP,), expires_at=START + timedelta(hours=1)
        ),
        accepted,
    )
    return house.say(
        entity,
        orders.PaymentRequested(
            order_id=order_id,
            attempt=1,
            channel="shop",
            currency="EUR",
            total_minor=PRICE,
            payment=order.payment,
            bill=Bill(prices_include_tax=True, lines=(), tax_minor=0, buyer=Address()),
        ),
        reserved,
    )


def due(house: House, order_id: str, requested: str) -> None:
    """Billing takes note."""
    bill = Bill(prices_include_tax=True, lines=(), tax_minor=0, buyer=Address())
    house.say(
        f"payment/{order_id}",
        billing.PaymentDue(order_id=order_id, channel="shop", currency="EUR", total_minor=PRICE, bill=bill),
        requested,
    )


def capture(house: House, order_id: str, source: str, reference: str, cause: str) -> str:
    """The money of an order comes in."""
    return house.say(
        f"payment/{order_id}",
        billing.PaymentCaptured(
            order_id=order_id,
            payment_id=f"{order_id}/1",
            source=source,
            reference=reference,
            currency="EUR",
            amount_minor=PRICE,
            entry=entry("clearing", "customers"),
        ),
        cause,
    )


def _captured_and_shipped(house: House, order_id: str, requested: str) -> None:
    entity, payment, reference = f"order/{order_id}", f"payment/{order_id}", f"pay-{order_id}"
    due(house, order_id, requested)
    started = house.say(
        payment,
        billing.CaptureStarted(
            order_id=order_id,
            payment_id=f"{order_id}/1",
            reference=reference,
            gateway="sandbox",
            currency="EUR",
            amount_minor=PRICE,
        ),
        requested,
    )
    house.transfers.append(
        {
            "of": "charge",
            "status": "captured",
            "reference": reference,
            "currency": "EUR",
            "amount_minor": PRICE,
        }
    )
    captured = capture(house, order_id, "gateway", reference, started)
    house.say(entity, orders.PaymentConfirmed(order_id=order_id, amount_minor=PRICE), captured)
    released = house.say(
        entity,
        orders.OrderReleased(order_id=order_id, ship_to=Address(), recipient=ANNA, lines=()),
        captured,
    )
    dispatched = _shipped(house, order_id, released)
    house.say(
        f"reservation/{order_id}",
        inventory.StockDispatched(order_id=order_id, parcel_id=f"{order_id}-p1", lines=(HELD_LAMP,)),
        dispatched,
    )
    house.say(
        entity,
        orders.ParcelHandedOver(
            order_id=order_id, parcel_id=f"{order_id}-p1", carrier="own", tracking_number="T1", lines=(LAMP,)
        ),
        dispatched,
    )
    house.say(entity, orders.OrderFulfilled(order_id=order_id), dispatched)
    tell(house, order_id, "parcel_dispatched", dispatched)
    invoiced = invoice(house, order_id, 1, dispatched)
    number = "INV-2026-000001"
    house.say(entity, orders.InvoiceNoted(order_id=order_id, number=number, total_minor=PRICE), invoiced)


def _shipped(house: House, order_id: str, released: str) -> str:
    entity, fulfilment = f"fulfilment/{order_id}", f"ful-{order_id}"
    house.say(
        entity,
        shipping.FulfilmentPlanned(
            order_id=order_id,
            fulfilment_id=fulfilment,
            carrier="own",
            ship_to=Address(),
            recipient=ANNA,
            parcels=(),
        ),
        released,
    )
    return house.say(
        entity,
        shipping.ParcelDispatched(
            order_id=order_id,
            fulfilment_id=fulfilment,
            parcel_id=f"{order_id}-p1",
            carrier="own",
            tracking_number="T1",
            lines=(LAMP,),
            recipient=ANNA,
            actor="ann",
            last=True,
        ),
        "command/dispatch",
    )


def invoice(house: House, order_id: str, sequence: int, cause: str) -> str:
    """An invoice over the two lamps."""
    return house.say(
        f"payment/{order_id}",
        billing.InvoiceIssued(
            order_id=order_id,
            number=f"INV-2026-{sequence:06}",
            series="INV",
            sequence=sequence,
            issued_on=START.date(),
            parcel_id=f"{order_id}-p{sequence}",
            currency="EUR",
            buyer=Address(),
            lines=(),
            vat=(VatGroup(rate=Decimal("0.19"), net_minor=2000, tax_minor=380, gross_minor=2380),),
            net_minor=2000,
            tax_minor=380,
            total_minor=2380,
            entry=entry("customers", "revenue"),
        ),
        cause,
    )


def _cancelled(house: House, order_id: str, requested: str) -> None:
    entity, payment = f"order/{order_id}", f"payment/{order_id}"
    due(house, order_id, requested)
    captured = capture(house, order_id, "channel", "ch-2", requested)
    house.say(entity, orders.PaymentConfirmed(order_id=order_id, amount_minor=PRICE), captured)
    cancelled = house.say(
        entity,
        orders.OrderCancelled(order_id=order_id, reason="changed my mind", actor="ann"),
        "command/cancel",
    )
    house.say(
        f"reservation/{order_id}",
        inventory.ReservationReleased(order_id=order_id, lines=(HELD_LAMP,), reason="cancelled"),
        cancelled,
    )
    refund: dict[str, Any] = {
        "order_id": order_id,
        "refund_id": f"{order_id}/r1",
        "reference": "r1",
        "currency": "EUR",
        "amount_minor": PRICE,
    }
    house.say(payment, billing.RefundStarted(**refund, source="channel", reason="cancelled"), cancelled)
    refunded = house.say(
        payment,
        billing.PaymentRefunded(**refund, recipient=Recipient(), entry=entry("customers", "clearing")),
        cancelled,
    )
    house.say(
        entity,
        orders.RefundConfirmed(order_id=order_id, refund_id=f"{order_id}/r1", amount_minor=PRICE),
        refunded,
    )
    tell(house, order_id, "refund_made", refunded, suppressed=True)


TOLD_OF = {"order_confirmed": "order/{}", "parcel_dispatched": "parcel/{}-p1", "refund_made": "refund/{}/r1"}


def tell(house: House, order_id: str, template: str, cause: str, *, suppressed: bool = False) -> None:
    """A notification: sent, with its mail in the maildir, or suppressed."""
    entity, identity = f"letters/{order_id}", f"{order_id}:{template}"
    named: dict[str, Any] = {
        "notification_id": identity,
        "order_id": order_id,
        "cause": TOLD_OF[template].format(order_id),
        "template": template,
    }
    if suppressed:
        house.say(entity, notify.NotificationSuppressed(**named, reason="no address"), cause)
        return
    queued = house.say(
        entity, notify.NotificationQueued(**named, template_version=1, recipient=ANNA, facts={}), cause
    )
    mail = identity.replace(":", "-")
    sent = {"notification_id": identity, "order_id": order_id, "message_id": f"<{mail}@shop.example>"}
    house.say(entity, notify.NotificationSent(**sent), queued)
    house.mails.append(mail)


def _payout(house: House) -> None:
    line = PayoutLine(kind="charge", reference="pay-shop:1", gross_minor=PRICE, fee_minor=80, net_minor=2300)
    house.say(
        "payout/po-1",
        billing.PayoutReported(
            payout_id="po-1", provider="sandbox", currency="EUR", total_minor=2300, lines=(line,)
        ),
        "command/payout",
    )
    house.say(
        "payout/po-1",
        billing.PayoutReconciled(
            payout_id="po-1",
            matched_minor=2300,
            matched=(MatchedLine(line=0, order_id="shop:1", amount_minor=2300),),
            entry=entry("bank", "clearing", 2300),
        ),
        "command/payout",
    )
