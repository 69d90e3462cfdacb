"""Puts the service together: the only file that knows how channels are read and where settings come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chassis.body_retention import BodyRetention
from chassis.declare import Message
from chassis.personal_data import key_store, personal
from chassis.sealed_bodies import SealsBodies, body_bytes, digest_of
from chassis.service import Assembly
from chassis.settings import section
from contracts.orders import MessageRefused
from services.orders import http, measures
from services.orders.domain.commands import PlaceOrder, RecordReturn, RefuseMessage
from services.orders.intake import webhook
from services.orders.intake.read import read
from services.orders.intake.reading import Ignored, Placed, Reading, Returned, Unreadable
from services.orders.intake.sealing import SealedReadings
from services.orders.reactions.when_message_arrived import Reader, Told
from services.orders.service import orders_service
from services.orders.settings import ChannelSettings, OrdersSettings, channels, policies


def build() -> Assembly:
    """The orders service as configured, ready to run."""
    known, settings = channels(), section("orders", OrdersSettings)
    seals = personal().seal
    retention = BodyRetention(key_store(), personal().body_days)
    readings = SealedReadings(lambda message: read(message, known), key_store(), seals=seals)
    bodies = SealsBodies(key_store()) if seals else None
    return Assembly(
        service=orders_service(policies(settings, known), told_by(readings)),
        routes=lambda runtime: (
            *http.routes(runtime, readings.seal),
            *webhook.routes(runtime, known, limits=settings.intake, bodies=bodies),
        ),
        on_start=(readings.start, retention.start),
        on_stop=(retention.stop,),
        prepare=readings.prepare if seals else None,
        measure=measures.holds,
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
