"""The commands that look back: timeline, and replay in its three forms."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from ops.console import CannotDo, fail, moment, say, say_json
from ops.options import DataOption, JsonOption, PortOption, ServiceName
from ops.system import System, find

MOVEMENTS_SHOWN = 50
"""Events of a SKU that are shown where nobody says how many: a busy one has many thousands."""


def register(app: typer.Typer) -> None:
    """Add them to `doorstep`."""
    for command in (timeline, replay):
        app.command()(command)


def timeline(
    about: Annotated[
        str,
        typer.Argument(
            metavar="ORDER|sku:SKU|payout:ID|story:ID",
            help="An order id (<channel>:<channel order id>), a SKU, a payout ([<provider>:]<id>), or the correlation "
            "of a line of the log. An order of a channel that is called sku, payout or story: order:<id>.",
        ),
    ],
    at: Annotated[str | None, typer.Option("--at", help="Its state at this time (RFC 3339).")] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, help="Only so many newest events.  [default: 50 of a SKU, else all]"),
    ] = None,
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell the story of an order, a SKU or a payout. Or that of a line of the log. With the reasons; or its state at a
    time.
    """
    try:
        _tell(_story(find(data, port_base), about, moment("--at", at), limit), as_json)
    except CannotDo as reason:
        fail(str(reason))


def replay(
    service: Annotated[ServiceName | None, typer.Argument(help="Which service.")] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="As of this time, or the end of the period (RFC 3339).")
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option("--into", metavar="DIR", help="Rebuild the past state here; must not exist."),
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(
            "--what-if", metavar="RULES.toml", help="Decide again with the [orders.hold] of this file."
        ),
    ] = None,
    since: Annotated[str | None, typer.Option("--from", help="Start of the period (RFC 3339).")] = None,
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rebuild a service from its events and compare. Beside the running one; or as of a time; or under other rules.

    Nothing is called, published or changed. `replay SERVICE` compares hashes with the live state. `replay SERVICE
    --until TIME --into DIR` leaves a past state in a folder to look at. `replay --what-if RULES.toml` names the orders
    that other hold rules would have sent another way.
    """
    try:
        system, then, first = find(data, port_base), moment("--until", until), moment("--from", since)
        if rules is not None:
            if service is not None or into is not None:
                fail("--what-if decides orders again: it takes --from and --until, no service and no folder")
            _tell(_supposed(system, rules, first, then), as_json)
        elif service is None:
            fail("say which service to replay, or which rules to try with --what-if")
        elif first is not None or (then is None) != (into is None):
            fail("a past state needs --until and --into, both; --from goes with --what-if")
        elif then is not None and into is not None:
            _tell(_past(system, service.value, then, into), as_json)
        else:
            _compare(system, service.value, as_json)
    except CannotDo as reason:
        fail(str(reason))


class Told(Protocol):
    """What a command found out."""

    def as_json(self) -> dict[str, Any]: ...
    def readable(self) -> str: ...


def _tell(told: Told, as_json: bool) -> None:
    if as_json:
        say_json(told.as_json())
    else:
        say(told.readable())


def _story(system: System, about: str, at: datetime | None, limit: int | None) -> Told:
    from ops.history.correlated import timeline_of_story
    from ops.history.payout import timeline_of_payout
    from ops.history.sku import timeline_of_sku
    from ops.history.timeline import timeline_of

    kind, _, name = about.partition(":")
    match kind:
        case "sku":
            return timeline_of_sku(system, name, at, limit or MOVEMENTS_SHOWN)
        case "payout":
            return timeline_of_payout(system, name, at, limit)
        case "story":
            return timeline_of_story(system, name, at, limit)
        case "order":
            return timeline_of(system, name, at, limit)
        case _:
            return timeline_of(system, about, at, limit)


def _compare(system: System, service: str, as_json: bool) -> None:
    from ops.history.replay import replay_service

    outcome = replay_service(system, service)
    _tell(outcome, as_json)
    if not outcome.equal:
        fail(f"{service}: the rebuilt state differs from the live one: {outcome.difference}")


def _past(system: System, service: str, until: datetime, into: Path) -> Told:
    from ops.history.past import replay_until

    return replay_until(system, service, until, into)


def _supposed(system: System, rules: Path, since: datetime | None, until: datetime | None) -> Told:
    from ops.history.what_if import what_if

    return what_if(system, rules, since, until)
