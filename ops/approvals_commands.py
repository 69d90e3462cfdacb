"""`doorstep approvals`: refunds and write-offs above the limits, and what a second person says to them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.console import DataOption, JsonOption, PortOption, carry_out, say, say_json
from ops.park_commands import ActorOption, ReasonOption
from ops.system import find

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="As `approvals list` prints it.")]


def approvals_commands() -> typer.Typer:
    """list, approve and deny."""
    app = typer.Typer(help="Refunds and write-offs above the limits: they wait for a second person.")
    for name, command in (("list", waiting_list), ("approve", approve), ("deny", deny)):
        app.command(name)(command)
    return app


def waiting_list(data: DataOption = None, port_base: PortOption = None, as_json: JsonOption = False) -> None:
    """Everything that waits for a second person, oldest first."""
    from ops.approvals import list_waiting, readable

    waiting = carry_out(list_waiting(find(data, port_base)))
    if as_json:
        say_json({"approvals": waiting})
    else:
        say(readable(waiting))


def approve(
    asked_for: IdArgument,
    actor: ActorOption,
    reason: ReasonOption,
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let it happen, once. Whoever asked for it cannot."""
    _decide(asked_for, "approve", actor, reason, data, port_base, as_json)


def deny(
    asked_for: IdArgument,
    actor: ActorOption,
    reason: ReasonOption,
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let it not happen. Whoever asked for it cannot."""
    _decide(asked_for, "deny", actor, reason, data, port_base, as_json)


def _decide(
    asked_for: str,
    how: str,
    actor: str,
    reason: str,
    data: Path | None,
    port_base: int | None,
    as_json: bool,
) -> None:
    from ops.approvals import decide

    answer = carry_out(decide(find(data, port_base), asked_for, how, actor, reason))
    if as_json:
        say_json(answer)
    else:
        say(f"{asked_for}: {how} recorded for {actor}")
