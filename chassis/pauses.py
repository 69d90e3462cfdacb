"""How long to wait before asking again: never the same for two who were refused at the same moment."""

from __future__ import annotations

import asyncio
import random

type Between = tuple[float, float]
"""The shortest and the longest pause, in seconds."""


async def pause(between: Between) -> None:
    """Wait some time between the two."""
    await asyncio.sleep(random.uniform(*between))  # noqa: S311 - so that not all come at once, no secret
