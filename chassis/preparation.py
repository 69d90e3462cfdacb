"""What is done to the channels' messages before they are decided, such as having the keys to what they say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from chassis.declare import Message
from chassis.items import RAW_STREAM, Incoming, Unnumbered
from chassis.keys.store import KeysAway
from chassis.logs import logger

KEYS_RETRY_SECONDS = 0.5

type Prepare = Callable[[Sequence[Message]], Awaitable[None]]
"""Makes messages of the channels ready to be decided. Raises `KeysAway`."""


class Preparation:
    """Prepares the messages of the channels, where a service wants that. `keys_away` says why they wait, if they do."""

    def __init__(self, prepare: Prepare | None) -> None:
        self.keys_away = ""
        self._prepare = prepare

    def check(self) -> dict[str, Any]:
        """For `/readyz`: whether messages can be made ready, and why not."""
        return {"ok": False, "detail": self.keys_away} if self.keys_away else {"ok": True}

    async def of(self, items: Sequence[Incoming | Unnumbered]) -> None:
        """Until it could be done: a message that cannot be made ready waits in its stream, and those behind it."""
        if self._prepare is None or items[0].message.stream != RAW_STREAM:
            return
        messages = [item.message for item in items]
        while True:
            try:
                await self._prepare(messages)
            except KeysAway as away:
                self.keys_away = str(away)
                logger().error("keys_away", error=self.keys_away, messages=len(messages))
                await asyncio.sleep(KEYS_RETRY_SECONDS)
                continue
            self.keys_away = ""
            return
