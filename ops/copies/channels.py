"""The messages of CHANNELS in a file, and back into an empty stream with the same sequence numbers.

They are the only messages whose store is the stream itself: what orders decided names them as causes. One JSON
line each, `{"seq", "subject", "headers", "body"}`, the body in base64.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from itertools import batched, islice
from pathlib import Path
from typing import Any

import orjson

from chassis.bus import Bus, BusAway
from ops.bus_access import connected
from ops.console import CannotDo, Progress
from ops.system import System

CHANNELS = "CHANNELS"
SERVER_HEADERS = "Nats-"
"""Not repeated: a message id would make the server drop a message that came twice, and shift all that follow."""

WINDOW = 256


def waiting_copy(system: System) -> Path:
    """Where a restore leaves the messages for the next `doorstep up`."""
    return system.data / "restore" / "channels.jsonl"


async def save_channels(bus: Bus, path: Path) -> int:
    """Write every message to a file; returns how many. Raises `CannotDo` where the stream has gaps."""
    count, first, _ = await bus.stream_info(CHANNELS)
    saved, progress = 0, Progress("copying channel messages", count)
    with path.open("wb") as file:
        async for message in bus.read(CHANNELS):
            if message.stream_seq != first + saved:
                raise CannotDo(f"{CHANNELS} has no message {first + saved}: it cannot be copied whole")
            saved += 1
            body = base64.b64encode(message.data).decode()
            line = {
                "seq": message.stream_seq,
                "subject": message.subject,
                "headers": dict(message.headers),
                "body": body,
            }
            file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
            progress.reached(saved)
    if saved < count:
        raise CannotDo(f"only {saved} of {count} messages of {CHANNELS} could be read: try again")
    return saved


def first_waiting(system: System) -> int | None:
    """The sequence of the first message that waits: where the stream has to begin. None where nothing waits."""
    copy = waiting_copy(system)
    first = next(_lines(copy), None) if copy.exists() else None
    return first["seq"] if first else None


async def put_back_channels(system: System) -> int:
    """Publish what a restore left, before anybody reads the stream; returns how many, 0 where nothing waits.

    Goes on where an earlier attempt was cut off. Raises `CannotDo` if the stream holds something else.
    """
    copy = waiting_copy(system)
    if not copy.exists():
        return 0
    try:
        async with connected(system, "restore") as bus:
            published = await _publish(bus, copy)
    except BusAway as away:
        raise CannotDo(f"the channel messages of the backup could not be put back: {away}") from None
    copy.unlink()
    return published


async def _publish(bus: Bus, copy: Path) -> int:
    there, _, last = await bus.stream_info(CHANNELS)
    await _require_same_beginning(bus, copy, there, last)
    published, progress = 0, Progress("putting back channel messages")
    for window in batched(islice(_lines(copy), there, None), WINDOW):
        for line in window:
            await _publish_one(bus, line)
        published += len(window)
        progress.reached(published)
    return published


async def _publish_one(bus: Bus, line: dict[str, Any]) -> None:
    headers = {name: value for name, value in line["headers"].items() if not name.startswith(SERVER_HEADERS)}
    seq = await bus.publish(line["subject"], base64.b64decode(line["body"]), headers)
    if seq != line["seq"]:
        raise CannotDo(
            f"{CHANNELS}/{line['seq']} was stored as {seq}: somebody else publishes; stop them first"
        )


async def _require_same_beginning(bus: Bus, copy: Path, there: int, last: int) -> None:
    if not there:
        return
    line = next(islice(_lines(copy), there - 1, None), None)
    message = await bus.message(CHANNELS, last)
    same = line is not None and message is not None and base64.b64decode(line["body"]) == message.data
    if not same:
        raise CannotDo(
            f"{CHANNELS} holds {there} messages that are not those of the backup: restore into a new data folder, "
            f"or remove {copy} to go on without its messages"
        )


def _lines(copy: Path) -> Iterator[dict[str, Any]]:
    with copy.open("rb") as file:
        yield from map(orjson.loads, _whole(file))


def _whole(lines: Iterable[bytes]) -> Iterator[bytes]:
    return (line for line in lines if line.strip())
