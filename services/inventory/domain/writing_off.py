"""Taking units off the books: above the shop's limits it is a request, which a second person approves or denies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from contracts.event import Event
from contracts.frozen import replace
from contracts.inventory import StockAdjusted, WriteOffApproved, WriteOffDenied, WriteOffRequested
from contracts.second_person import WAITS, Decided, needs_second_person, same_person
from services.inventory.domain.availability import with_news
from services.inventory.domain.books import Books, stock_of
from services.inventory.domain.commands import AdjustStock, ApproveWriteOff, DenyWriteOff
from services.inventory.domain.names import write_off_entity
from services.inventory.domain.policies import Policies
from services.inventory.domain.refusals import below_reserved, refused
from services.inventory.domain.stock import Item

NOTHING_WAITS = "this write-off does not wait for a second person"
DECISIONS = ("ApproveWriteOff", "DenyWriteOff")


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOff:
    """A request to take units off the books: as it was asked for, and what a second person said."""

    sku: str
    location: str
    reference: str
    quantity: int
    currency: str
    value_minor: int
    actor: str
    reason: str
    asked_at: datetime
    stand: Decided = Decided.WAITING
    decided_by: str = ""


type WriteOffEvent = WriteOffRequested | WriteOffApproved | WriteOffDenied
type Decision = ApproveWriteOff | DenyWriteOff


def evolve(state: WriteOff | None, event: WriteOffEvent, entity: str) -> WriteOff:
    """The request after an event."""
    if isinstance(event, WriteOffRequested):
        return WriteOff(**event.model_dump())
    assert state is not None, f"{entity} was decided before it was asked for"
    stand = Decided.APPROVED if isinstance(event, WriteOffApproved) else Decided.DENIED
    return replace(state, stand=stand, decided_by=event.actor)


def tags(state: WriteOff) -> Iterable[str]:
    """Counted and found while it waits."""
    return (WAITS,) if state.stand is Decided.WAITING else ()


def is_for_two(quantity: int, item: Item, policies: Policies) -> bool:
    """Whether so many units (negative) are more than one person may write off, by number or by catalogue value."""
    units = -quantity
    by_value = needs_second_person(worth(quantity, item), policies.write_off_limits.get(item.currency))
    return units > 0 and (needs_second_person(units, policies.write_off_units) or by_value)


def worth(quantity: int, item: Item) -> int:
    """What the units cost in the catalogue, in minor units of its currency."""
    return abs(quantity) * item.price_minor


def ask(command: AdjustStock, item: Item, books: Books) -> WriteOffRequested:
    """The request, with what it is worth on that day."""
    return WriteOffRequested(
        sku=command.sku,
        location=command.location,
        quantity=command.quantity,
        currency=item.currency,
        value_minor=worth(command.quantity, item),
        reason=command.reason,
        actor=command.actor,
        reference=command.reference,
        asked_at=books.now,
    )


def asked_again(command: AdjustStock, known: WriteOff) -> tuple[Event, ...]:
    """The same request again does nothing while it waits; a denied one needs a new document."""
    if known.stand is Decided.WAITING and known.quantity == command.quantity:
        return ()
    if known.stand is Decided.WAITING:
        reason = f"{command.reference} already waits for a second person, with {known.quantity} units"
        return (refused(command.sku, command, reason, known.stand, DECISIONS),)
    reason = (
        f"{command.reference} was {known.stand} by {known.decided_by}: use another reference to ask again"
    )
    return (refused(command.sku, command, reason, known.stand),)


def approve_write_off(command: ApproveWriteOff, books: Books) -> tuple[Event, ...]:
    """Approved and booked in one decision, so that it counts once; refused if orders have the units by now."""
    known = _known(command, books)
    if known.stand is not Decided.WAITING or same_person(known.actor, command.actor):
        return _not_so(command, known, Decided.APPROVED)
    stock = stock_of(books, known.sku)
    assert stock is not None, "what was asked for is about a SKU that is registered"
    place = stock.at(known.location)
    if place.available + known.quantity < 0:
        return (below_reserved(known.sku, place, command, known.quantity),)
    adjusted = StockAdjusted(
        sku=known.sku,
        location=known.location,
        quantity=known.quantity,
        reason=known.reason,
        actor=known.actor,
        reference=known.reference,
    )
    return with_news([WriteOffApproved(**_about(command)), adjusted], books)


def deny_write_off(command: DenyWriteOff, books: Books) -> tuple[Event, ...]:
    """The books stay as they are."""
    known = _known(command, books)
    if known.stand is not Decided.WAITING or same_person(known.actor, command.actor):
        return _not_so(command, known, Decided.DENIED)
    return (WriteOffDenied(**_about(command)),)


def _known(command: Decision, books: Books) -> WriteOff:
    known = books.state(write_off_entity(command.sku, command.location, command.reference))
    if known is None:
        raise LookupError(f"nobody asked to write off {command.sku} at {command.location}")
    return cast("WriteOff", known)


def _not_so(command: Decision, known: WriteOff, wanted: Decided) -> tuple[Event, ...]:
    """A refusal; nothing where this person decided just that before, and only the answer was lost."""
    if known.stand is Decided.WAITING:
        reason = f"{known.actor} asked for this write-off: somebody else has to approve or deny it"
        return (refused(command.sku, command, reason, known.stand, DECISIONS),)
    if known.stand is wanted and same_person(known.decided_by, command.actor):
        return ()
    return (refused(command.sku, command, NOTHING_WAITS, known.stand),)


def _about(command: Decision) -> dict[str, str]:
    return {name: getattr(command, name) for name in ("sku", "location", "reference", "actor", "reason")}
