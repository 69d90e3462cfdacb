"""Named places where a test may kill this process, as a power cut would.

Nothing happens unless `DOORSTEP_CRASH_AT` is set.
`DOORSTEP_CRASH_AT=after_commit:3` kills the process with SIGKILL the third time it gets to `after_commit`.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

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
_visits: Counter[str] = Counter()


def crash_point(name: str) -> None:
    """Die here if a test asked for it."""
    if name == _point:
        _visits[name] += 1
        if _visits[name] == int(_count or 1):
            os.kill(os.getpid(), signal.SIGKILL)
