"""Messages that a stream lost, back at their places: the same sequences, subjects, headers, bodies and moments.

For CHANNELS, which nobody can publish again from a store. A window is stored as a whole or not at all, and only where
the message before it is the stream's last: the server refuses it where somebody else has published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from nats.js.errors import APIError, NotFoundError

from chassis.bus import DISCONNECTED, Bus, BusAway
from chassis.deliveries import TIME, moment_said
from chassis.frames import Frame, Publisher
from chassis.names import Names

OF_THE_SERVER = "Nats-"
"""Not repeated: a message id would make the server drop a message that came twice, and shift all that follow."""
WRONG_LAST_SEQUENCE = 10071


class PlaceTaken(Exception):
    """The stream does not end before the first message: somebody else has published."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A message as it stood in the stream: its sequence, its subject without the cell, and when it was stored (RFC
    3339; empty where that is not known).
    """

    seq: int
    subject: str
    headers: Mapping[str, str]
    data: bytes
    stored_at: str = ""


async def ends_of(bus: Bus, stream: str) -> tuple[int, int, int] | None:
    """(messages, first sequence, last sequence), the first one to come where it is empty; None where it is not there.

    Raises `BusAway`.
    """
    try:
        there, first, last = await bus.stream_info(stream)
    except NotFoundError:
        return None
    return there, first if there else last + 1, last


class PutBack:
    """Publishes on one connection."""

    def __init__(self, bus: Bus) -> None:
        self._names = bus.names
        self._publisher = Publisher(bus)

    async def publish(self, window: Sequence[Kept]) -> None:
        """Store messages that follow each other, all or none. Raises `PlaceTaken`, and `BusAway` with what the server
        said.
        """
        try:
            await self._publisher.publish(_frames(self._names, window))
        except DISCONNECTED as away:
            raise BusAway(f"no word from NATS that they are stored ({type(away).__name__})") from away
        except APIError as refused:
            if refused.err_code == WRONG_LAST_SEQUENCE:
                raise PlaceTaken(f"the place {window[0].seq} is taken") from refused
            raise BusAway(f"NATS refused them: {refused.description}") from refused


def _frames(names: Names, window: Sequence[Kept]) -> list[Frame]:
    """One batch: the first message names what it follows, the last one makes it so."""
    batch = uuid4().hex
    controls = [f"Nats-Batch-Id: {batch}\r\nNats-Batch-Sequence: {n}\r\n" for n in range(1, len(window) + 1)]
    controls[0] += f"Nats-Expected-Last-Sequence: {window[0].seq - 1}\r\n"
    controls[-1] += "Nats-Batch-Commit: 1\r\n"
    return [_frame(names, control, kept) for control, kept in zip(controls, window, strict=True)]


def _frame(names: Names, control: str, kept: Kept) -> Frame:
    block = "".join(f"{name}: {value}\r\n" for name, value in _headers(kept).items())
    return Frame(names.subject(kept.subject).encode(), (control + block).encode(), kept.data)


def _headers(kept: Kept) -> dict[str, str]:
    """Those that it came with, and when it was stored where it did not say so itself: decisions go by that."""
    came_with = {name: value for name, value in kept.headers.items() if not name.startswith(OF_THE_SERVER)}
    return came_with if moment_said(came_with) or not kept.stored_at else came_with | {TIME: kept.stored_at}
