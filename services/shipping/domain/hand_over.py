"""Handing parcels over to the carrier, by a person or by the autopilot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from contracts.address import Recipient
from contracts.event import Event
from contracts.shipping import ParcelDispatched
from services.shipping.domain.commands import DispatchFulfilment
from services.shipping.domain.fulfilment import Fulfilment, Parcel, ParcelState
from services.shipping.domain.policies import ShippingPolicies
from services.shipping.domain.refusing import refuse

AUTOPILOT = "autopilot"


def dispatch(command: DispatchFulfilment, fulfilment: Fulfilment, now: datetime) -> Sequence[Event]:
    """Hand over the parcels named, all or none of them; without names, every parcel that has a label."""
    unknown = [name for name in command.parcels if fulfilment.parcel(name) is None]
    if unknown:
        return [refuse(command, fulfilment, f"{unknown[0]} is no parcel of this fulfilment")]
    if fulfilment.cancelled:
        return [refuse(command, fulfilment, "the fulfilment was cancelled, its labels are void")]
    chosen = [p for p in fulfilment.parcels if not command.parcels or p.parcel_id in command.parcels]
    ready = [parcel for parcel in chosen if parcel.state is ParcelState.LABELLED]
    unready = [p for p in chosen if p.state not in (ParcelState.LABELLED, ParcelState.DISPATCHED)]
    if unready and (command.parcels or not ready):
        return [refuse(command, fulfilment, _why_not(unready[0]))]
    return hand_over(fulfilment, ready, now, command.actor, command.reason)


def autopilot(
    fulfilment: Fulfilment, policies: ShippingPolicies, now: datetime
) -> Sequence[ParcelDispatched]:
    """What is handed over at once, by policy."""
    if not policies.hands_over_at_once or fulfilment.cancelled:
        return ()
    return hand_over(fulfilment, fulfilment.in_state(ParcelState.LABELLED), now, AUTOPILOT)


def hand_over_due(fulfilment: Fulfilment, now: datetime) -> Sequence[ParcelDispatched]:
    """What the autopilot promised to hand over by now."""
    due = [
        parcel
        for parcel in fulfilment.in_state(ParcelState.LABELLED)
        if parcel.hand_over_at is not None and parcel.hand_over_at <= now
    ]
    return hand_over(fulfilment, due, now, AUTOPILOT)


def hand_over(
    fulfilment: Fulfilment, parcels: Iterable[Parcel], now: datetime, actor: str, reason: str = ""
) -> list[ParcelDispatched]:
    """Dispatched, one event per parcel; `last` on the one after which nothing of the order is left in the house."""
    left = sum(parcel.state is not ParcelState.DISPATCHED for parcel in fulfilment.parcels)
    return [
        ParcelDispatched(
            order_id=fulfilment.order_id,
            fulfilment_id=fulfilment.fulfilment_id,
            parcel_id=parcel.parcel_id,
            carrier=parcel.carrier,
            tracking_number=parcel.tracking_number,
            tracking_url=parcel.tracking_url,
            lines=parcel.lines,
            recipient=fulfilment.recipient or Recipient(),
            actor=actor,
            reason=reason,
            last=handed == left,
            dispatched_at=now,
        )
        for handed, parcel in enumerate(parcels, 1)
    ]


def _why_not(parcel: Parcel) -> str:
    why = f": {parcel.problem}" if parcel.problem else ""
    return f"{parcel.parcel_id} has no label{why}"
