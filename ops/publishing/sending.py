"""Messages onto the bus, in order: bodies as they are, or a retail ledger's orders; and the stock for those."""

from __future__ import annotations

import asyncio
import csv
import sys
from collections.abc import Iterable, Iterator
from itertools import batched
from pathlib import Path
from typing import Any

from chassis.bus import BusAway, connect
from chassis.http import BODY_BYTES_MAX
from chassis.keys.away import KeysAway
from chassis.names import Names
from chassis.settings import system as settings
from ops.console import CannotDo, Progress, fail, note
from ops.publishing.known_channels import doubt_about
from ops.publishing.publication import Publication, raw_publication
from ops.publishing.retail import publications
from ops.publishing.retail_file import NotARetailFile
from ops.publishing.retail_report import Report
from ops.publishing.retail_stock import SKU_COLUMNS, STOCK_COLUMNS, sku_rows, stock_rows
from ops.publishing.sealing import sealed_publications
from ops.system import System
from services.orders.intake.topics import TOPIC

WINDOW = 256
"""So many messages are under way at once; the next ones wait until the stream has them."""


async def send(system: System, channel: str, publications: Iterable[Publication], topic: str = "") -> int:
    """Publish in order, a window at a time; returns how many the stream has. `topic` is the one that a person named.

    Raises `CannotDo` before the first one where there is no such channel, and while the bus or the keys are away.
    """
    doubt = await doubt_about(system, channel, topic)
    done, progress = 0, Progress(f"publishing to {channel}")
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
    except (BusAway, KeysAway) as away:
        raise CannotDo(f"{away} ({done:,} messages are stored; publish again, they count once)") from None
    if doubt:
        note(doubt)
    return done


async def publish_bodies(
    system: System, channel: str, topic: str, files: list[Path], stdin: bool
) -> dict[str, Any]:
    """Files, or the lines of standard input, each as it is. Raises `CannotDo` for what is no topic, and as `send`."""
    if not topic:
        raise CannotDo("say with --topic what the messages are, for example --topic orders/create")
    if not TOPIC.fullmatch(topic):
        raise CannotDo(
            f"--topic {topic!r} is no topic: letters, digits and _ . / - only, such as orders/create"
        )
    if stdin == bool(files):
        raise CannotDo("give the messages as files or with --stdin")
    bodies = _lines() if stdin else contents(files)
    publications = (raw_publication(channel, topic, body) for body in bodies)
    return {"published": await send(system, channel, publications, topic)}


async def publish_ledger(system: System, ledger: Path, channel: str) -> dict[str, Any]:
    """A retail ledger, and what became of its rows. Raises `CannotDo` where the file is none, and as `send`."""
    report = Report()
    try:
        sent = await send(system, channel, publications(ledger, channel, report))
    except (OSError, NotARetailFile) as fault:
        raise CannotDo(f"{ledger} cannot be read: {_in_words(fault)}") from None
    return {"published": sent, **report.as_json()}


def write_stock(ledger: Path, folder: Path) -> dict[str, Any]:
    """skus.csv and stock.csv for a ledger's orders. Ends the command where the file or the folder cannot be used."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return {
            "skus": _write_csv(folder / "skus.csv", SKU_COLUMNS, sku_rows(ledger)),
            "stock": _write_csv(folder / "stock.csv", STOCK_COLUMNS, stock_rows(ledger)),
        }
    except (OSError, NotARetailFile) as fault:
        fail(f"{ledger} cannot be read, or {folder} not written: {_in_words(fault)}")


def _in_words(fault: OSError | NotARetailFile) -> str:
    return fault.strerror or str(fault) if isinstance(fault, OSError) else str(fault)


def _write_csv(path: Path, head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> dict[str, Any]:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        for count, row in enumerate(rows, start=1):  # noqa: B007 - the count is what is left of the loop
            writer.writerow(row)
    return {"file": str(path), "rows": count}


def contents(files: Iterable[Path]) -> Iterator[bytes]:
    """Each file as a message. Raises `CannotDo` naming one that cannot be read, or is longer than a message may be."""
    for file in files:
        try:
            yield _bounded(str(file), file.read_bytes())
        except OSError as fault:
            raise CannotDo(f"{file} cannot be read: {fault.strerror}") from None


def _lines() -> Iterator[bytes]:
    lines = ((number, raw.strip()) for number, raw in enumerate(sys.stdin.buffer, 1))
    return (_bounded(f"line {number}", line) for number, line in lines if line)


def _bounded(name: str, body: bytes) -> bytes:
    """The message, if it is not longer than a channel's may be."""
    if len(body) > BODY_BYTES_MAX:
        raise CannotDo(
            f"{name} has {len(body):,} bytes, a message {BODY_BYTES_MAX:,} at most: divide it, and publish the rest "
            "again (what is stored already counts once)"
        )
    return body
