"""The sandbox gateway's own books: charges and refunds by reference, rebuilt from its truth log, and its payouts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chassis.truth_log import TruthLog
from contracts.money import divide_half_up

FEE_PER_MILLE, FEE_FIXED_MINOR = 29, 30
"""2.9 % of a charge, rounded half up, and 30 minor units."""


class ReferenceReused(Exception):
    """The reference was used before for something else. Nothing was moved."""


class Accounts:
    """What was done under each reference: the same reference again is answered with what was done the first time."""

    def __init__(self, log: TruthLog) -> None:
        self._log = log
        self.charges = {r["reference"]: r for r in log.records if r["of"] == "charge"}
        self.refunds = {r["reference"]: r for r in log.records if r["of"] == "refund"}

    def known(self, of: str, reference: str, amount_minor: int, currency: str) -> dict[str, Any] | None:
        """What was done under a reference, or None. Raises `ReferenceReused` for another amount or currency."""
        record = (self.charges if of == "charge" else self.refunds).get(reference)
        if record and (record["amount_minor"], record["currency"]) != (amount_minor, currency):
            raise ReferenceReused(f"{reference} was used for {record['amount_minor']} {record['currency']}")
        return record

    async def write(self, record: dict[str, Any]) -> dict[str, Any]:
        """Do it: known under its reference at once, answered when it is on disk."""
        (self.charges if record["of"] == "charge" else self.refunds)[record["reference"]] = record
        await self._log.append(record)
        return record

    def refundable(self, charge_reference: str) -> int:
        """What of a charge was not given back yet; 0 for an unknown or declined one."""
        charge = self.charges.get(charge_reference)
        if charge is None or charge["status"] != "captured":
            return 0
        of_charge = [r for r in _done(self.refunds.values()) if r["charge_reference"] == charge_reference]
        left: int = charge["amount_minor"] - sum(record["amount_minor"] for record in of_charge)
        return left

    def payout(self, payout_id: str, currency: str, first: int) -> dict[str, Any]:
        """A settlement statement of everything since record `first` of the log, as `POST /payouts` takes it."""
        records = [r for r in _done(self._log.records[first:]) if r["currency"] == currency]
        lines = [_charge_line(r) if r["of"] == "charge" else _refund_line(r) for r in records]
        return {
            "provider": "sandbox",
            "payout_id": payout_id,
            "currency": currency,
            "total_minor": sum(line["net_minor"] for line in lines),
            "lines": lines,
            "next": len(self._log.records),
        }


def fee_of(amount_minor: int) -> int:
    """The fee of a charge."""
    return divide_half_up(amount_minor * FEE_PER_MILLE, 1000) + FEE_FIXED_MINOR


def _done(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [record for record in records if record["status"] in ("captured", "refunded")]


def _charge_line(record: dict[str, Any]) -> dict[str, Any]:
    gross = record["amount_minor"]
    return _line("charge", record["reference"], gross, fee_of(gross))


def _refund_line(record: dict[str, Any]) -> dict[str, Any]:
    return _line("refund", record["reference"], -record["amount_minor"], 0)


def _line(kind: str, reference: str, gross: int, fee: int) -> dict[str, Any]:
    return {
        "kind": kind,
        "reference": reference,
        "gross_minor": gross,
        "fee_minor": fee,
        "net_minor": gross - fee,
    }
