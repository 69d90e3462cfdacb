"""`doorstep audit`: sign the history, hand it out, prove it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.console import fail, moment, say, say_json, tell
from ops.options import DataOption, JsonOption, NewFolder, PortOption
from ops.system import find


def audit_commands() -> typer.Typer:
    """checkpoint, export and verify."""
    app = typer.Typer(help="Sign the history and prove it to others. Without the system, by one small file.")
    for name, command in (
        ("checkpoint", audit_checkpoint),
        ("export", audit_export),
        ("verify", audit_verify),
    ):
        app.command(name)(command)
    return app


def audit_checkpoint(
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="TIME", help="End of the period (RFC 3339).  [default: now]"),
    ] = None,
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign what was recorded since the last checkpoint. By all five services; signs nothing that was changed."""
    from ops.audit.checkpoints import make_checkpoint, readable

    tell(make_checkpoint(find(data, port_base), moment("--until", until)), readable, as_json)


def audit_export(
    folder: NewFolder,
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write all events, checkpoints and the reader into a folder. With the public key; personal data stays sealed."""
    from ops.audit.export import export_history

    said = export_history(find(data, port_base), folder)
    if as_json:
        say_json(said)
    else:
        say("\n".join(f"{service:<10} {count:>12,} events" for service, count in said["services"].items()))
        say(
            f"{said['checkpoints']} checkpoints; to prove it anywhere: python {folder / 'audit_reader.py'} {folder}"
        )


def audit_verify(
    folder: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="An export.  [default: the stores themselves]"),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            "--key", metavar="PUBKEY", help="Public key (PEM) from a place you trust.  [default: its own]"
        ),
    ] = None,
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prove a history against its signed checkpoints. Exit 1, with the first bad position, if it is not as signed."""
    from ops.audit.export import verdict
    from ops.audit.reader import readable

    said = verdict(find(data, port_base), folder, key)
    if as_json:
        say_json(said)
    elif said["proved"]:
        say(readable(said))
    if not said["proved"]:
        fail(f"not proved: {said['why']}")
