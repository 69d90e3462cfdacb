"""The retention policy of the channels' own bodies: after `[personal] body_days` nobody can read them any more."""

from __future__ import annotations

import asyncio
from typing import Any

from chassis.key_store import KeysAway, KeyStore
from chassis.logs import logger
from chassis.personal_data import forget_old_bodies

EVERY_SECONDS = 3600.0


class BodyRetention:
    """Looks once an hour, for as long as the service that takes bodies in runs. Does nothing where `days` is 0."""

    def __init__(self, store: KeyStore, days: int) -> None:
        self._store = store
        self._days = days
        self._looking: asyncio.Task[None] | None = None

    async def start(self, _: Any = None) -> None:
        """Begin, at once."""
        if self._days:
            self._looking = asyncio.create_task(self._look(), name="body retention")

    async def stop(self) -> None:
        """End."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        while True:
            try:
                forgotten = await asyncio.to_thread(forget_old_bodies, self._store, self._days)
                logger().info("old_bodies_forgotten", bodies=forgotten, days=self._days)
            except KeysAway as away:
                logger().warning("old_bodies_wait", error=str(away))
            await asyncio.sleep(EVERY_SECONDS)
