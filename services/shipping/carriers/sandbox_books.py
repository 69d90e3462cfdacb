"""The sandbox carrier's own books: what it sold, refused, voided and scanned, on disk before anybody hears of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import msgspec

from services.shipping.domain.tracking_number import tracking_number

type Mode = Literal["ok", "refuse", "fail_500", "timeout_after_effect", "late"]


class Behaviour(msgspec.Struct, frozen=True):
    """How purchases are treated. `count` None spoils without end."""

    mode: Mode = "ok"
    every: int = 1
    seconds: float = 0.0
    count: int | None = None


class Purchase(msgspec.Struct):
    """What is read of a request for a label; whatever else it says is kept in the log."""

    reference: str
    parcel_id: str
    weight_g: int = 0


class ScanReport(msgspec.Struct):
    """A scan that the sandbox is told to serve."""

    scan_id: str
    code: str
    at: str
    place: str = ""


class TruthLog:
    """Append-only JSON lines, synced before `append` returns. A torn last line is what never happened."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.entries: list[dict[str, Any]] = [msgspec.json.decode(line) for line in self._whole_lines(path)]
        self._file = path.open("ab")

    @staticmethod
    def _whole_lines(path: Path) -> list[bytes]:
        if not path.exists():
            return []
        data = path.read_bytes()
        end = data.rfind(b"\n") + 1
        if end < len(data):
            os.truncate(path, end)
        return data[:end].splitlines()

    def append(self, entry: dict[str, Any]) -> None:
        """Write one entry through to the disk."""
        self._file.write(msgspec.json.encode(entry) + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.entries.append(entry)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class Sandbox:
    """The carrier's own books, and its manners."""

    def __init__(self, log: TruthLog) -> None:
        self.log = log
        self.behaviour = Behaviour()
        self._seen = 0
        self._spoilt = 0
        self._answers: dict[str, dict[str, Any]] = {}
        self._scans: dict[str, list[dict[str, Any]]] = {}
        self._serial = 0
        for entry in log.entries:
            self._apply(entry)

    def _apply(self, entry: dict[str, Any]) -> None:
        match entry["kind"]:
            case "label":
                self._serial += 1
                self._answers[entry["reference"]] = entry
            case "refused" | "voided":
                self._answers[entry["reference"]] = entry
            case "scan":
                self._scans.setdefault(entry["tracking_number"], []).append(entry)

    def _record(self, entry: dict[str, Any]) -> dict[str, Any]:
        self.log.append(entry)
        self._apply(entry)
        return entry

    def answer_to(self, reference: str) -> dict[str, Any] | None:
        """What stands under a reference: a label, a refusal, or a void; None if it was never used."""
        return self._answers.get(reference)

    def sell(self, purchase: Purchase) -> dict[str, Any]:
        """The label of this reference, made now or before. A refused or voided reference stays so."""
        known = self.answer_to(purchase.reference)
        if known is not None:
            return known
        number = tracking_number("SB", self._serial + 1, "ZZ")
        return self._record(
            {
                "kind": "label",
                "reference": purchase.reference,
                "parcel_id": purchase.parcel_id,
                "tracking_number": number,
                "cost_minor": 390 + 50 * (purchase.weight_g // 1000),
                "currency": "EUR",
            }
        )

    def refuse(self, reference: str, reason: str) -> dict[str, Any]:
        """The refusal of this reference, unless something else stands under it."""
        entry = {"kind": "refused", "reference": reference, "refused": reason}
        return self.answer_to(reference) or self._record(entry)

    def void(self, reference: str) -> dict[str, Any]:
        """Void whatever stands under the reference, so that nothing can be bought under it any more."""
        known = self.answer_to(reference) or {}
        if known.get("kind") == "voided":
            return known
        entry = {"kind": "voided", "reference": reference, "refused": "this reference was voided"}
        return self._record(entry | {"tracking_number": known.get("tracking_number", "")})

    def scan(self, number: str, report: ScanReport) -> dict[str, Any]:
        """Keep a scan, to be fetched."""
        return self._record({"kind": "scan", "tracking_number": number} | msgspec.to_builtins(report))

    def scans(self, number: str) -> list[dict[str, Any]]:
        """All scans of a parcel, as they were reported."""
        return self._scans.get(number, [])

    def spoils_next(self) -> bool:
        """Whether this purchase is one to misbehave on."""
        wanted = self.behaviour
        self._seen += 1
        if wanted.mode == "ok" or self._seen % wanted.every:
            return False
        if wanted.count is not None and self._spoilt >= wanted.count:
            return False
        self._spoilt += 1
        return True

    def behave(self, behaviour: Behaviour) -> None:
        """From now on like this; counters start anew."""
        self.behaviour, self._seen, self._spoilt = behaviour, 0, 0
