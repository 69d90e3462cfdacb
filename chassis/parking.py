"""Messages that could not be handled: kept with the reason, found again, tried again, or let go by a person.

A park is an entity of the service (`parked/<stream>/<seq>`), so it survives a rebuild; the message itself stays
in its stream, byte for byte. Anything whose state carries the tag `parked` is listed, so a service can park
by a rule of its own.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chassis.declare import Kind, Message, Service
from chassis.quotations import without_addresses
from contracts.event import Event
from contracts.frozen import replace
from contracts.parking import REFUSALS, CommandRefused, MessageParked

PARKED = "parked"
TRACEBACK_CHARS_MAX = 8000


@dataclass(frozen=True, slots=True)
class ParkedMessage:
    """A message waiting for a person; `open` until it is applied or discarded."""

    reason: str
    open: bool = True


def evolve_parked(state: ParkedMessage | None, event: Event, _: str) -> ParkedMessage:
    """Parked, until retried or discarded."""
    if isinstance(event, MessageParked):
        return ParkedMessage(event.reason)
    assert state is not None
    return replace(state, open=False)


def tags_of_parked(state: ParkedMessage) -> Iterable[str]:
    """Found while it is open."""
    return (PARKED,) if state.open else ()


PARKED_KIND = Kind(PARKED, ParkedMessage, evolve_parked, tags=tags_of_parked)


def with_parking(service: Service) -> Service:
    """The service, able to park messages and to record refused commands."""
    said = REFUSALS[service.name]
    aimed_at = {
        said.command_refused: _entity_of,
        said.parked: _message_of,
        said.retried: _message_of,
        said.discarded: _message_of,
    }
    return replace(service, kinds=(*service.kinds, PARKED_KIND), places={**service.places, **aimed_at})


def park(
    service: str, message: Message, event_type: str, reason: str, tries: int, error: BaseException | None
) -> MessageParked:
    """The fact that this message is put aside. What an error quotes of an e-mail address is left out of it."""
    text = "".join(traceback.format_exception(error)) if error else ""
    return REFUSALS[service].parked(
        message=f"{PARKED}/{message.id}",
        stream=message.stream,
        stream_seq=message.stream_seq,
        subject=message.subject,
        type=event_type,
        reason=without_addresses(reason)[:500],
        tries=tries,
        traceback=without_addresses(text[-TRACEBACK_CHARS_MAX:]),
    )


def _entity_of(event: CommandRefused) -> tuple[str, ...]:
    return (event.entity,)


def _message_of(event: Any) -> tuple[str, ...]:
    return (event.message,)
