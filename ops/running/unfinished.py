"""A restore that was cut off: some stores are those of the backup, and some may be others."""

from __future__ import annotations

from pathlib import Path

from ops.console import CannotDo
from ops.system import System


def mark_of(system: System) -> Path:
    """There from the first store that is replaced until everything is back; says from which folder."""
    return system.data / "restore" / "unfinished"


def require_whole(system: System) -> None:
    """Raises `CannotDo` for a system that is half restored: its services would go on from different times."""
    mark = mark_of(system)
    if mark.exists():
        raise CannotDo(
            f"a restore was cut off here: run `doorstep restore {mark.read_text().strip()}` again first"
        )
