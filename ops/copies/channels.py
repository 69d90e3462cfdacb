"""The messages of CHANNELS in a file. They are the only ones whose store is the stream itself: what orders decided
names them as causes, by their sequence.

One JSON line each, `{"seq", "subject", "headers", "body", "time"}`: the subject without the cell, the body in base64,
the time as the server stored it, which older copies lack.
"""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import orjson

from chassis.bus import Bus, BusAway
from chassis.clock import rfc3339
from chassis.declare import Message
from chassis.stream_put_back import Kept, ends_of
from ops.console import CannotDo, Progress
from ops.stores import open_stores
from ops.system import System

CHANNELS = "CHANNELS"


def waiting_copy(system: System) -> Path:
    """Where a restore leaves the messages for the next `doorstep up`."""
    return system.data / "restore" / "channels.jsonl"


async def save_channels(bus: Bus, path: Path) -> int:
    """Write every message to a file; returns how many. Raises `CannotDo` where the stream has gaps, and `BusAway`."""
    if (ends := await ends_of(bus, CHANNELS)) is None:
        raise BusAway(f"there is no stream {CHANNELS}")
    count, first, _ = ends
    saved, progress, cell = 0, Progress("copying channel messages", count), bus.names.subject("")
    with path.open("wb") as file:
        async for message in bus.read(CHANNELS):
            if message.stream_seq != first + saved:
                raise CannotDo(f"{CHANNELS} has no message {first + saved}: it cannot be copied whole")
            saved += 1
            file.write(_line(message, cell))
            progress.reached(saved)
    if saved < count:
        raise CannotDo(f"only {saved} of {count} messages of {CHANNELS} could be read: try again")
    return saved


def _line(message: Message, cell: str) -> bytes:
    line = {
        "seq": message.stream_seq,
        "subject": message.subject.removeprefix(cell),
        "headers": dict(message.headers),
        "body": base64.b64encode(message.data).decode(),
        "time": rfc3339(message.time),
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def kept_in(copy: Path, skip: int = 0) -> Iterator[Kept]:
    """The messages of a copy in order, but for the first so many."""
    for line in islice(_lines(copy), skip, None):
        yield _kept(line)


def newest_of(copy: Path, many: int) -> Kept | None:
    """The last of a copy's first so many messages, or of all where it has less."""
    newest = deque(islice(_lines(copy), many), maxlen=1)
    return _kept(newest[0]) if newest else None


def first_of(copy: Path) -> int | None:
    """The sequence of a copy's first message: where the stream has to begin. None where there is none."""
    first = next(kept_in(copy), None) if copy.exists() else None
    return first.seq if first else None


def ends_at(copy: Path) -> int:
    """The sequence of a copy's last message; 0 where there is none."""
    newest = deque(_lines(copy), maxlen=1)
    return _kept(newest[0]).seq if newest else 0


def read_by_orders(system: System) -> int:
    """How far the orders service has read the stream; 0 for not at all. Raises as `open_stores`."""
    store = open_stores(system, ("orders",))["orders"]
    try:
        known = store.positions().get(CHANNELS)
    finally:
        store.close()
    return known.stream_seq if known else 0


def first_waiting(system: System) -> int | None:
    """The same of the copy that waits for `doorstep up`."""
    return first_of(waiting_copy(system))


def _lines(copy: Path) -> Iterator[bytes]:
    with copy.open("rb") as file:
        yield from (line for line in file if line.strip())


def _kept(line: bytes) -> Kept:
    said = orjson.loads(line)
    body = base64.b64decode(said["body"])
    return Kept(said["seq"], said["subject"], said["headers"], body, said.get("time", ""))
