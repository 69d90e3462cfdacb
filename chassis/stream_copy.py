"""The copy of a service's events in its stream: what was stored, read off a message, byte for byte."""

from __future__ import annotations

from urllib.parse import unquote

from chassis.batch import NewEvent, StoredEvent
from chassis.declare import Message
from chassis.ids import event_id

MADE_BY_THE_RELAY = frozenset(
    (
        "ce-specversion",
        "ce-id",
        "ce-type",
        "ce-source",
        "ce-subject",
        "ce-sequence",
        "ce-previous",
        "datacontenttype",
    )
)
"""Headers that follow from where an event stands; the others are stored with it, in this order."""
OF_THE_SERVER = "Nats-"


def source_of(service: str) -> str:
    """The `ce-source` of everything that a service says."""
    return f"/doorstep/{service}"


def is_from(service: str, message: Message) -> bool:
    """Whether the service itself put it into its stream; what others put there is part of no history."""
    return message.headers.get("ce-source") == source_of(service)


def stored(message: Message) -> NewEvent:
    """The event inside a message of its own service's stream, byte for byte as it was stored, not linked."""
    headers = message.headers
    block = "".join(
        f"{name}: {value}\r\n"
        for name, value in headers.items()
        if name not in MADE_BY_THE_RELAY and not name.startswith(OF_THE_SERVER)
    )
    version = int(headers["ce-id"].rpartition("/")[2])
    return NewEvent(
        int(headers["ce-sequence"]),
        unquote(headers["ce-subject"]),
        version,
        headers["ce-type"],
        message.data,
        block.encode(),
    )


def is_copy(service: str, message: Message, event: StoredEvent) -> bool:
    """Whether a message is this event. A store that was set back and decided again gives the same ids to other
    facts, so all of it is compared.
    """
    kept = {"ce-id": event_id(service, event.entity, event.version), **event.headers}
    same_headers = all(message.headers.get(name) == value for name, value in kept.items())
    return same_headers and message.data == event.data
