"""What the key store keeps for so many days and no longer: the keys of channels' own bodies, and the list of accesses.

After `[personal] body_days` nobody can read a body any more; after `access_days` who fetched which key is not known any
more. It is looked after by the service that takes bodies in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chassis.keys.away import KeysAway
from chassis.keys.personal_data import PersonalSettings, forget_old_accesses, forget_old_bodies
from chassis.keys.store import KeyStore
from chassis.logs import logger

EVERY_SECONDS = 3600.0

type Forget = Callable[[KeyStore, int], int]
"""Forget what is older than so many days; returns how much that was. Raises `KeysAway`."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One kind of thing that is kept for so many days; 0 keeps it for ever."""

    what: str
    days: int
    forget: Forget


def policies(settings: PersonalSettings) -> tuple[Policy, ...]:
    """Those that are switched on."""
    known = (
        Policy("bodies", settings.body_days, forget_old_bodies),
        Policy("accesses", settings.access_days, forget_old_accesses),
    )
    return tuple(policy for policy in known if policy.days)


class Retention:
    """Looks once an hour, for as long as the service runs. Does nothing where everything is kept."""

    def __init__(self, store: KeyStore, settings: PersonalSettings) -> None:
        self._store = store
        self._policies = policies(settings)
        self._looking: asyncio.Task[None] | None = None

    async def start(self, _: Any = None) -> None:
        """Begin, at once."""
        if self._policies:
            self._looking = asyncio.create_task(self._look(), name="retention")

    async def stop(self) -> None:
        """End."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        while True:
            for policy in self._policies:
                await self._apply(policy)
            await asyncio.sleep(EVERY_SECONDS)

    async def _apply(self, policy: Policy) -> None:
        try:
            forgotten = await asyncio.to_thread(policy.forget, self._store, policy.days)
        except KeysAway as away:
            logger().warning(f"old_{policy.what}_wait", error=str(away))
        else:
            logger().info(f"old_{policy.what}_forgotten", number=forgotten, days=policy.days)
