"""A fulfilment: the warehouse's work for one order, parcel by parcel. State and transitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from contracts.address import Address, Recipient
from contracts.event import Event
from contracts.placed_order import Units
from contracts.shipping import (
    FulfilmentCancelled,
    LabelBought,
    LabelFailed,
    LabelRequested,
    LabelVoided,
    ParcelDispatched,
)
from services.shipping.domain.milestones import Track


class ParcelState(StrEnum):
    """Where a parcel is inside the house. What happens after the hand-over is its track."""

    PLANNED = "planned"
    LABEL_REQUESTED = "label_requested"
    LABEL_FAILED = "label_failed"
    LABELLED = "labelled"
    DISPATCHED = "dispatched"
    STOPPING = "stopping"
    VOIDING = "voiding"
    VOID = "void"


class FulfilmentState(StrEnum):
    """The fulfilment as a whole, derived from its parcels."""

    UNPLANNED = "unplanned"
    LABELLING = "labelling"
    LABEL_FAILED = "label_failed"
    LABELLED = "labelled"
    PARTLY_DISPATCHED = "partly_dispatched"
    DISPATCHED = "dispatched"
    CANCELLED = "cancelled"


P = ParcelState
TRANSITIONS: Mapping[type[Event], Mapping[ParcelState, ParcelState]] = {
    LabelRequested: {P.PLANNED: P.LABEL_REQUESTED, P.LABEL_FAILED: P.LABEL_REQUESTED},
    LabelBought: {
        P.PLANNED: P.LABELLED,
        P.LABEL_REQUESTED: P.LABELLED,
        P.LABEL_FAILED: P.LABELLED,
        P.STOPPING: P.VOIDING,
    },
    LabelFailed: {
        P.PLANNED: P.LABEL_FAILED,
        P.LABEL_REQUESTED: P.LABEL_FAILED,
        P.STOPPING: P.VOID,
    },
    LabelVoided: {P.VOIDING: P.VOID},
    ParcelDispatched: {P.LABELLED: P.DISPATCHED},
    FulfilmentCancelled: {
        P.PLANNED: P.VOID,
        P.LABEL_REQUESTED: P.STOPPING,
        P.LABEL_FAILED: P.VOID,
        P.LABELLED: P.VOIDING,
    },
}
"""Every move a parcel can make. `stopping`: cancelled while the carrier was being asked, its answer is
awaited. `voiding`: cancelled with a label, which is being given back.
"""

ALLOWED: Mapping[ParcelState, tuple[str, ...]] = {
    P.LABEL_FAILED: ("RetryLabel",),
    P.LABELLED: ("DispatchFulfilment", "RecordScan"),
    P.DISPATCHED: ("RecordScan",),
}
"""The commands that can do something, by parcel state."""

ENDED = frozenset({P.DISPATCHED, P.VOID})


class ImpossibleFact(Exception):
    """An event that cannot follow on the parcel's state. Only a broken log or a broken rule leads here."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One label, one tracking number. `attempt` counts how often a label was asked for."""

    parcel_id: str
    carrier: str
    lines: tuple[Units, ...]
    weight_g: int
    state: ParcelState = P.PLANNED
    attempt: int = 0
    reference: str = ""
    tracking_number: str = ""
    tracking_url: str = ""
    own_range: bool = False
    awaits_range: bool = False
    problem: str = ""
    hand_over_at: datetime | None = None
    track: Track | None = None

    @property
    def next_reference(self) -> str:
        """What the next label is asked for under. Derived: asking again after a crash asks the same."""
        return f"{self.parcel_id}-l{self.attempt + 1}"


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """All parcels of an order. Address and recipient are kept only while a later decision can need them."""

    order_id: str
    carrier: str = ""
    ship_to: Address | None = None
    recipient: Recipient | None = None
    parcels: tuple[Parcel, ...] = ()
    cancelled: bool = False

    @property
    def fulfilment_id(self) -> str:
        """`ful-<order id>`."""
        return f"ful-{self.order_id}"

    @property
    def planned(self) -> bool:
        """False for an order that was only asked about, never released to the warehouse."""
        return bool(self.carrier)

    @property
    def state(self) -> FulfilmentState:
        """The fulfilment's state, from its parcels': the worst news first."""
        if not self.planned:
            return FulfilmentState.UNPLANNED
        if self.cancelled:
            return FulfilmentState.CANCELLED
        states = {parcel.state for parcel in self.parcels}
        return next((state for state, holds in _DERIVED if holds(states)), FulfilmentState.LABELLING)

    @property
    def allowed(self) -> tuple[str, ...]:
        """The commands that can do something now."""
        return tuple(dict.fromkeys(name for parcel in self.parcels for name in ALLOWED.get(parcel.state, ())))

    def parcel(self, parcel_id: str) -> Parcel | None:
        """The parcel with this id."""
        return next((parcel for parcel in self.parcels if parcel.parcel_id == parcel_id), None)

    def in_state(self, *states: ParcelState) -> tuple[Parcel, ...]:
        """The parcels in one of these states, in order."""
        return tuple(parcel for parcel in self.parcels if parcel.state in states)


_DERIVED: tuple[tuple[FulfilmentState, Callable[[set[ParcelState]], bool]], ...] = (
    (FulfilmentState.DISPATCHED, lambda states: states <= {P.DISPATCHED}),
    (FulfilmentState.LABEL_FAILED, lambda states: P.LABEL_FAILED in states),
    (FulfilmentState.PARTLY_DISPATCHED, lambda states: P.DISPATCHED in states),
    (FulfilmentState.LABELLED, lambda states: states == {P.LABELLED}),
)


def entity_of(order_id: str) -> str:
    """The entity of an order's fulfilment."""
    return f"fulfilment/{order_id}"
