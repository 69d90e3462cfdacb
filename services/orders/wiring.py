"""Puts the service together: the only file that knows how channels are read and where settings come from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from chassis.declare import Message
from chassis.service import Assembly
from chassis.settings import section
from contracts.orders import MessageRefused
from services.orders import http, measures
from services.orders.domain.commands import PlaceOrder, RecordReturn, RefuseMessage
from services.orders.intake import webhook
from services.orders.intake.read import read
from services.orders.intake.reading import Ignored, Placed, Returned, Unreadable
from services.orders.reactions.when_message_arrived import Reader, Told
from services.orders.service import orders_service
from services.orders.settings import ChannelSettings, OrdersSettings, channels, policies


def build() -> Assembly:
    """The orders service as configured, ready to run."""
    known, settings = channels(), section("orders", OrdersSettings)
    return Assembly(
        service=orders_service(policies(settings, known), reader(known)),
        routes=lambda runtime: (
            *http.routes(runtime),
            *webhook.routes(runtime, known, limits=settings.intake),
        ),
        measure=measures.holds,
    )


def reader(known: Mapping[str, ChannelSettings]) -> Reader:
    """From a channel's message to what it asks for."""

    def told(message: Message) -> Told:
        match read(message, known):
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
        body_sha256=hashlib.sha256(message.data).hexdigest(),
        body_bytes=len(message.data),
    )
