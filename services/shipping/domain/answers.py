"""What is asked of a carrier, and what it may answer. No answer at all is an exception of the adapter, not a value."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.address import Address


@dataclass(frozen=True, slots=True)
class LabelRequest:
    """One label, asked for under `reference`: whoever asks twice under one reference gets the same label."""

    carrier: str
    reference: str
    order_id: str
    parcel_id: str
    weight_g: int
    ship_to: Address


@dataclass(frozen=True, slots=True)
class Label:
    """The carrier's label. `tracking_url` is empty where it has no page of its own; cost in minor units."""

    reference: str
    tracking_number: str
    tracking_url: str = ""
    cost_minor: int = 0
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """The carrier will not, for this reason. Asking the same again will not help."""

    reason: str


@dataclass(frozen=True, slots=True)
class VoidRequest:
    """Give a label back, by the reference it was bought under."""

    carrier: str
    reference: str


@dataclass(frozen=True, slots=True)
class Voided:
    """The label is given back, or there was none."""
