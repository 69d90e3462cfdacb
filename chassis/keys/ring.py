"""Opening sealed values at the edge: adapters and pages ask here, and hold a key for a few seconds at most."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from chassis.clock import Clock, rfc3339, wall_clock
from chassis.keys.sealing import Key, key_id_of
from chassis.keys.store import KeyStore, Wanted
from contracts.personal import ERASED, personal_texts, with_opened, with_sealed

KEPT_SECONDS = 5.0
"""How long a key stays in memory: the longest that a service can read somebody who was forgotten."""
KEPT_MAX = 10_000


class Opens(Protocol):
    """Whoever can read personal data."""

    async def open[T](self, value: T) -> T:
        """The value with each of its personal texts readable; `ERASED` in the place of what nobody can read any more.

        What was never sealed stays as it is. Raises `chassis.keys.store.KeysAway`.
        """

    async def open_body(self, key_id: str, sealed: bytes) -> bytes | None:
        """A message's body as it came; None where its key was destroyed. Raises `chassis.keys.store.KeysAway`."""


class Seals(Protocol):
    """Whoever can seal personal data that comes in later than the rest."""

    async def seal[T](self, value: T, *, entity: str, owner: str = "") -> T:
        """The value with each of its personal texts sealed, with the key its entity has already, else its owner's.

        An owner that is not known is the entity itself. Raises `chassis.keys.store.KeysAway`.
        """


class AsItIs:
    """For a set-up in which nothing is sealed."""

    async def open[T](self, value: T) -> T:
        """The value."""
        return value

    async def open_body(self, key_id: str, sealed: bytes) -> bytes | None:
        """Nobody can, without keys."""
        return None

    async def seal[T](self, value: T, *, entity: str, owner: str = "") -> T:
        """The value."""
        return value


AS_IT_IS = AsItIs()


class Sealer:
    """Seals one value at a time."""

    def __init__(self, store: KeyStore, clock: Clock = wall_clock) -> None:
        self._store = store
        self._clock = clock

    async def seal[T](self, value: T, *, entity: str, owner: str = "") -> T:
        """See `Seals`."""
        if not any(True for _ in personal_texts(value)):
            return value
        wanted = [Wanted(owner=owner or entity, entity=entity, anew=True)]
        (key,) = await asyncio.to_thread(self._store.issue, wanted, rfc3339(self._clock()))
        assert key is not None, "asked for anew"
        return with_sealed(value, key.seal)


class KeyRing:
    """The keys that one service has used just now. Each fetch from the store is noted there, with `who`."""

    def __init__(
        self,
        store: KeyStore,
        who: str,
        clock: Clock = wall_clock,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._who = who
        self._clock = clock
        self._elapsed = elapsed
        self._kept: dict[str, tuple[float, Key | None]] = {}
        self._asked: dict[str, None] = {}
        self._fetching: asyncio.Task[dict[str, Key]] | None = None

    async def open[T](self, value: T) -> T:
        """See `Opens`."""
        needed = {key_id for text in personal_texts(value) if (key_id := key_id_of(text))}
        if not needed:
            return value
        keys = await self._keys(needed)
        return with_opened(value, lambda text: _opened(text, keys))

    async def open_body(self, key_id: str, sealed: bytes) -> bytes | None:
        """A message's body as it came; None where its key was destroyed."""
        key = (await self._keys({key_id}))[key_id]
        return key.open_bytes(sealed) if key else None

    async def _keys(self, needed: Iterable[str]) -> dict[str, Key | None]:
        now = self._elapsed()
        at_hand = {key_id: kept[1] for key_id in needed if (kept := self._kept.get(key_id)) and kept[0] > now}
        missing = [key_id for key_id in needed if key_id not in at_hand]
        if missing:
            fetched = await self._fetched(missing)
            at_hand |= {key_id: fetched.get(key_id) for key_id in missing}
            self._keep({key_id: at_hand[key_id] for key_id in missing}, now + KEPT_SECONDS)
        return at_hand

    async def _fetched(self, missing: Iterable[str]) -> dict[str, Key]:
        """Whatever is asked for before the loop's next turn is fetched together: one transaction for many mails."""
        self._asked |= dict.fromkeys(missing)
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch_asked())
        return await asyncio.shield(self._fetching)

    async def _fetch_asked(self) -> dict[str, Key]:
        await asyncio.sleep(0)
        asked, self._asked, self._fetching = list(self._asked), {}, None
        return await asyncio.to_thread(self._store.fetch, asked, self._who, rfc3339(self._clock()))

    def _keep(self, fetched: dict[str, Key | None], until: float) -> None:
        if len(self._kept) > KEPT_MAX:
            self._kept.clear()
        self._kept |= {key_id: (until, key) for key_id, key in fetched.items()}


def _opened(text: str, keys: dict[str, Key | None]) -> str:
    key_id = key_id_of(text)
    if not key_id:
        return text
    key = keys[key_id]
    return key.open(text) if key else ERASED
