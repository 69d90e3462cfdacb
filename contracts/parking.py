"""What every service can say about a message or a command it did not take. One model per service and fact.

A parked message is kept byte for byte in its source stream at `stream_seq`; the park is an entity of the
service that parked it, so it survives a rebuild.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import create_model

from contracts.event import Event
from contracts.placed_order import Text
from contracts.services import SERVICES as SERVICES


class MessageParked(Event, type="*.MessageParked.v1"):
    """A message that could not be handled: unknown type or version, unreadable, or its handler raised."""

    message: str
    stream: str
    stream_seq: int
    subject: str
    type: str
    reason: Text
    tries: int = 1
    traceback: str = ""


class ParkedMessageRetried(Event, type="*.ParkedMessageRetried.v1"):
    """A person had the message tried again, and it was applied."""

    message: str
    actor: Text
    reason: Text


class ParkedMessageDiscarded(Event, type="*.ParkedMessageDiscarded.v1"):
    """A person decided that the message will not be applied."""

    message: str
    actor: Text
    reason: Text


class CommandRefused(Event, type="*.CommandRefused.v1"):
    """A command in the wrong state, with the state and what is allowed in it. `line`: the row of an import."""

    entity: str
    command: str
    state: str
    allowed: tuple[str, ...]
    reason: Text
    actor: Text
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Refusals:
    """The four events as one service says them."""

    parked: type[MessageParked]
    retried: type[ParkedMessageRetried]
    discarded: type[ParkedMessageDiscarded]
    command_refused: type[CommandRefused]


def _spoken_by[E: Event](service: str, fact: type[E]) -> type[E]:
    name = fact.__name__
    return create_model(
        name,
        __base__=fact,
        __doc__=fact.__doc__,
        __module__=__name__,
        __cls_kwargs__={"type": f"{service}.{name}.v1"},
    )


REFUSALS = {
    service: Refusals(
        _spoken_by(service, MessageParked),
        _spoken_by(service, ParkedMessageRetried),
        _spoken_by(service, ParkedMessageDiscarded),
        _spoken_by(service, CommandRefused),
    )
    for service in SERVICES
}
