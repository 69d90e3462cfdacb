"""Named places where a test may kill this process, as a power cut would.

Nothing happens unless the environment asks for it. `DOORSTEP_CRASH_AT=after_commit:3` kills the process with SIGKILL
the third time it gets to `after_commit`. `DOORSTEP_CRASH_DIR` names a folder in which a kill can be planted while the
process runs: a file named after the process id that says `after_commit:3`. It counts down from then on and is
removed before the kill, so that it strikes once.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

POINTS = (
    "before_commit",
    "after_commit",
    "after_acknowledge",
    "before_publish",
    "mid_publish",
    "after_publish",
    "before_call",
    "after_call",
    "after_webhook_stored",
)
"""Every point the chassis knows, in the order a message meets them."""

_point, _, _count = os.environ.get("DOORSTEP_CRASH_AT", "").partition(":")
_folder = os.environ.get("DOORSTEP_CRASH_DIR", "")
_visits: Counter[str] = Counter()


def armed(name: str) -> bool:
    """Whether a test may want this process to die at that point."""
    return name == _point or bool(_folder)


def crash_point(name: str) -> None:
    """Die here if a test asked for it."""
    if name == _point:
        _visits[name] += 1
        if _visits[name] == int(_count or 1):
            _die()
    if _folder:
        _step_on(Path(_folder) / str(os.getpid()), name)


def _step_on(plant: Path, name: str) -> None:
    try:
        point, _, visits_left = plant.read_text().partition(":")
    except FileNotFoundError:
        return
    if point != name:
        return
    if int(visits_left) > 1:
        plant.write_text(f"{point}:{int(visits_left) - 1}")
        return
    plant.unlink()
    _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
