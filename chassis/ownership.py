"""One process at a time writes to a store: whoever holds its lock. The next one waits, and takes over when it is gone.

Beside a SQLite file the lock is one on a file; in PostgreSQL a session's advisory lock, on a connection of its own,
which the server gives to the next one as soon as the holder's connection ends.
"""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol, TextIO

import psycopg

from chassis.event_store import StalePosition
from chassis.logs import logger
from chassis.postgres_connections import first_line, parameters, schema_of
from chassis.settings import System
from chassis.stores import store_path

LOOK_AGAIN_SECONDS = 0.2
PING_SECONDS = 2.0
LOCK = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"


class Ownership(Protocol):
    """The right to write, as long as it lasts."""

    async def lost(self) -> None: ...
    async def give_up(self) -> None: ...


class FileLock:
    """Ours until this process ends: the kernel keeps it."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    async def lost(self) -> None:
        """Never returns: it cannot be lost."""
        await asyncio.Event().wait()

    async def give_up(self) -> None:
        """Let the next one have it."""
        self._file.close()


class SessionLock:
    """Ours as long as the connection lives."""

    def __init__(self, name: str, connection: psycopg.AsyncConnection[Any]) -> None:
        self._name = name
        self._connection = connection

    async def lost(self) -> None:
        """Raises `StalePosition` when the connection ends: from then on another process may write."""
        try:
            while True:
                async for _ in self._connection.notifies(timeout=PING_SECONDS):
                    pass
                await self._connection.execute("SELECT 1")
        except psycopg.Error as trouble:
            raise StalePosition(
                f"the lock on {self._name} was lost ({first_line(trouble)}): another process may write to it now"
            ) from trouble

    async def give_up(self) -> None:
        """Let the next one have it."""
        await self._connection.close()


async def own(service: str, settings: System) -> Ownership:
    """The lock that makes this process the only writer of the store; waits for it, saying so once."""
    if not settings.database_url:
        return await _patiently(service, lambda: _lock_file(store_path(service).with_suffix(".lock")))
    session = _Session(settings.database_url, schema_of(settings.cell, service))
    return await _patiently(service, session.take)


class _NotYet(Exception):
    """Somebody else has it, or nobody can be asked; the text says which."""


async def _patiently[T](service: str, take: Callable[[], Awaitable[T]]) -> T:
    said = ""
    while True:
        try:
            return await take()
        except _NotYet as reason:
            if str(reason) != said:
                said = str(reason)
                logger().warning("standing_by", service=service, detail=said)
            await asyncio.sleep(LOOK_AGAIN_SECONDS)


async def _lock_file(path: Path) -> Ownership:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise _NotYet(f"another process owns {path.name}; waiting to take over") from None
    return FileLock(file)


class _Session:
    """Asks again and again on one connection, which is opened anew when it is lost.

    It asks rather than waits within the database: a statement that waits keeps old rows from being cleaned up.
    """

    def __init__(self, url: str, schema: str) -> None:
        self._parameters = parameters(url, f"{schema} lock")
        self._schema = schema
        self._connection: psycopg.AsyncConnection[Any] | None = None

    async def take(self) -> Ownership:
        try:
            connection = await self._connected()
            found = await (await connection.execute(LOCK, [self._schema])).fetchone()
        except psycopg.OperationalError as trouble:
            self._connection = None
            raise _NotYet(
                f"the database does not answer ({first_line(trouble)}); waiting for it"
            ) from trouble
        if found != (True,):
            raise _NotYet(f"another process owns {self._schema}; waiting to take over")
        return SessionLock(self._schema, connection)

    async def _connected(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is None:
            self._connection = await psycopg.AsyncConnection.connect(self._parameters, autocommit=True)
        return self._connection
