"""How a fulfilment changes by what happened. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from contracts.address import Address
from contracts.event import Event
from contracts.frozen import replace
from contracts.parking import REFUSALS
from contracts.shipping import (
    CancellationRefused,
    FulfilmentCancelled,
    FulfilmentPlanned,
    LabelBought,
    LabelFailed,
    LabelRequested,
    LabelVoided,
    ParcelDispatched,
    ParcelScanned,
)
from services.shipping.domain.fulfilment import (
    ENDED,
    TRANSITIONS,
    Fulfilment,
    ImpossibleFact,
    Parcel,
    entity_of,
)
from services.shipping.domain.milestones import Scan, Track

type ParcelFact = LabelRequested | LabelBought | LabelFailed | LabelVoided | ParcelDispatched


def evolve_fulfilment(state: Fulfilment | None, event: Any, entity: str) -> Fulfilment:
    """The fulfilment after an event. Raises `ImpossibleFact` for one that cannot follow."""
    known = state or Fulfilment(order_id=entity.partition("/")[2])
    return _EVOLVE[type(event)](known, event)


def after(state: Fulfilment, events: Iterable[Event]) -> Fulfilment:
    """The fulfilment after several events of its own."""
    entity = entity_of(state.order_id)
    for event in events:
        state = evolve_fulfilment(state, event, entity)
    return state


def _planned(known: Fulfilment, event: FulfilmentPlanned) -> Fulfilment:
    parcels = tuple(
        Parcel(planned.parcel_id, event.carrier, planned.lines, planned.weight_g) for planned in event.parcels
    )
    return replace(
        known, carrier=event.carrier, ship_to=event.ship_to, recipient=event.recipient, parcels=parcels
    )


def _label_requested(known: Fulfilment, event: LabelRequested) -> Fulfilment:
    parcel = _parcel_of(known, event)
    asked = _moved(
        parcel, event, carrier=event.carrier, reference=event.reference, attempt=parcel.attempt + 1,
        problem="", awaits_range=False,
    )  # fmt: skip
    return _with(known, asked, event.ship_to)


def _label_bought(known: Fulfilment, event: LabelBought) -> Fulfilment:
    labelled = _moved(
        _parcel_of(known, event), event, carrier=event.carrier, reference=event.reference,
        own_range=event.serial is not None, tracking_number=event.tracking_number,
        tracking_url=event.tracking_url, hand_over_at=event.hand_over_at, problem="", awaits_range=False,
    )  # fmt: skip
    return _with(known, labelled)


def _label_failed(known: Fulfilment, event: LabelFailed) -> Fulfilment:
    parcel = _parcel_of(known, event)
    return _with(known, _moved(parcel, event, problem=event.reason, awaits_range=event.range_exhausted))


def _parcel_moved(known: Fulfilment, event: ParcelFact) -> Fulfilment:
    return _with(known, _moved(_parcel_of(known, event), event))


def _cancelled(known: Fulfilment, event: FulfilmentCancelled) -> Fulfilment:
    stopped = tuple(_moved(parcel, event) for parcel in known.parcels)
    return _kept(known, stopped, known.ship_to, cancelled=True)


def _scanned(known: Fulfilment, event: ParcelScanned) -> Fulfilment:
    parcel = _parcel_of(known, event)
    scan = Scan(event.milestone, event.scanned_at, event.scan_id)
    return _with(known, replace(parcel, track=(parcel.track or Track()).after(scan)))


def _unchanged(known: Fulfilment, event: Event) -> Fulfilment:
    return known


def _parcel_of(known: Fulfilment, event: ParcelFact | ParcelScanned) -> Parcel:
    parcel = known.parcel(event.parcel_id)
    if parcel is None:
        raise ImpossibleFact(f"{type(event).TYPE}: {event.parcel_id} is no parcel of {known.order_id}")
    return parcel


def _moved(parcel: Parcel, event: ParcelFact | FulfilmentCancelled, **changes: Any) -> Parcel:
    """The parcel in the state that follows on the event."""
    following = TRANSITIONS[type(event)].get(parcel.state)
    if following is None:
        raise ImpossibleFact(f"{type(event).TYPE} cannot follow: {parcel.parcel_id} is {parcel.state}")
    return replace(parcel, state=following, **changes)


def _with(known: Fulfilment, changed: Parcel, ship_to: Address | None = None) -> Fulfilment:
    parcels = tuple(changed if parcel.parcel_id == changed.parcel_id else parcel for parcel in known.parcels)
    return _kept(known, parcels, ship_to or known.ship_to, known.cancelled)


def _kept(
    known: Fulfilment, parcels: tuple[Parcel, ...], ship_to: Address | None, cancelled: bool
) -> Fulfilment:
    """The next state, without personal data once every parcel has ended and no decision can need it again."""
    ended = all(parcel.state in ENDED for parcel in parcels)
    return Fulfilment(
        order_id=known.order_id,
        carrier=known.carrier,
        ship_to=None if ended else ship_to,
        recipient=None if ended else known.recipient,
        parcels=parcels,
        cancelled=cancelled,
    )


_EVOLVE: Mapping[type[Event], Callable[[Fulfilment, Any], Fulfilment]] = {
    FulfilmentPlanned: _planned,
    LabelRequested: _label_requested,
    LabelBought: _label_bought,
    LabelFailed: _label_failed,
    LabelVoided: _parcel_moved,
    ParcelDispatched: _parcel_moved,
    FulfilmentCancelled: _cancelled,
    CancellationRefused: _unchanged,
    ParcelScanned: _scanned,
    REFUSALS["shipping"].command_refused: _unchanged,
}
