"""A file's rows to inventory, in chunks, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import batched
from pathlib import Path
from typing import Any

from ops.asking import Services
from ops.console import Progress
from ops.importing.csv_rows import SHEETS, Row, rows
from ops.system import System

CHUNK_ROWS = 500


@dataclass(slots=True)
class Report:
    """What became of a file's rows. `refused` holds `{"line", "error"}` in the order of lines."""

    accepted: int = 0
    unchanged: int = 0
    refused: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether the file had no rows."""
        return not (self.accepted or self.unchanged or self.refused)

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {"accepted": self.accepted, "unchanged": self.unchanged, "refused": self.refused}

    def add(self, answer: dict[str, Any]) -> None:
        """Take in what inventory said of one chunk."""
        self.accepted += answer["accepted"]
        self.unchanged += answer["unchanged"]
        self.refused += answer["refused"]

    def verdict(self, file: Path) -> str:
        """One sentence on a file of which something was refused."""
        if not self.accepted + self.unchanged:
            return f"nothing of {file} went in"
        number = len(self.refused)
        refused = "1 row of {} was" if number == 1 else f"{number:,} rows of {{}} were"
        return f"{refused.format(file)} refused, the others went in"


async def import_text(system: System, sheet: str, text: str, reference: str) -> Report:
    """Send a file's rows to inventory in chunks; rows that cannot be read are refused here, by line."""
    report, good = Report(), []
    for row in rows(text, SHEETS[sheet]):
        if isinstance(row, Row):
            good.append({"line": row.line, **row.values})
        else:
            report.refused.append({"line": row.line, "error": row.error})
    progress = Progress(f"importing {sheet}", len(good))
    async with Services(system, answer_within_seconds=60.0) as services:
        for number, chunk in enumerate(batched(good, CHUNK_ROWS), start=1):
            body = {"rows": chunk, "actor": "doorstep import", "reference": reference}
            report.add(await services.post("inventory", f"/imports/{sheet}", body))
            progress.reached(min(number * CHUNK_ROWS, len(good)))
    report.refused.sort(key=lambda refusal: refusal["line"])
    return report
