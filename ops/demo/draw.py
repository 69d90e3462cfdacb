"""Choices that look drawn but are not: the same name gives the same choice on every machine and version."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256


class Draw:
    """A series of choices, decided by its name alone."""

    def __init__(self, name: str) -> None:
        self._name, self._count = name, 0

    def below(self, limit: int) -> int:
        """An integer from 0 to `limit` - 1."""
        self._count += 1
        digest = sha256(f"{self._name}/{self._count}".encode()).digest()
        return int.from_bytes(digest[:8]) % limit

    def of[T](self, things: Sequence[T]) -> T:
        """One of these."""
        return things[self.below(len(things))]
