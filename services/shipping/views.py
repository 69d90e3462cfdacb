"""Fulfilments, parcels and ranges as others see them: JSON shapes made of states and of what was recorded."""

from __future__ import annotations

from typing import Any

from chassis.http import Recorded
from contracts.shipping import LabelBought, ParcelDispatched, ParcelScanned
from services.shipping.domain.fulfilment import Fulfilment, Parcel
from services.shipping.domain.milestones import Track
from services.shipping.domain.number_range import NumberRange


def fulfilment_view(fulfilment: Fulfilment) -> dict[str, Any]:
    """A fulfilment with its parcels."""
    return {
        "fulfilment_id": fulfilment.fulfilment_id,
        "order_id": fulfilment.order_id,
        "state": fulfilment.state,
        "carrier": fulfilment.carrier,
        "allowed": list(fulfilment.allowed),
        "parcels": [parcel_view(parcel) for parcel in fulfilment.parcels],
    }


def parcel_view(parcel: Parcel) -> dict[str, Any]:
    """A parcel: inside the house by `state`, outside by `milestone`. `flag` is trouble on the way."""
    track = parcel.track or Track()
    return {
        "parcel_id": parcel.parcel_id,
        "state": parcel.state,
        "carrier": parcel.carrier,
        "tracking_number": parcel.tracking_number,
        "tracking_url": parcel.tracking_url,
        "milestone": track.milestone if parcel.tracking_number else None,
        "flag": track.flag,
        "weight_g": parcel.weight_g,
        "problem": parcel.problem,
        "lines": [{"sku": line.sku, "quantity": line.quantity} for line in parcel.lines],
    }


def tracking_view(fulfilment: Fulfilment, parcel: Parcel, history: list[Recorded]) -> dict[str, Any]:
    """A parcel's tracking page: where it is, and its whole way by the carrier's own times, without personal data."""
    way = [row for recorded in history if (row := _way_point(recorded, parcel.parcel_id))]
    return {
        "order_id": fulfilment.order_id,
        "fulfilment_id": fulfilment.fulfilment_id,
        **parcel_view(parcel),
        "events": sorted(way, key=lambda row: row["at"]),
    }


def _way_point(recorded: Recorded, parcel_id: str) -> dict[str, Any] | None:
    match recorded.event:
        case ParcelScanned(parcel_id=scanned) as scan if scanned == parcel_id:
            return {
                "at": scan.scanned_at.isoformat(),
                "what": scan.milestone,
                "code": scan.carrier_code,
                "place": scan.place,
                "advanced": scan.advanced,
            }
        case LabelBought(parcel_id=labelled) if labelled == parcel_id:
            return _own_point(recorded, "label_created")
        case ParcelDispatched(parcel_id=handed) if handed == parcel_id:
            return _own_point(recorded, "handed_over")
        case _:
            return None


def _own_point(recorded: Recorded, what: str) -> dict[str, Any]:
    return {"at": recorded.time.isoformat(), "what": what, "code": "", "place": "", "advanced": True}


def range_view(numbers: NumberRange) -> dict[str, Any]:
    """A carrier's own range: the next number and how many are left."""
    return {
        "carrier": numbers.carrier,
        "next": None if numbers.exhausted else numbers.number(),
        "left": numbers.left,
        "blocks": [
            {
                "range_id": block.range_id,
                "prefix": block.prefix,
                "suffix": block.suffix,
                "first": block.first,
                "last": block.last,
            }
            for block in numbers.blocks
        ],
    }
