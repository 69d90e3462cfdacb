"""Why keys cannot be had: nothing is sealed or opened meanwhile."""

from __future__ import annotations

from collections.abc import Sequence


class KeysAway(Exception):
    """The key store does not answer, or its keys are not of our master key. Nothing is sealed or opened meanwhile."""


class OtherMaster(KeysAway):
    """The keys are wrapped by another master key than ours; `rotated_at` is when that began, empty if it always was."""

    def __init__(self, place: str, rotated_at: str) -> None:
        if rotated_at:
            said = f"the keys in {place} are wrapped by another master key than ours since {rotated_at}, when it was"
            super().__init__(f"{said} rotated: give this process the new one, and start it again")
        else:
            super().__init__(
                f"{place} was made with another master key than ours: nothing can be sealed or opened"
            )


class NoSuchKey(KeysAway):
    """Keys that this store, which others came from, never had."""

    def __init__(self, place: str, key_ids: Sequence[str]) -> None:
        super().__init__(f"{place} has no key {key_ids[0]}: put the backup of the keys back")
        self.key_ids = frozenset(key_ids)
