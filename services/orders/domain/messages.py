"""Channel messages that are no order: refused ones, kept for a person, and returns that name no order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from contracts.event import Event
from contracts.frozen import replace
from contracts.orders import MessageRefused, ReturnRecorded
from services.orders.domain.commands import RecordReturn, RefuseMessage
from services.orders.domain.world import World

PARKED = "parked"
"""The tag under which the chassis lists whatever waits for a retry."""


@dataclass(frozen=True, slots=True)
class RefusedMessage:
    """A message that could not be read; `open` until it was applied or discarded."""

    reason: str
    open: bool = True


@dataclass(frozen=True, slots=True)
class RecordedReturn:
    """A return without its order. Amounts are minor units."""

    channel: str
    currency: str
    total_minor: int


def refuse_message(command: RefuseMessage, _: World) -> list[Event]:
    """Refused, and said so each time it is tried: a retry must see that it is refused again."""
    return [command.refusal]


def evolve_message(state: RefusedMessage | None, event: Any, _: str) -> RefusedMessage:
    """Refused, until it is applied on a retry, or discarded."""
    if isinstance(event, MessageRefused):
        return RefusedMessage(event.reason)
    return replace(state or RefusedMessage(""), open=False)


def message_tags(state: RefusedMessage) -> Iterator[str]:
    """Found as parked while it is open."""
    if state.open:
        yield PARKED


def return_entity(command: RecordReturn) -> str:
    """A return is known by its channel and the channel's id: `return/retail:C536379`."""
    return f"return/{_return_id(command)}"


def record_return(command: RecordReturn, world: World) -> list[Event]:
    """Recorded once. It moves no stock: nobody has seen the goods."""
    if world.state(return_entity(command)) is not None:
        return []
    return [ReturnRecorded(return_id=_return_id(command), report=command.report)]


def _return_id(command: RecordReturn) -> str:
    return f"{command.report.channel}:{command.report.return_id}"


def evolve_return(_: RecordedReturn | None, event: ReturnRecorded, __: str) -> RecordedReturn:
    """Recorded, and nothing after that yet."""
    report = event.report
    return RecordedReturn(report.channel, report.currency, report.total_minor)


def return_tags(_: RecordedReturn) -> Iterator[str]:
    """Counted, so that a publisher's report can be compared."""
    yield "return=recorded"
