"""`doorstep approvals`: refunds and write-offs above the limits, and what a second person says to them."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.console import carry_out, tell
from ops.options import ActorOption, DataOption, JsonOption, PortOption, ReasonOption
from ops.system import System, find

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="As `approvals list` prints it.")]


def approvals_commands() -> typer.Typer:
    """list, approve and deny."""
    app = typer.Typer(
        help="Approve or deny what waits for a second person. Refunds and write-offs above the limits."
    )
    for name, command in (("list", waiting_list), ("approve", approve), ("deny", deny)):
        app.command(name)(command)
    return app


def waiting_list(data: DataOption = None, port_base: PortOption = None, as_json: JsonOption = False) -> None:
    """Everything that waits for a second person, oldest first."""
    from ops.approvals import list_waiting, readable

    waiting = carry_out(list_waiting(find(data, port_base)))
    tell({"approvals": waiting}, lambda _: readable(waiting), as_json)


def approve(
    asked_for: IdArgument,
    actor: ActorOption,
    reason: ReasonOption,
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let it happen, once. Whoever asked for it cannot."""
    _decide(find(data, port_base), asked_for, "approve", actor, reason, as_json)


def deny(
    asked_for: IdArgument,
    actor: ActorOption,
    reason: ReasonOption,
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let it not happen. Whoever asked for it cannot."""
    _decide(find(data, port_base), asked_for, "deny", actor, reason, as_json)


def _decide(system: System, asked_for: str, how: str, actor: str, reason: str, as_json: bool) -> None:
    from ops.approvals import decide

    answer = carry_out(decide(system, asked_for, how, actor, reason))
    tell(answer, lambda _: f"{asked_for}: {how} recorded for {actor}", as_json)
