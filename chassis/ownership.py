"""One process at a time writes to a store: whoever holds its lock. The next one waits, and takes over when it is gone.

Beside a SQLite file the lock is one on a file; in PostgreSQL a session's advisory lock. The kernel and the server
release it when its holder ends. A holder that stands still keeps it: so it gives signs of life, and a standby that
sees none ends it. One that could not be killed, as it is on another machine, finds its lock gone when it wakes, and
stops; whatever it still tries to write meets the compare-and-set position. A database that was restarted has forgotten
who held the lock: whoever did takes it again, and goes on if its store is as it left it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from chassis.holder import Holder
from chassis.logs import logger
from chassis.postgres_connections import schema_of
from chassis.pulse import LOOK_AGAIN_SECONDS, NotYet, Owned, Pulse, Silence
from chassis.session_lock import Session
from chassis.settings import System
from chassis.stores import store_path


async def own(service: str, settings: System) -> Owned:
    """The lock that makes this process the only writer of the store; waits for it, saying so once."""
    if not settings.database_url:
        file = store_path(service).with_suffix(".lock")
        return Owned(file.name, await _patiently(service, _File(file).take))
    schema = schema_of(settings.cell, service)
    session = Session(settings.database_url, schema)
    return Owned(schema, await _patiently(service, session.take), session.again)


async def _patiently(service: str, take: Callable[[], Awaitable[Pulse]]) -> Pulse:
    said = ""
    while True:
        try:
            return await take()
        except NotYet as reason:
            if str(reason) != said:
                said = str(reason)
                logger().warning("standing_by", service=service, detail=said)
            await asyncio.sleep(LOOK_AGAIN_SECONDS)


class _File:
    """Asks for the lock on a file. Its holder signs in it, and touches it as a sign of life."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._silence = Silence()

    async def take(self) -> Pulse:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            self._end_if_silent()
            raise NotYet(f"another process owns {self._path.name}; waiting to take over") from None
        file.truncate(0)
        file.write(f"{Holder.me()}\n")
        file.flush()
        return Pulse(lambda: os.utime(file.fileno()), file.close)

    def _end_if_silent(self) -> None:
        signed, touched = self._path.read_text(), self._path.stat().st_mtime_ns
        if self._silence.after((signed, touched)) and (holder := Holder.read(signed)):
            killed = holder.end()
            logger().error("holder_silent", store=self._path.name, pid=holder.pid, killed=killed)
