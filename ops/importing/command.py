"""`doorstep import skus|stock`: master data and opening stock into a running inventory."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import batched
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.asking import Services
from ops.console import Progress, carry_out, fail, note, say, say_json
from ops.importing.csv_rows import SHEETS, Row, rows, text_of
from ops.options import DataOption, JsonOption, PortOption
from ops.system import System, find

CHUNK_ROWS = 500
FAULTS_SHOWN = 20
FileArgument = Annotated[Path, typer.Argument(metavar="FILE.csv", help="UTF-8, with a header line.")]


@dataclass(slots=True)
class Report:
    """What became of a file's rows. `refused` holds `{"line", "error"}` in the order of lines."""

    accepted: int = 0
    unchanged: int = 0
    refused: list[dict[str, Any]] = field(default_factory=list)

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


def register(app: typer.Typer) -> None:
    """Add `doorstep import`."""
    group = typer.Typer(
        help="Master data and opening stock; a second time changes nothing.", no_args_is_help=True
    )
    group.command("skus")(skus)
    group.command("stock")(stock)
    app.add_typer(group, name="import")


def skus(
    file: FileArgument, data: DataOption = None, port_base: PortOption = None, as_json: JsonOption = False
) -> None:
    """Columns sku,title,barcode,price,currency,vat_class,weight_g. Exit 1 if a row was refused; the rest went in."""
    _run("skus", file, find(data, port_base), as_json)


def stock(
    file: FileArgument, data: DataOption = None, port_base: PortOption = None, as_json: JsonOption = False
) -> None:
    """Columns sku,location,quantity. Exit 1 if a row was refused; the rest went in."""
    _run("stock", file, find(data, port_base), as_json)


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


def _run(sheet: str, file: Path, system: System, as_json: bool) -> None:
    report = carry_out(import_text(system, sheet, _content(file), file.name))
    for refusal in report.refused[:FAULTS_SHOWN]:
        note(f"line {refusal['line']}: {refusal['error']}")
    if as_json:
        say_json(report.as_json())
    else:
        say(
            f"{sheet}: {report.accepted:,} accepted, {report.unchanged:,} unchanged, {len(report.refused):,} refused"
        )
    if report.refused:
        fail(report.verdict(file))


def _content(file: Path) -> str:
    try:
        return text_of(file.read_bytes())
    except OSError as fault:
        fail(f"{file} cannot be read: {fault.strerror}")
