"""What a fulfilment still waits for: its calls, its timers, and the tags it is found under."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from chassis.declare import Call
from contracts.address import Address
from services.shipping.domain.answers import LabelRequest, VoidRequest
from services.shipping.domain.fulfilment import ENDED, Fulfilment, Parcel, ParcelState
from services.shipping.domain.labelling import AWAITING_LABEL
from services.shipping.reactions import awaits_range

LABEL, VOID, HAND_OVER = "label", "void", "hand_over"


def calls_of(fulfilment: Fulfilment) -> Mapping[str, Call]:
    """A label asked for, or to be given back: one call each, by our reference.

    A parcel cancelled while the carrier is being asked keeps its label call: only its answer tells whether
    there is a label to give back.
    """
    calls: dict[str, Call] = {}
    for parcel in fulfilment.parcels:
        if parcel.state in ENDED:
            continue
        if parcel.state in AWAITING_LABEL:
            calls[f"{LABEL}/{parcel.reference}"] = Call(LABEL, _label_request(fulfilment, parcel))
        elif parcel.state is ParcelState.VOIDING and not parcel.own_range:
            calls[f"{VOID}/{parcel.reference}"] = Call(VOID, VoidRequest(parcel.carrier, parcel.reference))
    return calls


def timers_of(fulfilment: Fulfilment) -> Mapping[str, datetime]:
    """When the autopilot hands the next parcel over."""
    due = [
        parcel.hand_over_at
        for parcel in fulfilment.parcels
        if parcel.hand_over_at is not None and parcel.state is ParcelState.LABELLED
    ]
    return {HAND_OVER: min(due)} if due else {}


def tags_of(fulfilment: Fulfilment) -> Iterable[str]:
    """`state=...` (counted), `tracking:<number>` per parcel, `awaits_range:<carrier>` where numbers have run out."""
    tags = [f"state={fulfilment.state}"]
    tags += [f"tracking:{parcel.tracking_number}" for parcel in fulfilment.parcels if parcel.tracking_number]
    tags += [
        awaits_range(p.carrier)
        for p in fulfilment.parcels
        if p.awaits_range and p.state is ParcelState.LABEL_FAILED
    ]
    return tags


def _label_request(fulfilment: Fulfilment, parcel: Parcel) -> LabelRequest:
    return LabelRequest(
        carrier=parcel.carrier,
        reference=parcel.reference,
        order_id=fulfilment.order_id,
        parcel_id=parcel.parcel_id,
        weight_g=parcel.weight_g,
        ship_to=fulfilment.ship_to or Address(),
    )
