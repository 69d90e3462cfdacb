"""Granting a block of tracking numbers."""

from __future__ import annotations

from contracts.parking import CommandRefused
from contracts.shipping import TrackingRangeGranted
from services.shipping.domain.commands import GrantRange
from services.shipping.domain.number_range import Block, NumberRange
from services.shipping.domain.policies import ShippingPolicies
from services.shipping.domain.refusing import refuse_grant


def grant(
    command: GrantRange, numbers: NumberRange, policies: ShippingPolicies
) -> list[TrackingRangeGranted | CommandRefused]:
    """The block, unless it would print a number twice. A grant known by its `range_id` is not made again."""
    terms = policies.carriers.get(command.carrier)
    if terms is None or not terms.own_range:
        return [refuse_grant(command, numbers, f"{command.carrier} is no carrier with a range of its own")]
    if command.first > command.last:
        return [refuse_grant(command, numbers, f"the range ends at {command.last}, before it begins")]
    if any(block.range_id == command.range_id for block in numbers.blocks):
        return []
    asked = Block(command.range_id, command.prefix, command.suffix, command.first, command.last)
    clash = next((block for block in numbers.blocks if block.overlaps(asked)), None)
    if clash:
        return [refuse_grant(command, numbers, f"range {clash.range_id} already holds some of these numbers")]
    return [
        TrackingRangeGranted(
            carrier=command.carrier,
            range_id=command.range_id,
            prefix=command.prefix,
            suffix=command.suffix,
            first=command.first,
            last=command.last,
            actor=command.actor,
            reason=command.reason,
        )
    ]
