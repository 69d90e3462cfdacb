"""Connections to PostgreSQL as one service's role, in its schema: opened when needed, opened again when lost.

What goes wrong with them is told in the words of the `eventsourcing` library, so that nobody above knows psycopg.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from eventsourcing.persistence import OperationalError, PersistenceError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from chassis.event_store import OldStore

type Connection = psycopg.Connection[tuple[Any, ...]]

ATTEMPTS_MAX = 7
FIRST_PAUSE_SECONDS = 0.05
"""Doubled from attempt to attempt, each give or take a half: about three seconds in all, as a restart takes."""
LOST_PEER = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""A server that is cut off is given up within about ten seconds, unless the URL says otherwise."""
SESSION = """
SELECT set_config('role', %(role)s, false), set_config('search_path', quote_ident(%(schema)s), false),
    set_config('synchronous_commit', CASE current_setting('synchronous_commit')
        WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false),
    set_config('default_transaction_read_only', %(read_only)s, false),
    set_config('lock_timeout', '10s', false), set_config('idle_in_transaction_session_timeout', '10s', false),
    set_config('jit', 'off', false)
"""
"""Whatever the server's defaults are: what is committed is on disk, nobody waits for a lock for ever, and a writer
that stands still within a transaction does not keep its successor waiting."""
ENDED = (
    psycopg.errors.AdminShutdown,
    psycopg.errors.CrashShutdown,
    psycopg.errors.DatabaseDropped,
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.ReadOnlySqlTransaction,  # the server became a standby
    psycopg.InterfaceError,
)
"""The server's last words on a connection. They may come in the place of the answer to a COMMIT that was done."""
UNANSWERED = (psycopg.pq.TransactionStatus.ACTIVE, psycopg.pq.TransactionStatus.UNKNOWN)
"""What was said last has no answer yet. If that is where it failed, psycopg gave up before it saw the server leave."""
NOT_SET_UP = (
    psycopg.errors.InvalidParameterValue,  # no such role
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.UndefinedTable,
)


class ConnectionLost(OperationalError):
    """The server went away, or never answered: what was under way may or may not have happened."""


class Unreachable(ConnectionLost):
    """There is no server to connect to: nothing was said to it, and nothing happened."""


def schema_of(cell: str, service: str) -> str:
    """The schema of a service in a cell, and the role that may use it: `doorstep_default_orders`."""
    return f"doorstep_{cell}_{service}"


def aside_of(schema: str) -> str:
    """What the schema of a store is called while a new one is made in its place."""
    return f"{schema}_aside"


def eraser_of(schema: str) -> str:
    """The role that may destroy what is in a schema of keys."""
    return f"{schema}_eraser"


def parameters(url: str, application: str) -> str:
    """The URL as connection parameters, with a bound on how long a silent server is waited for."""
    said = conninfo_to_dict(url)
    return make_conninfo("", **{**LOST_PEER, "application_name": application, **said})


def again[T](attempt: Callable[[], T]) -> T:
    """The result of trying until the server is there: a bounded number of times, with growing, jittered pauses."""
    for number in range(ATTEMPTS_MAX):
        try:
            return attempt()
        except ConnectionLost:
            if number == ATTEMPTS_MAX - 1:
                raise
        time.sleep(FIRST_PAUSE_SECONDS * 2**number * random.uniform(0.5, 1.5))  # noqa: S311 - a pause, no secret
    raise AssertionError("unreachable: the last attempt returns or raises")


@contextmanager
def told(connection: Connection) -> Iterator[None]:
    """What psycopg raises inside, in the library's words; a lost connection as what it is."""
    try:
        yield
    except psycopg.Error as trouble:
        if isinstance(trouble, ENDED) or connection.info.transaction_status in UNANSWERED:
            raise ConnectionLost(first_line(trouble)) from trouble
        if isinstance(trouble, psycopg.OperationalError):
            raise OperationalError(first_line(trouble)) from trouble
        raise PersistenceError(first_line(trouble)) from trouble


def first_line(trouble: Exception) -> str:
    """What PostgreSQL says, without its context."""
    return (str(trouble).strip().splitlines() or [repr(trouble)])[0]


class Connections:
    """Connections of one store, as many as threads use it at once: the one last used is used next.

    They act as the role of the schema's name, unless another `role` is named.
    """

    def __init__(self, url: str, schema: str, *, read_only: bool, role: str = "") -> None:
        self._parameters = parameters(url, schema)
        self._schema = schema
        self._role = role or schema
        self._read_only = read_only
        self._idle: list[Connection] = []

    @contextmanager
    def use(self) -> Iterator[Connection]:
        """One for the length of a block. If it breaks, all that are idle are taken for broken too."""
        connection = self._at_hand() or self.open()
        try:
            with told(connection):
                yield connection
        except ConnectionLost:
            connection.close()
            self.close()
            raise
        finally:
            if connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
                self._idle.append(connection)
            else:
                connection.close()

    def _at_hand(self) -> Connection | None:
        with suppress(IndexError):  # another thread may be quicker
            return self._idle.pop()
        return None

    def open(self) -> Connection:
        """A new one. Raises `Unreachable` where nobody answers, `OldStore` where nothing was set up for us."""
        try:
            connection = psycopg.connect(self._parameters, autocommit=True)
        except psycopg.OperationalError as trouble:
            raise Unreachable(first_line(trouble)) from trouble
        try:
            with told(connection):
                self._set_up(connection)
        except ConnectionLost as lost:
            raise Unreachable(str(lost)) from lost
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_up(self, connection: Connection) -> None:
        values = {"role": self._role, "schema": self._schema, "read_only": "on" if self._read_only else "off"}
        try:
            connection.execute(SESSION, values)
        except NOT_SET_UP as missing:
            raise OldStore(
                f"the database has no store {self._schema} for us ({first_line(missing)}):"
                " run `python -m chassis.migrate` first"
            ) from missing

    def close(self) -> None:
        """Close those that nobody uses."""
        while connection := self._at_hand():
            connection.close()
