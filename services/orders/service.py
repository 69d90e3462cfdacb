"""The whole service as one table: its entities, which event changes what, what it does on each message."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from chassis.declare import Decision, Kind, Service, Step
from contracts import billing, inventory, shipping
from contracts.catalogue import STREAMS
from contracts.event import Event
from contracts.orders import CustomerForgotten, MessageRefused, ReturnRecorded
from contracts.parking import REFUSALS
from services.orders.domain import commands, deciding, forgetting, messages
from services.orders.domain.evolve import evolve_order
from services.orders.domain.machine import TRANSITIONS
from services.orders.domain.placing import order_id_of, place_order
from services.orders.domain.policies import OrderPolicies
from services.orders.domain.states import Order, entity_of, tags, timers
from services.orders.reactions import (
    when_payment_answered,
    when_shipping_reported,
    when_stock_answered,
    when_stock_appeared,
)
from services.orders.reactions.when_message_arrived import Reader, when_message_arrived

SAID = REFUSALS["orders"]

KINDS = (
    Kind("order", Order, evolve_order, timers=timers, tags=tags),
    Kind("return", messages.RecordedReturn, messages.evolve_return, tags=messages.return_tags),
    Kind("customer", forgetting.ForgottenCustomer, forgetting.evolve_customer, tags=forgetting.customer_tags),
    Kind("message", messages.RefusedMessage, messages.evolve_message, tags=messages.message_tags),
)


def _of_order(about: Any) -> tuple[str, ...]:
    return (entity_of(about.order_id),)


def _of_placed(command: commands.PlaceOrder) -> Iterable[str]:
    return (entity_of(order_id_of(command.order)),)


def _of_customer(about: Any) -> tuple[str, ...]:
    return (forgetting.customer_entity(about.key),)


def _of_message(event: Any) -> tuple[str, ...]:
    return (event.message,)


PLACES: Mapping[type[Event], Callable[[Any], tuple[str, ...]]] = {
    **dict.fromkeys(TRANSITIONS, _of_order),
    ReturnRecorded: lambda event: (f"return/{event.return_id}",),
    CustomerForgotten: _of_customer,
    MessageRefused: _of_message,
    SAID.retried: _of_message,
    SAID.discarded: _of_message,
    SAID.command_refused: lambda event: (event.entity,),
}

REACTIONS: Mapping[type[Event], Decision] = {
    inventory.StockReserved: when_stock_answered.when_stock_reserved_then_request_payment,
    inventory.ReservationRefused: when_stock_answered.when_reservation_refused_then_hold,
    inventory.ReservationExpired: when_stock_answered.when_reservation_expired_then_hold_or_renew,
    billing.PaymentCaptured: when_payment_answered.when_payment_captured_then_release,
    billing.PaymentFailed: when_payment_answered.when_payment_failed_then_hold,
    billing.PaymentRefunded: when_payment_answered.when_payment_refunded_then_note_it,
    billing.InvoiceIssued: when_payment_answered.when_invoice_issued_then_note_it,
    shipping.ParcelDispatched: when_shipping_reported.when_parcel_dispatched_then_fulfil,
    shipping.ParcelScanned: when_shipping_reported.when_parcel_scanned_then_note_progress,
    shipping.FulfilmentCancelled: when_shipping_reported.when_fulfilment_cancelled_then_cancel,
    shipping.CancellationRefused: when_shipping_reported.when_cancellation_refused_then_go_on,
}
"""Facts about one order -> what follows."""

APPEARANCES: Mapping[type[Event], Decision] = {
    inventory.SkuRegistered: when_stock_appeared.when_sku_registered_then_release_unmapped,
    inventory.AvailabilityChanged: when_stock_appeared.when_availability_changed_then_serve_who_waits,
}
"""Facts about a SKU: whom they concern is found by tag."""

COMMANDS: Mapping[type, Step] = {
    commands.PlaceOrder: Step(place_order, _of_placed),
    commands.ForgetCustomer: Step(forgetting.forget_customer, _of_customer),
    commands.CancelOrder: Step(deciding.cancel_order, _of_order),
    commands.PlaceHold: Step(deciding.place_hold, _of_order),
    commands.ReleaseHold: Step(deciding.release_hold, _of_order),
}


def orders_service(policies: OrderPolicies, read: Reader) -> Service:
    """The orders service; `read` says what a channel's message asks for."""
    reactions = {event: Step(decide, _of_order) for event, decide in REACTIONS.items()}
    appearances = {event: Step(decide) for event, decide in APPEARANCES.items()}
    return Service(
        name="orders",
        kinds=KINDS,
        places=PLACES,
        on_event={**reactions, **appearances},
        on_raw=when_message_arrived(read),
        on_command=COMMANDS,
        on_timer={"order.hold_limit": deciding.end_at_hold_limit},
        gathers={STREAMS["shipping"]: 0.06},  # the parcel has left: nobody waits for what follows
        policies=policies,
    )
