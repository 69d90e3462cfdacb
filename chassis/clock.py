"""The only reader of the wall clock. Decisions get the time as an argument."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

type Clock = Callable[[], datetime]


def wall_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """UTC text with microseconds and a `Z`, so that text order is time order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_rfc3339(text: str) -> datetime:
    """The moment written by `rfc3339` (or any RFC 3339 text with an offset)."""
    return datetime.fromisoformat(text)
