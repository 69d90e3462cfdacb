"""What people and programs ask of shipping."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from contracts.address import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchFulfilment:
    """Hand parcels over to the carrier: those named, or every one that has a label."""

    order_id: str
    actor: str
    reason: str = ""
    parcels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryLabel:
    """Ask again for the labels that failed, with a corrected address or another carrier."""

    order_id: str
    actor: str
    reason: str
    parcels: tuple[str, ...] = ()
    carrier: str = ""
    ship_to: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordScan:
    """Keep a carrier's scan, reported by `actor`. `vocabulary` says whose words `code` speaks: by default its own."""

    order_id: str
    parcel_id: str
    scan_id: str
    code: str
    scanned_at: datetime
    place: str = ""
    vocabulary: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRange:
    """Add a block of tracking numbers to a carrier's own range; parcels that waited for one get theirs."""

    carrier: str
    range_id: str
    prefix: str
    suffix: str
    first: int
    last: int
    actor: str
    reason: str
