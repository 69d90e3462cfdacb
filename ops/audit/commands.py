"""The commands that ask a system to account for itself: verify, timeline, replay, park, backup, restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.approvals_commands import approvals_commands
from ops.audit.proof_commands import audit_commands
from ops.console import carry_out, fail, tell
from ops.healing.commands import heal
from ops.history.commands import register as register_history
from ops.options import DataOption, JsonOption, NewFolder, PortOption, StoreOption
from ops.park_commands import park_commands
from ops.system import find


def register(app: typer.Typer) -> None:
    """Add the audit side's commands to `doorstep`."""
    for command in (verify, heal, backup, restore):
        app.command()(command)
    app.command("restore-channels")(restore_channels)
    register_history(app)
    app.add_typer(park_commands(), name="park")
    app.add_typer(approvals_commands(), name="approvals")
    app.add_typer(audit_commands(), name="audit")


def verify(data: DataOption = None, port_base: PortOption = None, as_json: JsonOption = False) -> None:
    """Recompute the thirteen invariants from the logs. Of stores, streams and gateways. Exit 1 if one fails."""
    from ops.verify.runner import report, verify_system

    verdicts = carry_out(verify_system(find(data, port_base)))
    holds = all(verdict.holds for verdict in verdicts)
    said = {"holds": holds, "invariants": [verdict.as_json() for verdict in verdicts]}
    tell(said, lambda _: report(verdicts), as_json)
    if not holds:
        broken = ", ".join(verdict.id for verdict in verdicts if not verdict.holds)
        fail(f"not all invariants hold: {broken}")


def backup(
    folder: NewFolder,
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy everything while the system runs. Stores, channel messages, mails, sandbox logs and secrets, with a
    manifest; but the keys: `backup-keys` copies those.
    """
    from ops.copies.backup import back_up
    from ops.copies.manifest import readable

    tell(carry_out(back_up(find(data, port_base), folder)), readable, as_json)


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that `doorstep backup` made.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the stores that are there.")] = False,
    store: StoreOption = None,
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a backup in place, after its keys. Only while the system is stopped; the next `doorstep up` goes on from
    there. On a cluster whose streams are lost, too, `restore-channels` comes next. Cut off, run it again.
    """
    from ops.copies.manifest import readable
    from ops.copies.restore import restore as put_in_place

    manifest = carry_out(put_in_place(find(data, port_base), folder, force=force, into=store))
    tell(manifest, readable, as_json)


def restore_channels(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that `doorstep backup` made.")],
    seed_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Has the seed of the NATS user `channels`, where only that one may publish."
        ),
    ] = None,
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a backup's channel messages into a new stream. On a cluster that lost its streams: after `restore`, before a
    service starts and anybody publishes. Cut off, run it again; nothing comes twice. `doorstep up` does it by itself.
    """
    from ops.copies.channels_back import restore_channels as put_back

    said = carry_out(put_back(find(data, port_base), folder, seed_file))
    tell(said, lambda _: f"{said['published']:,} of {said['messages']:,} messages published", as_json)
