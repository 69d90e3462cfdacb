"""What an event names as its cause: a message of CHANNELS by its place, an event of a service by its id, or neither;
and whether more events of the same decision follow it.
"""

from __future__ import annotations

import re

from chassis.batch import NewEvent, StoredEvent
from contracts.envelope import CONTINUES, YES

CAUSE = "ce-causationid"
STORY = "ce-correlationid"
STREAM_CAUSE = re.compile(r"(?:CHANNELS|[a-z0-9_]+_CHANNELS)/(\d+)")
"""A message of the channels' stream, in any cell: its sequence there."""

GOES_ON = f"{CONTINUES}: {YES}\r\n".encode()
"""The last of the stored headers of every event of a decision but its last one."""


def goes_on(event: NewEvent | StoredEvent) -> bool:
    """Whether it is not the last event of its decision."""
    return event[5].endswith(GOES_ON)


def cause_of(event: NewEvent | StoredEvent) -> str:
    """The header, as it is stored; empty if there is none."""
    return _header(event, CAUSE)


def story_of(event: NewEvent | StoredEvent) -> str:
    """The correlation id, as it is stored; empty if there is none."""
    return _header(event, STORY)


def _header(event: NewEvent | StoredEvent, name: str) -> str:
    headers = b"\r\n" + event[5]
    return headers.partition(f"\r\n{name}: ".encode())[2].partition(b"\r\n")[0].decode()


def place_in_channels(cause: str) -> int | None:
    """The sequence of the channels' message that it names, if it names one."""
    found = STREAM_CAUSE.fullmatch(cause)
    return int(found[1]) if found else None
