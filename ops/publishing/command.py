"""`doorstep publish`: what a channel's event publisher does, from files, from stdin, or from a retail ledger."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.console import CannotDo, carry_out, tell
from ops.options import DataOption, JsonOption, PortOption
from ops.system import find

CHANNEL = re.compile(r"[A-Za-z0-9_-]{1,100}")


def register(app: typer.Typer) -> None:
    """Add `doorstep publish`."""
    app.command()(publish)


def publish(
    channel: Annotated[str, typer.Option("--channel", help="One of the channels that orders knows.")],
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE...", help="One message each, byte for byte.")
    ] = None,
    topic: Annotated[
        str, typer.Option("--topic", help="As the channel calls it: orders/create, order_placed.")
    ] = "",
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Messages from standard input, one JSON per line.")
    ] = False,
    ledger: Annotated[
        Path | None, typer.Option("--csv", help="A retail ledger (Online Retail II), all its invoices.")
    ] = None,
    stock_to: Annotated[
        Path | None,
        typer.Option(
            "--stock-to", help="With --csv: only write skus.csv and stock.csv for it into this folder."
        ),
    ] = None,
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish messages onto the bus. The same message again is stored once and changes nothing.

    Orders is asked over HTTP which channels it knows, and any other one is refused. Where it cannot be asked, as from a
    machine that reaches the bus alone, the messages are published all the same: those of no channel are then parked.
    """
    from ops.publishing.sending import publish_bodies, publish_ledger, write_stock

    system = find(data, port_base)
    if not CHANNEL.fullmatch(channel):
        raise CannotDo(f"--channel {channel!r} is no channel's name: letters, digits, _ and - only")
    if ledger is not None and stock_to is not None:
        said = write_stock(ledger, stock_to)
    elif ledger is not None:
        said = carry_out(publish_ledger(system, ledger, channel))
    else:
        said = carry_out(publish_bodies(system, channel, topic, files or [], stdin))
    tell(said, lambda _: "\n".join(f"{name}: {value}" for name, value in _flat(said)), as_json)


def _flat(said: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in said.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        elif isinstance(value, list):
            yield f"{above}{name}", f"{len(value):,}"
        else:
            yield f"{above}{name}", f"{value:,}" if isinstance(value, int) else value
