"""The store of keys: one for each person, one for each stored body; a destroyed one never comes back.

It is a store of its own (`<data>/keys/keys.sqlite`), in no backup of the others, so that whatever was sealed with a
destroyed key is gone from every copy ever made. Keys lie in it wrapped by the master key, people under names that only
the master key can derive. What remains of a destroyed key is its id, who destroyed it, when and why, and what it
belonged to: enough to answer for it, nothing to read by.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidTag

from chassis.master_key import MasterKey
from chassis.sealing import KEY_BYTES, Key

PERSON, BODY = "person", "body"
"""The kinds of keys: for what describes somebody, and for a message's body as it came."""
BUSY_MILLISECONDS = 5_000
TABLES = """
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


class KeysAway(Exception):
    """The key store does not answer, or its keys are not of our master key. Nothing is sealed or opened meanwhile."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Something to seal: whose it is (any text that identifies the person), and the entity it is part of."""

    owner: str
    entity: str
    body: str = ""
    """The key of the body it was read from, which is then tied to the same entity; empty if there is none."""


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What is known of a key without having it."""

    key_id: str
    kind: str
    made_at: str
    destroyed_at: str | None
    entities: tuple[str, ...]


class KeyStore:
    """The keys in a SQLite file. Safe to use from several threads; several processes may have it open.

    Every method raises `KeysAway` while the file cannot be used.
    """

    def __init__(self, path: Path, master: Callable[[], MasterKey]) -> None:
        self.path = path
        self._find_master = master
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    @cached_property
    def _master(self) -> MasterKey:
        return self._find_master()

    def issue(self, wanted: Sequence[Wanted], now: str) -> list[Key]:
        """A key for each, durable when this returns: the one its entity has, else its owner's, else a new one."""
        with self._transaction() as sql:
            return [self._issued(sql, one, now) for one in wanted]

    def issue_bodies(self, names: Sequence[str], now: str) -> list[Key | None]:
        """A key for each body, by what names it for ever; the same name has the same key. Durable when this returns.

        None for a body whose key was destroyed: it was stored before, and may not come back.
        """
        with self._transaction() as sql:
            return [self._body(sql, self._master.name(BODY, name), now) for name in names]

    def fetch(self, key_ids: Iterable[str], who: str, now: str) -> dict[str, Key]:
        """The keys that are there, by id; the access is noted. Destroyed ones are missing.

        Raises `KeysAway` for a key that never was here: this is not the store that the data was sealed with.
        """
        found: dict[str, Key] = {}
        with self._transaction(durable=False) as sql:
            for key_id in key_ids:
                row = sql.execute("SELECT wrapped FROM keys WHERE key_id = ?", (key_id,)).fetchone()
                if row is None:
                    raise KeysAway(f"{self.path} has no key {key_id}: put the backup of the keys back")
                if row[0] is not None:
                    found[key_id] = self._unwrapped(key_id, row[0])
            noted = [(now, who, key_id) for key_id in found]
            sql.executemany("INSERT INTO accesses VALUES (?, ?, ?)", noted)
        return found

    def destroy(self, key_ids: Iterable[str], actor: str, reason: str, now: str) -> int:
        """Destroy keys, in the file and in what SQLite leaves beside it; returns how many there were."""
        with self._transaction() as sql:
            destroyed = sum(
                sql.execute(
                    "UPDATE keys SET wrapped = NULL, destroyed_at = ?, actor = ?, reason = ?"
                    " WHERE key_id = ? AND wrapped IS NOT NULL",
                    (now, actor, reason, key_id),
                ).rowcount
                for key_id in key_ids
            )
        self._forget_pages()
        return destroyed

    def bodies_before(self, moment: str) -> list[str]:
        """The keys of bodies that were stored before a moment (RFC 3339, UTC) and can still be read, oldest first."""
        with self._transaction(durable=False) as sql:
            rows = sql.execute(
                "SELECT key_id FROM keys WHERE kind = 'body' AND wrapped IS NOT NULL AND made_at < ?"
                " ORDER BY made_at",
                (moment,),
            )
            return [row[0] for row in rows]

    def keys_of_owner(self, owner: str) -> list[str]:
        """Every key this person ever had."""
        name = self._master.name(PERSON, owner)
        with self._transaction(durable=False) as sql:
            return [row[0] for row in sql.execute("SELECT key_id FROM owners WHERE owner = ?", (name,))]

    def keys_of_entity(self, entity: str, kind: str) -> list[str]:
        """The keys of one kind that an entity's data is sealed with."""
        with self._transaction(durable=False) as sql:
            rows = sql.execute(
                "SELECT key_id FROM ties JOIN keys USING (key_id) WHERE entity = ? AND kind = ?",
                (entity, kind),
            )
            return [row[0] for row in rows]

    def facts(self, key_id: str) -> KeyFacts | None:
        """What is known of a key; None where there never was one of this id."""
        with self._transaction(durable=False) as sql:
            row = sql.execute(
                "SELECT key_id, kind, made_at, destroyed_at FROM keys WHERE key_id = ?", (key_id,)
            ).fetchone()
            tied = sql.execute("SELECT entity FROM ties WHERE key_id = ? ORDER BY entity", (key_id,))
            if row is None:
                return None
            key_id, kind, made_at, destroyed_at = row
            return KeyFacts(key_id, kind, made_at, destroyed_at, tuple(entity for (entity,) in tied))

    def tied(self) -> Mapping[str, str]:
        """Every body's key with the entity that was read from it."""
        with self._transaction(durable=False) as sql:
            rows = sql.execute("SELECT key_id, entity FROM ties JOIN keys USING (key_id) WHERE kind = 'body'")
            return dict(rows.fetchall())

    def copy_to(self, path: Path) -> int:
        """A consistent copy of the whole store, for a backup of its own; returns how many keys it has."""
        with self._transaction(durable=False) as sql:
            (count,) = sql.execute("SELECT count(*) FROM keys WHERE wrapped IS NOT NULL").fetchone()
        with self._lock, self._told(), sqlite3.connect(path) as copy:
            self._opened().backup(copy)
        copy.close()
        return int(count)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def _issued(self, sql: sqlite3.Connection, wanted: Wanted, now: str) -> Key:
        owner = self._master.name(PERSON, wanted.owner)
        row = (
            sql.execute(
                "SELECT key_id, wrapped FROM ties JOIN keys USING (key_id)"
                " WHERE entity = ? AND kind = 'person' AND wrapped IS NOT NULL",
                (wanted.entity,),
            ).fetchone()
            or sql.execute(
                "SELECT key_id, wrapped FROM owners JOIN keys USING (key_id)"
                " WHERE owner = ? AND wrapped IS NOT NULL",
                (owner,),
            ).fetchone()
        )
        key = self._unwrapped(*row) if row else self._made(sql, PERSON, secrets.token_urlsafe(12), now)
        sql.execute("INSERT OR IGNORE INTO owners VALUES (?, ?)", (owner, key.id))
        for key_id in filter(None, (key.id, wanted.body)):
            sql.execute("INSERT OR IGNORE INTO ties VALUES (?, ?)", (wanted.entity, key_id))
        return key

    def _body(self, sql: sqlite3.Connection, key_id: str, now: str) -> Key | None:
        row = sql.execute("SELECT wrapped FROM keys WHERE key_id = ?", (key_id,)).fetchone()
        if row is None:
            return self._made(sql, BODY, key_id, now)
        return self._unwrapped(key_id, row[0]) if row[0] is not None else None

    def _made(self, sql: sqlite3.Connection, kind: str, key_id: str, now: str) -> Key:
        secret = secrets.token_bytes(KEY_BYTES)
        sql.execute(
            "INSERT INTO keys (key_id, kind, made_at, wrapped) VALUES (?, ?, ?, ?)",
            (key_id, kind, now, self._master.wrap(key_id, secret)),
        )
        return Key(key_id, secret)

    def _unwrapped(self, key_id: str, wrapped: bytes) -> Key:
        try:
            return Key(key_id, self._master.unwrap(key_id, wrapped))
        except InvalidTag:
            raise KeysAway(
                f"{self.path} was made with another master key: key {key_id} cannot be used"
            ) from None

    def _forget_pages(self) -> None:
        """What was overwritten must not stay in the write-ahead log."""
        with self._lock, self._told():
            self._opened().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _transaction(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        with self._lock, self._told():
            sql = self._opened()
            sql.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            sql.execute("BEGIN IMMEDIATE")
            try:
                yield sql
            except BaseException:
                with suppress(sqlite3.Error):
                    sql.execute("ROLLBACK")
                raise
            sql.execute("COMMIT")

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
                self.path, isolation_level=None, check_same_thread=False, timeout=BUSY_MILLISECONDS / 1000
            )
            self.path.chmod(0o600)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA secure_delete = ON")
            self._connection.executescript(TABLES)
        return self._connection
