"""The commands about a whole system: up, status and doctor."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.console import carry_out, fail, tell
from ops.kept import Choice
from ops.options import DataOption, JsonOption, PortOption
from ops.system import find


def register(app: typer.Typer) -> None:
    """Add them to `doorstep`."""
    for command in (up, status, doctor):
        app.command()(command)


def up(
    data: DataOption = None,
    port_base: PortOption = None,
    autopilot: Annotated[
        bool, typer.Option("--autopilot", help="Hand parcels over by policy, without people.")
    ] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Load the demo shop and play orders into it.")] = False,
    store: Annotated[
        Choice | None,
        typer.Option(
            "--store",
            metavar="sqlite|postgres",
            help="Keep the stores in SQLite files, or in a PostgreSQL beside them.  [default: sqlite]",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Start the whole system and keep it running. Ctrl-C drains it, a second one kills it.

    That is nats-server, the five services and the page, each started again if it dies. Prints one line `ready` when
    all are ready; with --json one object with every URL.
    """
    from ops.running.up import Wishes, run

    system = find(data, port_base)
    carry_out(run(system, Wishes(autopilot, demo, as_json, store)))


def status(data: DataOption = None, port_base: PortOption = None, as_json: JsonOption = False) -> None:
    """Health, lag and counts of each service. Exit 1 if one is not ready."""
    from ops.status import readable, status_of

    said = carry_out(status_of(find(data, port_base)))
    tell(said, readable, as_json)
    if silent := [name for name, service in said["services"].items() if not service["ready"]]:
        fail(f"not ready: {', '.join(silent)}; `doorstep doctor` says why")


def doctor(data: DataOption = None, port_base: PortOption = None, as_json: JsonOption = False) -> None:
    """Say in plain words what is wrong, and what to do. Also what waits for people. Exit 1 if something is unhealthy or
    waits for too long. Changes nothing.
    """
    from ops.doctor.complaints import as_shape, readable
    from ops.doctor.examining import examine
    from ops.doctor.looking import look

    said = examine(carry_out(look(find(data, port_base))))
    tell(as_shape(said), lambda _: readable(said), as_json)
    if complaints := [complaint for complaint in said if complaint.severity != "information"]:
        severe = sum(complaint.severity == "severe" for complaint in complaints)
        fail(f"{len(complaints)} complaint{'s' * (len(complaints) != 1)}, {severe} severe")
