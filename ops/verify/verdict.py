"""What an auditor concludes about one invariant, and how it gets there."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

OFFENDERS_SHOWN = 5

TITLES = {
    "I1": "every acknowledged message is decided, nothing unexpected",
    "I2": "versions and positions contiguous, ids unique, hash chain unbroken",
    "I3": "every order in one state, reached by allowed transitions",
    "I4": "one charge per payment, the gateway agrees",
    "I5": "stock is the sum of its movements, never oversold",
    "I6": "every reservation ends",
    "I7": "debits equal credits, invoices gapless",
    "I8": "payouts are explained to the cent",
    "I9": "each notification once",
    "I10": "stream equals store, consumers caught up",
    "I11": "replayed state equals live state",
    "I12": "received = applied + parked + pending",
    "I13": "every cause exists",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an invariant holds; `checked` counts facts looked at, `detail` names the first offenders."""

    id: str
    holds: bool
    checked: int
    detail: str = ""

    def as_json(self) -> dict[str, Any]:
        """The shape other programs rely on."""
        return asdict(self)


@dataclass(slots=True)
class Tally:
    """What was checked for one invariant so far, and what was wrong with it."""

    id: str
    checked: int = 0
    pending: int = 0
    faults: int = 0
    first: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def fault(self, where: str, what: str) -> None:
        """Something breaks the invariant: `where` is an entity and position, `what` says how."""
        self.faults += 1
        if len(self.first) < OFFENDERS_SHOWN:
            self.first.append(f"{where}: {what}")

    def check(self, right: bool, where: str, what: str) -> None:
        """Count one fact, and note it if it is not right."""
        self.checked += 1
        if not right:
            self.fault(where, what)

    def verdict(self) -> Verdict:
        """The conclusion. Work in flight is told, and breaks nothing."""
        waiting = [f"pending {self.pending}"] if self.pending else []
        counted = [f"{self.faults} found"] if self.faults > len(self.first) else []
        return Verdict(
            self.id, not self.faults, self.checked, "; ".join(counted + self.first + self.notes + waiting)
        )
