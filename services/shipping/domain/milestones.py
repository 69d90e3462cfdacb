"""Where a parcel is, as its carrier's scans say, whatever order they arrive in.

The milestone is a function of the *set* of scans, never of their order of arrival (reference 4.2): the scan
with the highest rank stands, among equals the one with the latest carrier time. So a late, repeated or
out-of-order scan cannot move a parcel backwards, and all orders of the same scans end in the same place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from contracts.shipping import Milestone

SCANS_MAX = 500
"""Scans kept per parcel; real parcels have ten to thirty."""

RANKS: dict[Milestone, int] = {
    Milestone.LABEL_CREATED: 10,
    Milestone.VOID: 15,
    Milestone.PICKED_UP: 20,
    Milestone.IN_TRANSIT: 30,
    Milestone.DELAYED: 30,
    Milestone.ON_HOLD: 30,
    Milestone.CUSTOMS: 30,
    Milestone.OUT_FOR_DELIVERY: 40,
    Milestone.ATTEMPT_FAILED: 40,
    Milestone.READY_FOR_PICKUP: 45,
    Milestone.RETURN_TO_SENDER: 80,
    Milestone.LOST: 85,
    Milestone.DAMAGED: 85,
    Milestone.RETURNED: 95,
    Milestone.DELIVERED: 100,
}
"""Reference 4.2, with three choices that it leaves open:

* `out_for_delivery` (40) and `attempt_failed` (41) share a rank, since the table lets a failed attempt go
  back out for delivery: the later of the two stands.
* `delivered` (90) stands above `returned` (95): it is final, so nothing may outrank it in any order.
* `void` (no rank) stands below `picked_up`: a parcel that moves is not void.

`unknown` and `expired` have no rank and move nothing.
"""

FLAGS = frozenset({Milestone.DELAYED, Milestone.ON_HOLD, Milestone.CUSTOMS})
"""Trouble that may befall a parcel at any rank. It raises a flag and never lowers the milestone."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan that counts: what it means, when the carrier says it happened, and its id."""

    milestone: Milestone
    at: datetime
    scan_id: str

    def rank(self) -> tuple[int, datetime, str]:
        """What decides between scans: rank, then carrier time, then id (there is always one answer)."""
        return RANKS[self.milestone], self.at, self.scan_id


@dataclass(frozen=True, slots=True)
class Track:
    """A parcel's way so far: the scan that stands, the latest one by carrier time, and all ids ever seen."""

    highest: Scan | None = None
    latest: Scan | None = None
    seen: tuple[str, ...] = ()

    @property
    def milestone(self) -> Milestone:
        """Where the parcel is. Until the carrier says something, it has a label and nothing else."""
        return self.highest.milestone if self.highest else Milestone.LABEL_CREATED

    @property
    def flag(self) -> Milestone | None:
        """Trouble reported after everything else; None once the parcel moved on or was delivered."""
        if self.latest is None or self.milestone is Milestone.DELIVERED:
            return None
        return self.latest.milestone if self.latest.milestone in FLAGS else None

    def after(self, scan: Scan) -> Track:
        """The track with one more scan. A scan seen before, or one without a rank, moves nothing."""
        if scan.scan_id in self.seen:
            return self
        seen = (*self.seen, scan.scan_id)
        if scan.milestone not in RANKS:
            return Track(self.highest, self.latest, seen)
        return Track(_higher(self.highest, scan), _later(self.latest, scan), seen)


def _higher(known: Scan | None, scan: Scan) -> Scan:
    return scan if known is None or scan.rank() > known.rank() else known


def _later(known: Scan | None, scan: Scan) -> Scan:
    if known is None:
        return scan
    return max(known, scan, key=lambda each: (each.at, *each.rank()))
