"""The commands that ask a system to account for itself: verify, timeline, replay, park, backup, restore."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ops.console import CannotDo, DataOption, JsonOption, PortOption, carry_out, fail, say, say_json
from ops.park_commands import ServiceName, park_commands
from ops.system import find


def register(app: typer.Typer) -> None:
    """Add the audit side's commands to `doorstep`."""
    for command in (verify, timeline, replay, heal, backup, restore):
        app.command()(command)
    app.add_typer(park_commands(), name="park")


def verify(data: DataOption = None, port_base: PortOption = None, as_json: JsonOption = False) -> None:
    """Recompute every invariant (I1-I13) from stores, streams and truth logs. Exit 1 if one fails."""
    from ops.verify.runner import report, verify_system

    verdicts = carry_out(verify_system(find(data, port_base)))
    holds = all(verdict.holds for verdict in verdicts)
    if as_json:
        say_json({"holds": holds, "invariants": [verdict.as_json() for verdict in verdicts]})
    else:
        say(report(verdicts))
    if not holds:
        broken = ", ".join(verdict.id for verdict in verdicts if not verdict.holds)
        fail(f"not all invariants hold: {broken}")


def timeline(
    order: Annotated[str, typer.Argument(help="An order id, <channel>:<channel order id>.")],
    at: Annotated[str | None, typer.Option("--at", help="Its state at this time (RFC 3339).")] = None,
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """An order's whole story across the five services, with reasons; or its state at a time."""
    from ops.timeline import readable, timeline_of

    try:
        story = timeline_of(find(data, port_base), order, _moment(at))
    except CannotDo as reason:
        fail(str(reason))
    if as_json:
        say_json(story.as_json())
    else:
        say(readable(story))


def replay(
    service: Annotated[ServiceName, typer.Argument(help="Which service.")],
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rebuild a service's state, timers and calls from its events while it serves, and compare hashes."""
    from ops.replay import replay_service

    try:
        outcome = replay_service(find(data, port_base), service.value)
    except CannotDo as reason:
        fail(str(reason))
    if as_json:
        say_json(outcome.as_json())
    else:
        say(outcome.readable())
    if not outcome.equal:
        fail(f"{service.value}: the rebuilt state differs from the live one: {outcome.difference}")


def heal(
    service: Annotated[ServiceName, typer.Argument(help="Which service.")],
    stream: Annotated[bool, typer.Option("--stream", help="Publish again what the stream lacks.")] = False,
    store: Annotated[bool, typer.Option("--store", help="Rebuild a lost store from its stream.")] = False,
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rebuild a lost stream from the store, for a stopped service; a running one does it by itself."""
    from ops.heal import heal_stream

    if stream == store:
        fail("say which copy to rebuild: --stream or --store")
    if store:
        fail("rebuilding a store from its stream is not available yet; restore a backup instead")
    outcome = carry_out(heal_stream(find(data, port_base), service.value))
    if as_json:
        say_json(outcome)
    else:
        say(f"{service.value}: {outcome['published']:,} events published again, the stream has all of them")


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; must be empty or new.")],
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy stores, channel messages, mails, sandbox logs and secrets while the system runs, with a manifest."""
    from ops.backup import back_up, readable

    manifest = carry_out(back_up(find(data, port_base), folder))
    if as_json:
        say_json(manifest)
    else:
        say(readable(manifest))


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that `doorstep backup` made.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the stores that are there.")] = False,
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a backup in place. Only while the system is stopped; the next `doorstep up` goes on from there."""
    from ops.backup import bring_back, readable

    try:
        manifest = bring_back(find(data, port_base), folder, force=force)
    except CannotDo as reason:
        fail(str(reason))
    if as_json:
        say_json(manifest)
    else:
        say(readable(manifest))


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(f"--at {text!r} is not a time; write it like 2026-11-21T14:03:00Z")
    if moment.tzinfo is None:
        fail(f"--at {text!r} has no time zone; add Z for UTC")
    return moment
