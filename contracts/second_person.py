"""When a second person has to agree, and who counts as one: the same rule for money and for goods."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from contracts.actors import same_name

WAITS = "waits=second_person"
"""The tag of a state that waits for a second person: it is counted, and found by it."""


class Decided(StrEnum):
    """What a second person has said of a request, as stores keep it beside their events."""

    WAITING = "waiting"
    APPROVED = "approved"
    DENIED = "denied"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        """Billing's first stores have another word for a request that waits."""
        return cls("waiting") if value == "not_yet" else None


def needs_second_person(amount: int, limit: int | None) -> bool:
    """Whether this is more than one person may do alone. A limit of 0 means always, None means never."""
    return limit is not None and amount > limit


def same_person(one: str, other: str) -> bool:
    """Whether two actors are one: how their name is spelled makes no second person."""
    return same_name(one, other)
