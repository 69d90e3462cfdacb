"""What a shop decides about its stock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Policies:
    """How long stock stays promised, and the period in which a SKU's availability is told at most once."""

    reservation: timedelta = timedelta(days=7)
    announcements: timedelta = timedelta(seconds=1)
