"""Refusals are events: what was asked, by whom, why it was not done, and what could be."""

from __future__ import annotations

from contracts.parking import CommandRefused
from services.inventory.domain.commands import Command
from services.inventory.domain.names import sku_entity
from services.inventory.domain.stock import COMMAND_REFUSED, Place

REGISTERED = "registered"
UNREGISTERED = "unregistered"
TEXT_MAX = 500


def refused(
    sku: str,
    command: Command,
    reason: str,
    state: str = REGISTERED,
    allowed: tuple[str, ...] = (),
    line: int | None = None,
) -> CommandRefused:
    """The refusal of a command about a SKU; `line` is the row it stood in, if it was one of many."""
    return COMMAND_REFUSED(
        entity=sku_entity(sku),
        command=type(command).__name__,
        state=state,
        allowed=allowed,
        reason=reason[:TEXT_MAX],
        actor=command.actor,
        line=line,
    )


def unregistered(sku: str, command: Command, line: int | None = None) -> CommandRefused:
    """Nothing can be booked on a SKU that nobody registered: most often it is misspelt."""
    return refused(sku, command, f"SKU {sku} is not registered", UNREGISTERED, ("RegisterSkus",), line)


def below_reserved(
    sku: str, place: Place, command: Command, quantity: int, line: int | None = None
) -> CommandRefused:
    """Promised units cannot be taken away: cancel or wait for those orders first."""
    return refused(
        sku,
        command,
        f"{sku} at {place.location}: {place.on_hand} on hand, {place.reserved} reserved; "
        f"{quantity:+d} would leave {place.on_hand + quantity}",
        f"on_hand={place.on_hand} reserved={place.reserved}",
        ("ReceiveStock", f"AdjustStock down by {place.available}") if place.available else ("ReceiveStock",),
        line,
    )
