"""Whether a source stream still has every message that it ever had: a reader that goes by a high watermark must know.

Who reads past a hole never sees what stood there: once its owner has published it again, it lies below the reader's
position. Gaps in what a filtered consumer delivers mean nothing, for most messages are not for it. But the stream
itself shows a hole, as it has fewer messages than its last sequence says, and a hole never closes: its owner makes the
stream anew (`stream_again.py`). So a stream that is whole after a message was delivered was whole before it, if it is
still the same stream.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime

from chassis.bus import AWAY, Bus
from chassis.logs import logger
from chassis.pauses import pause
from chassis.pull import AWAY_SECONDS

LOOK_SECONDS = 2.0
"""How long a look is believed: a busy reader need not look at every batch.

Streams refuse deletion, and a server that lost messages was restarted, which the reader notices: after every setting
back, and after every pause of this length, it looks again. What is left open is a message that somebody takes out
within this time of a look, before the reader gets to it.
"""


class Wholeness:
    """One reader's looks at its source stream."""

    def __init__(self, bus: Bus, stream: str) -> None:
        self._bus = bus
        self._stream = stream
        self._made: datetime | None = None
        self._believed_until = 0.0
        self._ahead: asyncio.Task[bool] | None = None
        self._has_holes = False

    async def begin(self) -> None:
        """From here on messages of the stream as it is now are read. Raises what `chassis.bus.AWAY` names."""
        if self._ahead is not None:
            self._ahead.cancel()
        self._believed_until = 0.0
        _, _, self._made = await self._bus.stream_state(self._stream)

    async def holds(self) -> bool:
        """Whether everything delivered so far came without a hole before it; if not, after a pause to ask again in."""
        left = self._believed_until - time.monotonic()
        if left > 0:
            if left < LOOK_SECONDS / 2 and (self._ahead is None or self._ahead.done()):
                self._ahead = asyncio.create_task(
                    self._believe()
                )  # so that no batch of a busy reader waits for it
            return True
        if await self._believe():
            return True
        await pause(AWAY_SECONDS)
        return False

    async def _believe(self) -> bool:
        looked = time.monotonic()
        whole = await self._look()
        self._believed_until = looked + LOOK_SECONDS if whole else 0.0
        return whole

    async def _look(self) -> bool:
        try:
            messages, last, made = await self._bus.stream_state(self._stream)
        except AWAY:
            return False  # gone, or not to be asked: nothing is known
        if messages != last and not self._has_holes:
            logger().error(
                "source_has_holes",
                stream=self._stream,
                missing=last - messages,
                detail="waiting for its owner",
            )
        self._has_holes = messages != last
        return not self._has_holes and made == self._made
