"""What a delivery tells of itself: where it stands in its stream and in its producer's log, and since when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from chassis.clock import from_rfc3339

TIME = "ce-time"


def producer_position(headers: dict[str, str], stream_seq: int) -> int | None:
    """The producer's sequence; None where it cannot be one: a log has no more events than its stream has messages."""
    text = headers.get("ce-sequence", "")
    position = int(text) if text.isascii() and text.isdigit() else 0
    return position if 0 < position <= stream_seq else None


def moment_of(headers: dict[str, str], stamp: int) -> datetime:
    """When it was recorded, as its producer says, or else as the server does."""
    return moment_said(headers) or datetime.fromtimestamp(stamp / 1e9, UTC)


def moment_said(headers: Mapping[str, str]) -> datetime | None:
    """When it was recorded, if its producer says so."""
    try:
        return from_rfc3339(headers[TIME])
    except (KeyError, ValueError):
        return None


def sequences_of(reply: bytes) -> tuple[int, int, int]:
    """(stream sequence, consumer sequence, nanoseconds) from an acknowledgement subject, v1 or v2."""
    tokens = reply.split(b".")
    start = 5 if len(tokens) < 11 else 7
    return int(tokens[start]), int(tokens[start + 1]), int(tokens[start + 2])
