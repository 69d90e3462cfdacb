"""`doorstep publish`: what a channel's event publisher does, from files, from stdin, or from a retail ledger."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.console import CannotDo, Progress, carry_out, fail, tell
from ops.options import DataOption, JsonOption, PortOption
from ops.publishing.publication import Publication, raw_publication
from ops.system import System, find
from services.orders.intake.topics import TOPIC

CHANNEL = re.compile(r"[A-Za-z0-9_-]{1,100}")
WINDOW = 256
"""So many messages are under way at once; the next ones wait until the stream has them."""


def register(app: typer.Typer) -> None:
    """Add `doorstep publish`."""
    app.command()(publish)


def publish(
    channel: Annotated[str, typer.Option("--channel", help="A channel of the configuration.")],
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
    """Publish messages onto the bus. The same message again is stored once and changes nothing."""
    system = find(data, port_base)
    if not CHANNEL.fullmatch(channel):
        raise CannotDo(f"--channel {channel!r} is no channel's name: letters, digits, _ and - only")
    if ledger is not None and stock_to is not None:
        said = _write_stock(ledger, stock_to)
    elif ledger is not None:
        said = carry_out(_publish_ledger(system, ledger, channel))
    else:
        said = carry_out(_publish_bodies(system, channel, topic, files or [], stdin))
    tell(said, lambda _: "\n".join(f"{name}: {value}" for name, value in _flat(said)), as_json)


async def send(system: System, publications: Iterable[Publication], what: str) -> int:
    """Publish in order, a window at a time; returns how many the stream has. Raises `CannotDo` while it is away."""
    import asyncio
    from itertools import batched

    from chassis.bus import BusAway, connect
    from chassis.names import Names
    from chassis.settings import system as settings
    from ops.publishing.sealing import sealed_publications

    done, progress = 0, Progress(what)
    try:
        async with connect(system.nats_url, "doorstep publish", Names(settings().cell)) as bus:
            for window in batched(publications, WINDOW):
                await asyncio.gather(
                    *(
                        bus.publish(p.subject, p.data, p.headers, p.message_id)
                        for p in await asyncio.to_thread(sealed_publications, window, system)
                    )
                )
                done += len(window)
                progress.reached(done)
    except BusAway as away:
        raise CannotDo(f"{away} ({done:,} messages are stored; publish again, they count once)") from None
    return done


async def _publish_bodies(
    system: System, channel: str, topic: str, files: list[Path], stdin: bool
) -> dict[str, Any]:
    if not topic:
        raise CannotDo("say with --topic what the messages are, for example --topic orders/create")
    if not TOPIC.fullmatch(topic):
        raise CannotDo(
            f"--topic {topic!r} is no topic: letters, digits and _ . / - only, such as orders/create"
        )
    if stdin == bool(files):
        raise CannotDo("give the messages as files or with --stdin")
    bodies = _lines() if stdin else _contents(files)
    sent = await send(
        system, (raw_publication(channel, topic, body) for body in bodies), f"publishing to {channel}"
    )
    return {"published": sent}


async def _publish_ledger(system: System, ledger: Path, channel: str) -> dict[str, Any]:
    from ops.publishing.retail import publications
    from ops.publishing.retail_file import NotARetailFile
    from ops.publishing.retail_report import Report

    report = Report()
    try:
        sent = await send(system, publications(ledger, channel, report), f"publishing {ledger.name}")
    except (OSError, NotARetailFile) as fault:
        raise CannotDo(f"{ledger}: {fault}") from None
    return {"published": sent, **report.as_json()}


def _write_stock(ledger: Path, folder: Path) -> dict[str, Any]:
    from ops.publishing.retail_file import NotARetailFile
    from ops.publishing.retail_stock import SKU_COLUMNS, STOCK_COLUMNS, sku_rows, stock_rows

    try:
        folder.mkdir(parents=True, exist_ok=True)
        return {
            "skus": _write_csv(folder / "skus.csv", SKU_COLUMNS, sku_rows(ledger)),
            "stock": _write_csv(folder / "stock.csv", STOCK_COLUMNS, stock_rows(ledger)),
        }
    except (OSError, NotARetailFile) as fault:
        fail(f"{ledger}: {fault}")


def _write_csv(path: Path, head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> dict[str, Any]:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        for count, row in enumerate(rows, start=1):  # noqa: B007 - the count is what is left of the loop
            writer.writerow(row)
    return {"file": str(path), "rows": count}


def _contents(files: Iterable[Path]) -> Iterator[bytes]:
    for file in files:
        try:
            yield file.read_bytes()
        except OSError as fault:
            raise CannotDo(f"{file} cannot be read: {fault.strerror}") from None


def _lines() -> Iterator[bytes]:
    return (line for line in (raw.strip() for raw in sys.stdin.buffer) if line)


def _flat(said: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in said.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        elif isinstance(value, list):
            yield f"{above}{name}", f"{len(value):,}"
        else:
            yield f"{above}{name}", f"{value:,}" if isinstance(value, int) else value
