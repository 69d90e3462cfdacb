"""`doorstep import skus|stock`: master data and opening stock into a running inventory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.console import carry_out, fail, note, say, say_json
from ops.options import DataOption, JsonOption, PortOption
from ops.system import System, find

FAULTS_SHOWN = 20
FileArgument = Annotated[Path, typer.Argument(metavar="FILE.csv", help="UTF-8, with a header line.")]


def register(app: typer.Typer) -> None:
    """Add `doorstep import`."""
    group = typer.Typer(
        help="Load master data and opening stock. A second time changes nothing.", no_args_is_help=True
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


def _run(sheet: str, file: Path, system: System, as_json: bool) -> None:
    from ops.importing.sending import import_text

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
    if report.is_empty:
        note(f"{file} has no rows below its header: nothing was there to import")


def _content(file: Path) -> str:
    from ops.importing.csv_rows import text_of

    try:
        return text_of(file.read_bytes())
    except OSError as fault:
        fail(f"{file} cannot be read: {fault.strerror}")
