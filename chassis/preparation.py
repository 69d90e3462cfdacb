"""What is done to the channels' messages before they are decided, such as having the keys to what they say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from chassis.declare import Message
from chassis.items import RAW_STREAM, Incoming, Unnumbered
from chassis.keys.away import KeysAway
from chassis.logs import logger

KEYS_RETRY_SECONDS = 0.5
PROVED_WITHIN_SECONDS = 2.0
"""A key store that takes longer is away for whoever asks after our health; it is not asked twice at a time."""

type Prepare = Callable[[Sequence[Message]], Awaitable[None]]
"""Makes messages of the channels ready to be decided. Raises `KeysAway`."""


type Prove = Callable[[], None]
"""Makes sure that keys can be had. Raises `KeysAway`."""


class Preparation:
    """Prepares the messages of the channels, where a service wants that. `keys_away` says why they wait, if they do."""

    def __init__(self, prepare: Prepare | None, prove: Prove | None = None) -> None:
        self.keys_away = ""
        self._prepare = prepare
        self._prove = prove
        self._proving: asyncio.Task[str] | None = None
        self._unproved_before = ""

    async def check(self) -> dict[str, Any]:
        """For `/readyz`: whether messages can be made ready, and why not.

        The key store is asked itself: without keys no webhook is stored, and none would wait that could show it.
        """
        away = self.keys_away or await self._unproved()
        return {"ok": False, "detail": away} if away else {"ok": True}

    async def _unproved(self) -> str:
        if self._prove is None:
            return ""
        if self._proving is None or self._proving.done():
            self._proving = asyncio.create_task(_why_away(self._prove))
        try:
            away = await asyncio.wait_for(asyncio.shield(self._proving), PROVED_WITHIN_SECONDS)
        except TimeoutError:
            away = "the key store does not answer"
        if away and away != self._unproved_before:
            logger().error("keys_away", error=away, messages=0)
        self._unproved_before = away
        return away

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


async def _why_away(prove: Prove) -> str:
    try:
        await asyncio.to_thread(prove)
    except KeysAway as away:
        return str(away)
    return ""
