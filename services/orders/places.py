"""Which entities each event changes and each cause looks at; the first is where an event is at home."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from contracts.event import Event
from contracts.orders import CustomerForgotten, MessageRefused, ReturnRecorded
from contracts.parking import (
    REFUSALS,
    CommandRefused,
    ParkedMessageDiscarded,
    ParkedMessageRetried,
)
from services.orders.domain.commands import ForgetCustomer, PlaceOrder
from services.orders.domain.forgetting import customer_entity
from services.orders.domain.machine import TRANSITIONS
from services.orders.domain.placing import order_id_of
from services.orders.domain.states import entity_of

SAID = REFUSALS["orders"]


def of_order(about: Any) -> tuple[str, ...]:
    """The order that a fact or a command names by `order_id`."""
    return (entity_of(about.order_id),)


def of_placed(command: PlaceOrder) -> tuple[str, ...]:
    """The order that is placed: its id follows from the channel and the channel's own."""
    return (entity_of(order_id_of(command.order)),)


def of_customer(about: ForgetCustomer | CustomerForgotten) -> tuple[str, ...]:
    """The person whose key it is."""
    return (customer_entity(about.key),)


def _return(recorded: ReturnRecorded) -> tuple[str, ...]:
    return (f"return/{recorded.return_id}",)


def _message(about: MessageRefused | ParkedMessageRetried | ParkedMessageDiscarded) -> tuple[str, ...]:
    return (about.message,)


def _aimed_at(refused: CommandRefused) -> tuple[str, ...]:
    return (refused.entity,)


PLACES: Mapping[type[Event], Callable[[Any], tuple[str, ...]]] = {
    **dict.fromkeys(TRANSITIONS, of_order),
    ReturnRecorded: _return,
    CustomerForgotten: of_customer,
    MessageRefused: _message,
    SAID.retried: _message,
    SAID.discarded: _message,
    SAID.command_refused: _aimed_at,
}
