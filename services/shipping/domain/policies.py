"""The settings that shipping's rules depend on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class CarrierTerms:
    """How a carrier is dealt with: numbers from our own range or a call, and the words of its scans."""

    own_range: bool
    vocabulary: str = "sandbox"


@dataclass(frozen=True, slots=True)
class ShippingPolicies:
    """`carrier` carries new fulfilments. Weights are grams; `tracking_url` holds `{tracking_number}`."""

    carrier: str = "doorstep"
    carriers: Mapping[str, CarrierTerms] = field(
        default_factory=lambda: {"doorstep": CarrierTerms(own_range=True)}
    )
    parcel_max_g: int = 30_000
    autopilot: bool = False
    autopilot_after_seconds: int = 0
    tracking_url: str = "http://127.0.0.1:8080/parcels/{tracking_number}"
    ship_from: str = ""

    def tracking_url_of(self, tracking_number: str) -> str:
        """Where a customer follows the parcel."""
        return self.tracking_url.replace("{tracking_number}", tracking_number)

    @property
    def hands_over_at_once(self) -> bool:
        """True when nobody waits for a person between the label and the carrier."""
        return self.autopilot and not self.autopilot_after_seconds

    def hand_over_at(self, now: datetime) -> datetime | None:
        """When the autopilot will hand over a parcel labelled now; None where a person does, or it is done at once."""
        if not self.autopilot or not self.autopilot_after_seconds:
            return None
        return now + timedelta(seconds=self.autopilot_after_seconds)
