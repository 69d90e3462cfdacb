"""Bodies of messages as they came, sealed each with a key of its own before they are stored anywhere.

Nobody knows yet whose they are. The digest of what was inside stays readable beside it, so that a body can be proved
as long as somebody has it, and the fact that it was there for ever.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence

from chassis.clock import Clock, rfc3339, wall_clock
from chassis.key_store import KeyStore
from chassis.sealing import NONCE_BYTES, TAG_BYTES

SEALED = "doorstep-sealed"
"""Header: the id of the key that the body is sealed with."""
DIGEST = "doorstep-body-sha256"
"""Header: SHA-256 of the body as it came, in hexadecimal."""
BATCH_MAX = 256

type Body = tuple[str, bytes]
"""What names a body for ever (the message id that the stream is told), and the body."""
type SealedBody = tuple[bytes, dict[str, str]]
"""The body as it is stored, and the headers that say so."""


def seal_bodies(store: KeyStore, bodies: Sequence[Body], clock: Clock = wall_clock) -> list[SealedBody]:
    """Seal them; the same body under the same name is sealed the same. Raises `KeysAway`, and `Destroyed`."""
    keys = store.issue_bodies([name for name, _ in bodies], rfc3339(clock()))
    return [
        (key.seal_bytes(data), {SEALED: key.id, DIGEST: hashlib.sha256(data).hexdigest()})
        for key, (_, data) in zip(keys, bodies, strict=True)
    ]


def digest_of(headers: Mapping[str, str], data: bytes) -> str:
    """SHA-256 of a stored message's body as it came, whether it is sealed or not."""
    return headers.get(DIGEST) or hashlib.sha256(data).hexdigest()


def body_bytes(headers: Mapping[str, str], data: bytes) -> int:
    """How long a stored message's body was as it came."""
    return len(data) - NONCE_BYTES - TAG_BYTES if SEALED in headers else len(data)


class SealsBodies:
    """Seals bodies for whoever takes them in one by one: what waits while keys are written shares the next write."""

    def __init__(self, store: KeyStore, clock: Clock = wall_clock) -> None:
        self._store = store
        self._clock = clock
        self._waiting: list[tuple[Body, asyncio.Future[SealedBody]]] = []
        self._sealing: asyncio.Task[None] | None = None

    async def seal(self, name: str, data: bytes) -> SealedBody:
        """Raises `KeysAway`, and `Destroyed` for a body that was stored before and may not come back."""
        sealed: asyncio.Future[SealedBody] = asyncio.get_running_loop().create_future()
        self._waiting.append(((name, data), sealed))
        if self._sealing is None:
            self._sealing = asyncio.create_task(self._seal_all())
        return await sealed

    async def _seal_all(self) -> None:
        try:
            while batch := self._waiting[:BATCH_MAX]:
                del self._waiting[:BATCH_MAX]
                await self._seal_some(batch)
        finally:
            self._sealing = None

    async def _seal_some(self, batch: list[tuple[Body, asyncio.Future[SealedBody]]]) -> None:
        try:
            done = await asyncio.to_thread(seal_bodies, self._store, [body for body, _ in batch], self._clock)
        except Exception as fault:  # noqa: BLE001 - raised to whoever waits for it
            if len(batch) > 1:
                for one in batch:
                    await self._seal_some([one])
                return
            _settle(batch[0][1], fault)
            return
        for (_, waiting), sealed in zip(batch, done, strict=True):
            _settle(waiting, sealed)


def _settle(waiting: asyncio.Future[SealedBody], outcome: SealedBody | Exception) -> None:
    if waiting.done():
        return  # whoever asked has gone
    if isinstance(outcome, Exception):
        waiting.set_exception(outcome)
    else:
        waiting.set_result(outcome)
