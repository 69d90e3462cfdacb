"""Keeping a carrier's scan, and whether it brings the parcel on."""

from __future__ import annotations

from contracts.event import Event
from contracts.shipping import ParcelScanned
from services.shipping.domain.commands import RecordScan
from services.shipping.domain.fulfilment import Fulfilment
from services.shipping.domain.milestones import SCANS_MAX, Scan, Track
from services.shipping.domain.policies import ShippingPolicies
from services.shipping.domain.refusing import refuse
from services.shipping.domain.vocabularies import milestone_of


def record_scan(command: RecordScan, fulfilment: Fulfilment, policies: ShippingPolicies) -> list[Event]:
    """Every scan is kept once, as it came; `advanced` says whether the parcel's milestone changed by it."""
    parcel = fulfilment.parcel(command.parcel_id)
    if parcel is None or not parcel.tracking_number:
        return [refuse(command, fulfilment, f"{command.parcel_id} has no tracking number to be scanned")]
    track = parcel.track or Track()
    if command.scan_id in track.seen:
        return []
    if len(track.seen) >= SCANS_MAX:
        return [refuse(command, fulfilment, f"{command.parcel_id} already has {SCANS_MAX} scans")]
    terms = policies.carriers.get(parcel.carrier)
    vocabulary = command.vocabulary or (terms.vocabulary if terms else "")
    milestone = milestone_of(vocabulary, command.code)
    moved = track.after(Scan(milestone, command.scanned_at, command.scan_id))
    return [
        ParcelScanned(
            order_id=fulfilment.order_id,
            parcel_id=parcel.parcel_id,
            scan_id=command.scan_id,
            milestone=milestone,
            carrier_code=command.code,
            scanned_at=command.scanned_at,
            place=command.place,
            advanced=moved.milestone is not track.milestone,
            actor=command.actor,
        )
    ]
