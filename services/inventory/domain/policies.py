"""What a shop decides about its stock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Policies:
    """How long stock stays promised, and the period in which a SKU's availability is told at most once.

    One person may write off `write_off_units` at a time, worth at most `write_off_limits` minor units of a currency.
    """

    reservation: timedelta = timedelta(days=7)
    announcements: timedelta = timedelta(seconds=1)
    write_off_units: int | None = None
    write_off_limits: Mapping[str, int] = field(default_factory=dict)
