"""A refusal: which command, in which state, what would have been allowed, and why not."""

from __future__ import annotations

from contracts.parking import REFUSALS, CommandRefused
from services.shipping.domain.commands import DispatchFulfilment, GrantRange, RecordScan, RetryLabel
from services.shipping.domain.fulfilment import Fulfilment, entity_of
from services.shipping.domain.number_range import NumberRange, range_entity

REFUSED = REFUSALS["shipping"].command_refused


def refuse(
    command: DispatchFulfilment | RetryLabel | RecordScan, fulfilment: Fulfilment, reason: str
) -> CommandRefused:
    """A refused command on a fulfilment."""
    return REFUSED(
        entity=entity_of(fulfilment.order_id),
        command=type(command).__name__,
        state=fulfilment.state,
        allowed=fulfilment.allowed,
        reason=reason,
        actor=command.actor or "carrier",
    )


def refuse_grant(command: GrantRange, numbers: NumberRange, reason: str) -> CommandRefused:
    """A refused grant of tracking numbers."""
    return REFUSED(
        entity=range_entity(command.carrier),
        command=type(command).__name__,
        state="exhausted" if numbers.exhausted else "open",
        allowed=("GrantRange",),
        reason=reason,
        actor=command.actor,
    )
