"""Orders as data, and the only place that knows how channels are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chassis.declare import Kind, Message, Service, Step
from chassis.keys.bodies import SealsBodies, body_bytes, digest_of
from chassis.keys.personal_data import key_store, personal
from chassis.retention import Retention
from chassis.service import Assembly
from chassis.settings import section
from contracts import billing, inventory, shipping
from contracts.catalogue import STREAMS
from contracts.orders import MessageRefused
from services.orders import http, measures
from services.orders.domain import commands, deciding, forgetting, messages
from services.orders.domain.commands import PlaceOrder, RecordReturn, RefuseMessage
from services.orders.domain.evolve import evolve_order
from services.orders.domain.placing import place_order
from services.orders.domain.policies import OrderPolicies
from services.orders.domain.states import Order, tags, timers
from services.orders.intake import webhook
from services.orders.intake.read import read
from services.orders.intake.reading import Ignored, Placed, Reading, Returned, Unreadable
from services.orders.intake.sealing import SealedReadings
from services.orders.places import PLACES, of_customer, of_order, of_placed
from services.orders.reactions import (
    when_payment_answered,
    when_shipping_reported,
    when_stock_answered,
    when_stock_appeared,
)
from services.orders.reactions.when_message_arrived import Reader, Told, when_message_arrived
from services.orders.settings import ChannelSettings, OrdersSettings, channels, policies_of

KINDS = (
    Kind("order", Order, evolve_order, timers=timers, tags=tags),
    Kind("return", messages.RecordedReturn, messages.evolve_return, tags=messages.return_tags),
    Kind("customer", forgetting.ForgottenCustomer, forgetting.evolve_customer, tags=forgetting.customer_tags),
    Kind("message", messages.RefusedMessage, messages.evolve_message, tags=messages.message_tags),
)


def declare(policies: OrderPolicies, read: Reader) -> Service:
    """The service's table; `read` says what a channel's message asks for. Pure: opens and touches nothing."""
    stock, appearing = when_stock_answered, when_stock_appeared
    payment, parcels = when_payment_answered, when_shipping_reported
    return Service(
        name="orders",
        kinds=KINDS,
        places=PLACES,
        on_raw=when_message_arrived(read),
        on_event={
            inventory.StockReserved: Step(stock.when_stock_reserved_then_request_payment, of_order),
            inventory.ReservationRefused: Step(stock.when_reservation_refused_then_hold, of_order),
            inventory.ReservationExpired: Step(stock.when_reservation_expired_then_hold_or_renew, of_order),
            inventory.SkuRegistered: Step(appearing.when_sku_registered_then_release_unmapped),
            inventory.AvailabilityChanged: Step(appearing.when_availability_changed_then_serve_who_waits),
            billing.PaymentCaptured: Step(payment.when_payment_captured_then_release, of_order),
            billing.PaymentFailed: Step(payment.when_payment_failed_then_hold, of_order),
            billing.PaymentRefunded: Step(payment.when_payment_refunded_then_note_it, of_order),
            billing.InvoiceIssued: Step(payment.when_invoice_issued_then_note_it, of_order),
            shipping.ParcelDispatched: Step(parcels.when_parcel_dispatched_then_fulfil, of_order),
            shipping.ParcelScanned: Step(parcels.when_parcel_scanned_then_note_progress, of_order),
            shipping.FulfilmentCancelled: Step(parcels.when_fulfilment_cancelled_then_cancel, of_order),
            shipping.CancellationRefused: Step(parcels.when_cancellation_refused_then_go_on, of_order),
        },
        on_command={
            PlaceOrder: Step(place_order, of_placed),
            commands.ForgetCustomer: Step(forgetting.forget_customer, of_customer),
            commands.CancelOrder: Step(deciding.cancel_order, of_order),
            commands.PlaceHold: Step(deciding.place_hold, of_order),
            commands.ReleaseHold: Step(deciding.release_hold, of_order),
        },
        on_timer={"order.hold_limit": deciding.end_at_hold_limit},
        gathers={STREAMS["shipping"]: 0.06},  # the parcel has left: nobody waits for what follows
        policies=policies,
    )


def build() -> Assembly:
    """Orders as configured, ready to run."""
    known, settings = channels(), section("orders", OrdersSettings)
    seals = personal().seal
    retention = Retention(key_store(), personal())
    bodies, answered = SealsBodies(key_store()), webhook.Answered()
    readings = SealedReadings(
        lambda message: read(message, known), key_store(), seals=seals, fresh=bodies.fresh
    )
    return Assembly(
        service=declare(policies_of(settings, known), told_by(readings)),
        routes=lambda runtime: (
            *http.routes(runtime, readings.seal),
            *webhook.routes(
                runtime,
                known,
                limits=settings.intake,
                bodies=bodies if seals else None,
                answered=answered,
            ),
        ),
        on_start=(readings.start, retention.start),
        on_stop=(retention.stop,),
        prepare=readings.prepare if seals else None,
        prove=key_store().prove if seals else None,
        measure=measures.measure(answered, known),
    )


def reader(known: Mapping[str, ChannelSettings]) -> Reader:
    """From a channel's message to what it asks for, nothing sealed."""
    return told_by(lambda message: read(message, known))


def told_by(reading: Callable[[Message], Reading]) -> Reader:
    """From a channel's message, as somebody reads it, to what it asks for."""

    def told(message: Message) -> Told:
        match reading(message):
            case Placed(order):
                return PlaceOrder(order=order)
            case Returned(report):
                return RecordReturn(report=report)
            case Unreadable(reason):
                return RefuseMessage(refusal=refusal(message, reason))
            case Ignored():
                return None

    return told


def refusal(message: Message, reason: str) -> MessageRefused:
    """The fact that a message is no order we can read; the message itself stays in its stream."""
    return MessageRefused(
        message=f"message/{message.id}",
        stream=message.stream,
        stream_seq=message.stream_seq,
        subject=message.subject,
        reason=reason[:500],
        body_sha256=digest_of(message.headers, message.data),
        body_bytes=body_bytes(message.headers, message.data),
    )
