"""The lock on a store in PostgreSQL: a session's advisory lock, on a connection of its own.

The server gives it to the next one as soon as the session ends. The signs of life are its statements, which whoever
logs in as the same user sees in pg_stat_activity; so a standby can end the session of a holder that stands still, on
whatever machine that is.
"""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
from psycopg import sql

from chassis.holder import Holder
from chassis.logs import logger
from chassis.postgres_connections import Connection, first_line, parameters
from chassis.pulse import LOOK_AGAIN_SECONDS, Away, NotYet, Pulse, Silence

LOCK = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
HELD_BY = """
SELECT a.pid, a.backend_start, a.state_change, a.query
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (l.classid::bigint << 32) | l.objid::bigint = hashtextextended(%s, 0)
"""
END = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid = %s AND backend_start = %s AND state_change = %s
"""
END_HALF_WRITTEN = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE state <> 'idle' AND wait_event IN ('ClientRead', 'ClientWrite') AND state_change < now() - interval '1 second'
  AND pid IN (
    SELECT l.pid FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
    WHERE l.mode = 'RowExclusiveLock' AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %s)
  )
"""
"""A holder that was stopped within a transaction has rows that its successor would wait for. The server's own limit
for idle transactions is longer than we have, and does not count between statements that were sent together."""


class Session:
    """Asks for the lock again and again on one connection, which is opened anew when it is lost.

    It asks rather than waits within the database: a statement that waits keeps old rows from being cleaned up.
    """

    def __init__(self, url: str, schema: str) -> None:
        self._parameters = parameters(url, f"{schema} lock")
        self._schema = schema
        self._connection: Connection | None = None
        self._silence = Silence()

    async def take(self) -> Pulse:
        """The lock. Raises `NotYet` while somebody else has it, `Away` while nobody answers."""
        try:
            connection = await asyncio.to_thread(self._try)
        except psycopg.OperationalError as trouble:
            self._connection = None
            raise Away(f"the database does not answer ({first_line(trouble)}); waiting for it") from trouble
        return Pulse(lambda: connection.execute(_signature()), connection.close)

    async def again(self) -> Pulse:
        """The lock, after it was lost with its connection: as soon as the database answers. Raises `NotYet`."""
        self._connection = None
        while True:
            try:
                return await self.take()
            except Away:
                await asyncio.sleep(LOOK_AGAIN_SECONDS)

    def _try(self) -> Connection:
        if self._connection is None:
            self._connection = psycopg.connect(self._parameters, autocommit=True)
        if self._connection.execute(LOCK, [self._schema]).fetchone() == (True,):
            self._connection.execute(END_HALF_WRITTEN, [self._schema])
            self._connection.execute(_signature())
            return self._connection
        self._end_if_silent(self._connection)
        raise NotYet(f"another process owns {self._schema}; waiting to take over")

    def _end_if_silent(self, connection: Connection) -> None:
        found: Any = connection.execute(HELD_BY, [self._schema]).fetchone()
        if found is None or not self._silence.after(found):
            return
        holder = Holder.read(found[3])
        killed = holder is not None and holder.end()
        ended = connection.execute(END, found[:3]).fetchall()
        logger().error("holder_silent", store=self._schema, session_ended=bool(ended), killed=killed)


def _signature() -> sql.Composed:
    """What a session says last, so that others see in the list of sessions whose it is."""
    return sql.SQL("SELECT {}").format(str(Holder.me()))
