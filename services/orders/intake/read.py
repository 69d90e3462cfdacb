"""From a message on the CHANNELS stream to what it says. Pure, and never raises for what a channel sent."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import DecimalException

from chassis.declare import Message
from chassis.quotations import without_addresses
from chassis.quoting import quoted
from services.orders.intake.canonical import CANONICAL, checked
from services.orders.intake.fields import Wrong, parse_json
from services.orders.intake.reading import Ignored, Placed, Reading, Unreadable
from services.orders.intake.topics import (
    HARMLESS,
    NORMALISERS,
    WISHES,
    Normaliser,
    harmless,
    is_only_an_id,
    topic_token,
)
from services.orders.intake.wrapping import the_order
from services.orders.settings import ChannelSettings

REASON_MAX = 300
SUBJECT_START = ("evt", "channels")
OTHER = "other"
"""Stands in a subject in the place of what we do not know."""


def topics_of(kind: str) -> list[str]:
    """The topics that bring an order or a return on a channel of this kind, as they stand in a subject."""
    return [*CANONICAL, *(topic for of, topic in NORMALISERS if of == kind)]


def is_known(kind: str, topic: str) -> bool:
    """Whether a message of this topic is read or, for a known reason, passed over; any other one is parked."""
    return topic in topics_of(kind) or bool(harmless(kind, topic))


def kept_topic(kind: str, topic: str) -> str:
    """A channel's topic as it stands in a subject, for ever. Few schemes sign it: only words that we know are kept."""
    token = topic_token(topic)
    if token in topics_of(kind) or (kind, token) in WISHES:
        return token
    start = next((start for start in HARMLESS.get(kind, {}) if token.startswith(start)), "")
    return f"{start}{OTHER}" if not start or start.endswith("_") else start


def read(message: Message, channels: Mapping[str, ChannelSettings]) -> Reading:
    """What the message says: an order, a return, nothing for us, or why it cannot be read.

    The subject decides: `evt.channels.<channel>.<topic>`. Canonical topics work on every channel, the
    others by the channel's kind. The same message always gives the same reading.
    """
    try:
        return _read(message, channels)
    except Wrong as wrong:
        return Unreadable(without_addresses(str(wrong))[:REASON_MAX])
    except DecimalException:
        return Unreadable("an amount has more digits than can be reckoned with")


def _read(message: Message, channels: Mapping[str, ChannelSettings]) -> Reading:
    channel, topic = _address(message.subject)
    if channel not in channels:
        raise Wrong(f"unknown channel {quoted(channel)}: add [channels.{channel}] to the settings")
    if canonical := CANONICAL.get(topic):
        return canonical(channel, message.data)
    kind = channels[channel].kind
    if normalise := NORMALISERS.get((kind, topic)):
        return _order(normalise, channel, topic, message.data)
    if wish := WISHES.get((kind, topic)):
        raise Wrong(wish)
    if why := harmless(kind, topic):
        return Ignored(f"{topic}: {why}")
    if topic == OTHER:
        raise Wrong(
            f"a channel of kind {kind} has no topic like the one it came under: look at the message, then discard it,"
            f" or publish it under one of {', '.join(topics_of(kind))}"
        )
    raise Wrong(f"unknown topic {quoted(topic)} for a channel of kind {kind}")


def _address(subject: str) -> tuple[str, str]:
    """Channel and topic of a subject; a leading cell name, as in `cell2.evt.channels.…`, is passed over."""
    parts = subject.split(".")
    if tuple(parts[-4:-2]) != SUBJECT_START:
        raise Wrong("its subject is not evt.channels.<channel>.<topic>")
    return parts[-2], parts[-1]


def _order(normalise: Normaliser, channel: str, topic: str, data: bytes) -> Reading:
    body = parse_json(data)
    if topic == "order_deleted" and is_only_an_id(body):
        return Ignored(
            "order_deleted: names an order and nothing else; cancel it here if it must not be sent"
        )
    return Placed(checked(normalise(channel, the_order(body), topic)))
