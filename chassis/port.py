"""A port of ours: opened once in the life of its process, whoever answers there.

A service stands by, then starts, then works, and each time another application answers. The port stays open between
them: where it is closed while somebody comes in, asyncio (3.13) may accept the connection, find its server closed, and
keep the socket until the garbage collector comes by; and whoever sent the request waits in vain.
"""

from __future__ import annotations

import asyncio
from typing import Self, cast

from aiohttp import web

from chassis.access import IDLE_SECONDS_MAX
from chassis.tls import listening

PATIENCE_SECONDS = 1.0


class Port:
    """The port `number` of `host`, from the first application on; closed at the end of the block."""

    def __init__(self, host: str, number: int) -> None:
        self.host, self.number = host, number
        self._listener: asyncio.Server | None = None
        self._answering: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def answers_with(
        self, application: web.Application, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        """From now on this application answers; the one before ends what it has begun, within its own patience.

        Raises `CannotListen`.
        """
        before, self._answering = self._answering, await _runner(application, patience_seconds)
        if before is not None:
            await before.cleanup()
        if self._listener is None:
            self._listener = await listening(lambda: _Comer(self), self.host, self.number)

    async def close(self) -> None:
        """Nobody comes in any more, and what has begun is ended, within its patience."""
        if self._listener is not None:
            self._listener.close()
        if self._answering is not None:
            await self._answering.cleanup()
        self._listener = self._answering = None

    def speaker(self) -> asyncio.Protocol:
        """Who speaks with the next one who comes."""
        assert self._answering is not None
        assert self._answering.server is not None
        return self._answering.server()


class _Comer(asyncio.Protocol):
    """A connection until it stands: with TLS that takes its time, and the applications may change meanwhile."""

    def __init__(self, port: Port) -> None:
        self._port = port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        speaker = self._port.speaker()
        cast("asyncio.Transport", transport).set_protocol(speaker)
        speaker.connection_made(transport)


async def _runner(application: web.Application, patience_seconds: float) -> web.AppRunner:
    runner = web.AppRunner(
        application,
        access_log=None,
        shutdown_timeout=patience_seconds,
        keepalive_timeout=IDLE_SECONDS_MAX,
        auto_decompress=False,  # a signature is over the bytes that were sent, and a bomb stays packed
    )
    await runner.setup()
    return runner
