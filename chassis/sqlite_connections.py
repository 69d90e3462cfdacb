"""Connections to the SQLite file of one store. What goes wrong is told in the words of the `eventsourcing` library."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eventsourcing.persistence import OperationalError
from eventsourcing.sqlite import SQLiteConnection, SQLiteDatastore

from chassis.event_store import AGAIN, DamagedStore

LOCK_WAIT_SECONDS = 30
STATEMENTS_AT_HAND = 64
PRAGMAS = (
    "PRAGMA synchronous=FULL",
    "PRAGMA cache_size=-32768",
    "PRAGMA secure_delete=OFF",
    "PRAGMA temp_store=MEMORY",
)
"""What is committed is on disk. Checkpoints stay at the default size: larger ones hold small batches up."""


class Connections(SQLiteDatastore):
    """The library's connections, keeping their pages and compiled statements: the one last used is used next."""

    def __init__(self, path: Path, *, read_only: bool) -> None:
        mode = "ro" if read_only else "rwc"
        super().__init__(
            f"file:{path}?mode={mode}", lock_timeout=LOCK_WAIT_SECONDS, originator_id_type="text"
        )
        self._path = path
        self._pragmas = PRAGMAS if read_only else ("PRAGMA journal_mode=WAL", *PRAGMAS)
        self._idle: list[SQLiteConnection] = []

    @contextmanager
    def get_connection(self, *, commit: bool) -> Iterator[SQLiteConnection]:
        """A connection for the length of a block, whatever it is for."""
        connection = self._idle.pop() if self._idle else self._open()
        try:
            yield connection
        finally:
            self._idle.append(connection)

    def _open(self) -> SQLiteConnection:
        """A new one. Raises `OperationalError` where the file cannot be opened, as without a file descriptor, and
        `DamagedStore` where it is no database.
        """
        try:
            connection = sqlite3.connect(
                self.pool.db_name,
                uri=True,
                check_same_thread=False,
                isolation_level=None,
                cached_statements=STATEMENTS_AT_HAND,
                timeout=LOCK_WAIT_SECONDS,
            )
            for pragma in self._pragmas:
                connection.execute(pragma)
        except sqlite3.OperationalError as trouble:
            raise OperationalError(f"{self._path.name}: {trouble}") from trouble
        except sqlite3.DatabaseError as trouble:
            raise DamagedStore(f"{self._path} cannot be read ({trouble}): {AGAIN}") from trouble
        return SQLiteConnection(sqlite_conn=connection, max_age=None)

    def close(self) -> None:
        """Close all of them."""
        while self._idle:
            self._idle.pop().close()


@contextmanager
def told(path: Path) -> Iterator[None]:
    """What sqlite3 raises inside, in the library's words and with the file that it is about."""
    try:
        yield
    except sqlite3.Error as trouble:
        raise OperationalError(f"{path.name}: {trouble}") from trouble
