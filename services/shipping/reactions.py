"""What shipping does when something happens: the world is looked at here, the domain decides."""

from __future__ import annotations

from collections.abc import Iterable

from chassis.declare import Answer, World
from contracts.event import Event
from contracts.orders import CancellationRequested, OrderReleased
from services.shipping.domain.cancelling import cancel
from services.shipping.domain.commands import DispatchFulfilment, GrantRange, RecordScan, RetryLabel
from services.shipping.domain.evolving import after
from services.shipping.domain.fulfilment import Fulfilment, Parcel, entity_of
from services.shipping.domain.granting import grant
from services.shipping.domain.hand_over import autopilot, dispatch, hand_over_due
from services.shipping.domain.labelling import (
    label_answered,
    labels_from_range,
    request_labels,
    retry_labels,
    void_answered,
)
from services.shipping.domain.number_range import NumberRange, evolve_range, range_entity
from services.shipping.domain.planning import plan
from services.shipping.domain.policies import ShippingPolicies
from services.shipping.domain.scanning import record_scan

RELABELLED_MAX = 200
"""Fulfilments that get their labels in the decision that grants a range; the same grant again takes the next ones."""


class UnknownFulfilment(LookupError):
    """A command for an order that was never released to the warehouse. HTTP answers 404 before it comes to this."""


def when_order_released_then_plan_and_label(released: OrderReleased, world: World) -> Iterable[Event]:
    """Parcels, and for each a label or the request for one; with the autopilot they leave in the same decision."""
    known: Fulfilment | None = world.state(entity_of(released.order_id))
    if known is not None and known.planned:
        return ()
    planned = plan(released, world.policies)
    fulfilment = after(known or Fulfilment(released.order_id), [planned])
    labels = _labels(fulfilment, fulfilment.parcels, world)
    return (planned, *labels, *autopilot(after(fulfilment, labels), world.policies, world.now))


def when_cancellation_requested_then_stop(asked: CancellationRequested, world: World) -> Iterable[Event]:
    """Stopped, or too late."""
    return cancel(asked, world.state(entity_of(asked.order_id)))


def when_label_answered_then_keep_it(answered: Answer, world: World) -> Iterable[Event]:
    """A label, or the carrier's refusal."""
    reference = answered.payload.reference
    fulfilment = _standing(answered.entity, world)
    return label_answered(fulfilment, reference, answered.answer, world.policies, world.now)


def when_void_answered_then_note_it(answered: Answer, world: World) -> Iterable[Event]:
    """The label was given back, or not."""
    return void_answered(_standing(answered.entity, world), answered.payload.reference, answered.answer)


def when_hand_over_is_due_then_dispatch(entity: str, world: World) -> Iterable[Event]:
    """The autopilot's time has come."""
    return hand_over_due(_standing(entity, world), world.now)


def dispatch_fulfilment(command: DispatchFulfilment, world: World) -> Iterable[Event]:
    """A person hands over."""
    return dispatch(command, _standing(entity_of(command.order_id), world), world.now)


def keep_scan(command: RecordScan, world: World) -> Iterable[Event]:
    """A carrier reports."""
    return record_scan(command, _standing(entity_of(command.order_id), world), world.policies)


def retry_label(command: RetryLabel, world: World) -> Iterable[Event]:
    """A person has corrected something and asks again; our own range answers in the same decision."""
    fulfilment = _standing(entity_of(command.order_id), world)
    asked = retry_labels(command, fulfilment, world.policies)
    again = after(fulfilment, asked)
    renewed = [p for p in again.parcels if p not in fulfilment.parcels]
    waiting = [p for p in renewed if _own_range(p, world.policies)]
    labels = _from_range(again, waiting, world)
    return (*asked, *labels, *autopilot(after(again, labels), world.policies, world.now))


def grant_range(command: GrantRange, world: World) -> Iterable[Event]:
    """A person adds numbers: those who waited for one get it now, oldest first."""
    numbers = _range(command.carrier, world)
    granted = grant(command, numbers, world.policies)
    for event in granted:
        numbers = evolve_range(numbers, event, range_entity(command.carrier))
    events: list[Event] = [*granted]
    for entity in world.tagged(awaits_range(command.carrier), RELABELLED_MAX):
        if numbers.exhausted:
            break
        labels = _relabelled(_standing(entity, world), numbers, world)
        events += labels
        numbers = _used(numbers, labels)
    return events


def awaits_range(carrier: str) -> str:
    """The tag of a fulfilment that waits for a number of this carrier's range."""
    return f"awaits_range:{carrier}"


def _relabelled(fulfilment: Fulfilment, numbers: NumberRange, world: World) -> list[Event]:
    waiting = [p for p in fulfilment.parcels if p.awaits_range and p.carrier == numbers.carrier]
    labels = labels_from_range(fulfilment, waiting[: numbers.left], numbers, world.policies, world.now)
    return [*labels, *autopilot(after(fulfilment, labels), world.policies, world.now)]


def _used(numbers: NumberRange, events: Iterable[Event]) -> NumberRange:
    for event in events:
        if getattr(event, "serial", None) is not None:
            numbers = numbers.after_use()
    return numbers


def _labels(fulfilment: Fulfilment, parcels: Iterable[Parcel], world: World) -> list[Event]:
    if world.policies.carriers[fulfilment.carrier].own_range:
        return _from_range(fulfilment, parcels, world)
    return request_labels(fulfilment, parcels)


def _from_range(fulfilment: Fulfilment, parcels: Iterable[Parcel], world: World) -> list[Event]:
    events: list[Event] = []
    by_carrier: dict[str, list[Parcel]] = {}
    for parcel in parcels:
        by_carrier.setdefault(parcel.carrier, []).append(parcel)
    for carrier, theirs in by_carrier.items():
        events += labels_from_range(fulfilment, theirs, _range(carrier, world), world.policies, world.now)
    return events


def _own_range(parcel: Parcel, policies: ShippingPolicies) -> bool:
    terms = policies.carriers.get(parcel.carrier)
    return terms is not None and terms.own_range


def _range(carrier: str, world: World) -> NumberRange:
    return world.state(range_entity(carrier)) or NumberRange(carrier)


def _standing(entity: str, world: World) -> Fulfilment:
    """The fulfilment that a command, a timer, an answer or a tag speaks of."""
    fulfilment: Fulfilment | None = world.state(entity)
    if fulfilment is None or not fulfilment.planned:
        raise UnknownFulfilment(f"no {entity} is known")
    return fulfilment
