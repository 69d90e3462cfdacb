"""One message for the CHANNELS stream, ready to publish; and the plainest way to one: bytes as they are."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.event import Event
from services.orders.intake.topics import digest_of, topic_token


@dataclass(frozen=True, slots=True)
class Publication:
    """`message_id` is the same whenever the same thing is published again, so that the stream keeps one."""

    subject: str
    message_id: str
    data: bytes
    headers: dict[str, str]


def raw_publication(channel: str, topic: str, data: bytes) -> Publication:
    """A channel's own body, byte for byte, under its own topic (`orders/create`, `order.created`, `order_placed`)."""
    return _publication(channel, topic, data, digest_of(topic, data))


def event_publication(channel: str, topic: str, event: Event, key: str) -> Publication:
    """An event of the canonical schema. `key` names it within the channel: an invoice number."""
    publication = _publication(channel, topic, event.to_bytes(), key)
    publication.headers["ce-type"] = event.TYPE
    return publication


def _publication(channel: str, topic: str, data: bytes, key: str) -> Publication:
    message_id = f"{channel}:{key}"
    headers = {
        "doorstep-channel": channel,
        "doorstep-topic": topic,
        "doorstep-message-id": message_id,
        "datacontenttype": "application/json",
    }
    return Publication(f"evt.channels.{channel}.{topic_token(topic)}", message_id, data, headers)
