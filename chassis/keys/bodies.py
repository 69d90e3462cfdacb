"""Bodies of messages as they came, sealed each with a key of its own before they are stored anywhere.

Nobody knows yet whose they are. The digest of what was inside stays readable beside it, so that a body can be proved
as long as somebody has it, and the fact that it was there for ever.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping

from chassis.clock import Clock, rfc3339, wall_clock
from chassis.declare import Message
from chassis.keys.away import KeysAway
from chassis.keys.ring import KEPT_SECONDS, Opens
from chassis.keys.sealing import NONCE_BYTES, TAG_BYTES, Key
from chassis.keys.store import KeyStore
from contracts.frozen import replace

SEALED = "doorstep-sealed"
"""Header: the id of the key that the body is sealed with."""
DIGEST = "doorstep-body-sha256"
"""Header: SHA-256 of the body as it came, in hexadecimal."""
BATCH_MAX = 256
FRESH_MAX = 1_000
"""Keys of bodies that wait to be read by the service that sealed them."""

type Body = tuple[str, bytes]
"""What names a body for ever (the message id that the stream is told), and the body."""
type SealedBody = tuple[bytes, dict[str, str]]
"""The body as it is stored, and the headers that say so."""


class Forgotten(Exception):
    """The body was stored before, and its key was destroyed: it may not come back."""


def sealed_body(key: Key, data: bytes) -> SealedBody:
    """A body as it is stored."""
    return key.seal_bytes(data), {SEALED: key.id, DIGEST: hashlib.sha256(data).hexdigest()}


def digest_of(headers: Mapping[str, str], data: bytes) -> str:
    """SHA-256 of a stored message's body as it came, whether it is sealed or not."""
    return headers.get(DIGEST) or hashlib.sha256(data).hexdigest()


def body_bytes(headers: Mapping[str, str], data: bytes) -> int:
    """How long a stored message's body was as it came."""
    return len(data) - NONCE_BYTES - TAG_BYTES if SEALED in headers else len(data)


async def readable(message: Message, opens: Opens) -> Message | None:
    """A stored message with its body as it came; None where the key was destroyed. Raises `KeysAway`."""
    key_id = message.headers.get(SEALED)
    if not key_id:
        return message
    data = await opens.open_body(key_id, message.data)
    return None if data is None else replace(message, data=data)


class SealsBodies:
    """Seals bodies for whoever takes them in one by one: what waits while keys are written shares the next write."""

    def __init__(
        self, store: KeyStore, clock: Clock = wall_clock, elapsed: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._clock = clock
        self._elapsed = elapsed
        self._fresh: dict[str, tuple[float, Key]] = {}
        self._waiting: list[tuple[Body, asyncio.Future[SealedBody]]] = []
        self._sealing: asyncio.Task[None] | None = None

    async def seal(self, name: str, data: bytes) -> SealedBody:
        """The sealed body and its headers. Raises `KeysAway`, and `Forgotten`."""
        sealed: asyncio.Future[SealedBody] = asyncio.get_running_loop().create_future()
        self._waiting.append(((name, data), sealed))
        if self._sealing is None:
            self._sealing = asyncio.create_task(self._seal_all())
        return await sealed

    def fresh(self, key_id: str) -> Key | None:
        """The key of a body that was sealed here a moment ago, for whoever reads it next, once."""
        until, key = self._fresh.pop(key_id, (0.0, None))
        return key if until > self._elapsed() else None

    async def _seal_all(self) -> None:
        try:
            while batch := self._waiting[:BATCH_MAX]:
                del self._waiting[:BATCH_MAX]
                await self._seal_some(batch)
        finally:
            self._sealing = None

    async def _seal_some(self, batch: list[tuple[Body, asyncio.Future[SealedBody]]]) -> None:
        names, now = [name for (name, _), _ in batch], rfc3339(self._clock())
        try:
            keys = await asyncio.to_thread(self._store.issue_bodies, names, now)
        except KeysAway as away:
            for _, waiting in batch:
                _settle(waiting, away)
            return
        until = self._elapsed() + KEPT_SECONDS
        self._fresh |= {key.id: (until, key) for key in keys if key}
        for key_id in list(self._fresh)[:-FRESH_MAX]:
            del self._fresh[key_id]
        for ((name, data), waiting), key in zip(batch, keys, strict=True):
            _settle(waiting, sealed_body(key, data) if key else Forgotten(name))


def _settle(waiting: asyncio.Future[SealedBody], outcome: SealedBody | Exception) -> None:
    if waiting.done():
        return  # whoever asked has gone
    if isinstance(outcome, Exception):
        waiting.set_exception(outcome)
    else:
        waiting.set_result(outcome)
