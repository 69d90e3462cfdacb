"""The sandbox carrier's own books: what it sold, refused, voided and scanned, on disk before anybody hears of it."""

from __future__ import annotations

from typing import Any

import msgspec

from chassis.truth_log import TruthLog
from services.shipping.domain.tracking_number import tracking_number


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


class Books:
    """What stands under each reference, and what was seen of each parcel: rebuilt from the log."""

    def __init__(self, log: TruthLog) -> None:
        self._log = log
        self._answers: dict[str, dict[str, Any]] = {}
        self._scans: dict[str, list[dict[str, Any]]] = {}
        self._serial = 0
        for entry in log.records:
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

    async def _record(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Known at once, so that nothing else happens under its reference; returned when it is on disk."""
        self._apply(entry)
        await self._log.append(entry)
        return entry

    async def answer_to(self, reference: str) -> dict[str, Any] | None:
        """What stands under a reference: a label, a refusal, or a void; None if it was never used."""
        known = self._answers.get(reference)
        if known is not None:
            await self._log.settled()
        return known

    async def sell(self, purchase: Purchase) -> dict[str, Any]:
        """The label of this reference, made now or before. A refused or voided reference stays so."""
        known = await self.answer_to(purchase.reference)
        if known is not None:
            return known
        number = tracking_number("SB", self._serial + 1, "ZZ")
        return await self._record(
            {
                "kind": "label",
                "reference": purchase.reference,
                "parcel_id": purchase.parcel_id,
                "tracking_number": number,
                "cost_minor": 390 + 50 * (purchase.weight_g // 1000),
                "currency": "EUR",
            }
        )

    async def refuse(self, reference: str, reason: str) -> dict[str, Any]:
        """The refusal of this reference, unless something else stands under it."""
        entry = {"kind": "refused", "reference": reference, "refused": reason}
        return await self.answer_to(reference) or await self._record(entry)

    async def void(self, reference: str) -> dict[str, Any]:
        """Void whatever stands under the reference, so that nothing can be bought under it any more."""
        known = await self.answer_to(reference) or {}
        if known.get("kind") == "voided":
            return known
        entry = {"kind": "voided", "reference": reference, "refused": "this reference was voided"}
        return await self._record(entry | {"tracking_number": known.get("tracking_number", "")})

    async def scan(self, number: str, report: ScanReport) -> dict[str, Any]:
        """Keep a scan, to be fetched."""
        return await self._record({"kind": "scan", "tracking_number": number} | msgspec.to_builtins(report))

    def scans(self, number: str) -> list[dict[str, Any]]:
        """All scans of a parcel, as they were reported."""
        return self._scans.get(number, [])
