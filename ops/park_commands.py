"""`doorstep park`: what could not be applied, and what people decide about it."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.console import carry_out, tell
from ops.options import ActorOption, DataOption, JsonOption, PortOption, ReasonOption, ServiceName
from ops.system import System, find

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="As `park list` prints it.")]
ServiceOption = Annotated[
    ServiceName | None, typer.Option("--service", help="Which one, where several parked the same message.")
]


def park_commands() -> typer.Typer:
    """list, show, retry and discard."""
    app = typer.Typer(help="Look at refused messages, retry or discard them.")
    for name, command in (
        ("list", park_list),
        ("show", park_show),
        ("retry", park_retry),
        ("discard", park_discard),
    ):
        app.command(name)(command)
    return app


def park_list(data: DataOption = None, port_base: PortOption = None, as_json: JsonOption = False) -> None:
    """All parked messages, oldest first."""
    from ops.park import list_parked, readable_list

    parked = carry_out(list_parked(find(data, port_base)))
    tell({"parked": parked}, lambda _: readable_list(parked), as_json)


def park_show(
    message: IdArgument,
    service: ServiceOption = None,
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """One parked message with its reason, traceback and body. Byte for byte."""
    from ops.park import readable_one, show_parked

    parked = carry_out(show_parked(find(data, port_base), message, service))
    tell(parked, readable_one, as_json)


def park_retry(
    message: IdArgument,
    actor: ActorOption,
    reason: ReasonOption,
    service: ServiceOption = None,
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try a parked message again, after its cause was mended."""
    _settle_parked(find(data, port_base), message, "retry", actor, reason, service, as_json)


def park_discard(
    message: IdArgument,
    actor: ActorOption,
    reason: ReasonOption,
    service: ServiceOption = None,
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide that a parked message will not be applied. Its bytes stay in the stream."""
    _settle_parked(find(data, port_base), message, "discard", actor, reason, service, as_json)


def _settle_parked(
    system: System,
    message: str,
    how: str,
    actor: str,
    reason: str,
    service: ServiceName | None,
    as_json: bool,
) -> None:
    from ops.park import settle_parked

    answer = carry_out(settle_parked(system, message, how, actor, reason, service))
    tell(answer, lambda _: f"{message}: {how} recorded for {actor}", as_json)
