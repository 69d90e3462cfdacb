"""The keys of the embedded set-up: a SQLite file, for its owner only."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from chassis.keys.away import KeysAway
from chassis.keys.master import MasterKey
from chassis.keys.store import KeyStore
from chassis.keys.tables import Purpose, Row

BUSY_SECONDS = 5.0
MADE_AS = """
CREATE TABLE IF NOT EXISTS masters (fingerprint TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rotations (
    number INTEGER PRIMARY KEY, at TEXT NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL,
    fingerprint TEXT NOT NULL, naming BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS keys (
    key_id TEXT PRIMARY KEY, kind TEXT NOT NULL, made_at TEXT NOT NULL, wrapped BLOB,
    destroyed_at TEXT, actor TEXT, reason TEXT,
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS owners (
    owner TEXT NOT NULL, key_id TEXT NOT NULL, PRIMARY KEY (owner, key_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ties (
    entity TEXT NOT NULL, key_id TEXT NOT NULL, PRIMARY KEY (entity, key_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tied_by_key ON ties (key_id);
CREATE INDEX IF NOT EXISTS bodies_by_age ON keys (made_at) WHERE kind = 'body' AND wrapped IS NOT NULL;
CREATE TABLE IF NOT EXISTS accesses (
    at TEXT NOT NULL, who TEXT NOT NULL, key_id TEXT NOT NULL
) STRICT;
"""
"""As `migrations/keys` makes them in PostgreSQL."""


class SQLiteKeys(KeyStore):
    """The keys in the file at `path`, which is made when it is first used."""

    def __init__(self, path: Path, master: Callable[[], MasterKey]) -> None:
        super().__init__(master)
        self.path = path
        self.place = str(path)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    @contextmanager
    def transaction(self, purpose: Purpose) -> Iterator[SQLiteSession]:
        """See `KeyStore`."""
        with self._lock, self._told():
            sql = self._opened()
            sql.execute(f"PRAGMA synchronous = {'NORMAL' if purpose is Purpose.READ else 'FULL'}")
            sql.execute("BEGIN IMMEDIATE")
            try:
                yield SQLiteSession(sql)
            except BaseException:
                with suppress(sqlite3.Error):
                    sql.execute("ROLLBACK")
                raise
            sql.execute("COMMIT")

    def sweep(self) -> None:
        """What was overwritten must not stay in the write-ahead log; `secure_delete` takes care of the file."""
        with self._lock, self._told():
            self._opened().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as fault:
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            raise KeysAway(f"the keys in {self.path} cannot be used: {fault}") from fault

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                self.path, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS
            )
            self.path.chmod(0o600)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA secure_delete = ON")
            self._connection.executescript(MADE_AS)
        return self._connection


class SQLiteSession:
    """One transaction in the file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, statement: str, *values: Any) -> list[Row]:
        """See `key_tables.Session`."""
        return self._execute(statement, values).fetchall()

    def change(self, statement: str, *values: Any) -> int:
        """See `key_tables.Session`."""
        return self._execute(statement, values).rowcount

    def wrap_anew(self, rows: Sequence[tuple[bytes, str]]) -> None:
        """See `key_tables.Session`."""
        self._connection.executemany("UPDATE keys SET wrapped = ? WHERE key_id = ?", rows)

    def add(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """See `key_tables.Session`."""
        marks = ", ".join("?" * len(columns))
        self._connection.executemany(
            f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})",  # noqa: S608
            rows,
        )

    def _execute(self, statement: str, values: Sequence[Any]) -> sqlite3.Cursor:
        said = [orjson.dumps(value).decode() if isinstance(value, list) else value for value in values]
        return self._connection.execute(in_sqlite(statement), said)


@cache
def in_sqlite(statement: str) -> str:
    """PostgreSQL's words for values and lists in SQLite's."""
    return statement.replace("= ANY (%s)", "IN (SELECT value FROM json_each(?))").replace("%s", "?")
