"""The store of keys: one for each person, one for each stored body; a destroyed one never comes back.

It is a store of its own, in no backup of the others, so that whatever was sealed with a destroyed key is gone from
every copy ever made. Keys lie in it wrapped by the master key, people under names that only the master key can derive.
What remains of a destroyed key is its id, who destroyed it, when and why, and what it belonged to: enough to answer for
it, nothing to read by. Where it lies is for `sqlite_keys.py` and `postgres_keys.py`; what it does is the same in both.
"""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property

from cryptography.exceptions import InvalidTag

from chassis.keys.away import KeysAway, NoSuchKey, OtherMaster
from chassis.keys.master import MasterKey, Naming
from chassis.keys.sealing import KEY_BYTES, Key
from chassis.keys.tables import (
    EVERYTHING,
    NEW_KEY,
    OF_ENTITIES,
    OF_IDS,
    OF_OWNERS,
    TABLES,
    USABLE_AFTER,
    WRAPPED_BY,
    Contents,
    Purpose,
    Row,
    Session,
)

PERSON, BODY = "person", "body"
"""The kinds of keys: for what describes somebody, and for a message's body as it came."""
NAMING = "naming"
"""What the secret of names is wrapped as: no id of a key is so short."""
PAGE = 1_000
"""Keys that are wrapped anew at a time."""
DESTROY = (
    "UPDATE keys SET wrapped = NULL, destroyed_at = %s, actor = %s, reason = %s WHERE wrapped IS NOT NULL"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Something to seal: whose it is (any text that identifies the person), and the entity it is part of."""

    owner: str
    entity: str
    body: str = ""
    """The key of the body it was read from, which is then tied to the same entity; empty if there is none."""
    anew: bool = False
    """A person gives the data again: an entity whose key was destroyed gets another one."""


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What is known of a key without having it."""

    key_id: str
    kind: str
    made_at: str
    destroyed_at: str | None
    entities: tuple[str, ...]


class KeyStore(ABC):
    """The keys. Safe to use from several threads, and by several processes at once.

    Every method raises `KeysAway` while the store cannot be used.
    """

    place: str
    """Where it is, for messages."""

    def __init__(self, master: Callable[[], MasterKey]) -> None:
        self._find_master = master

    @cached_property
    def _master(self) -> MasterKey:
        return self._find_master()

    @abstractmethod
    def transaction(self, purpose: Purpose) -> AbstractContextManager[Session]:
        """What is done in the block is done as a whole, or not at all."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it."""

    def have(self) -> None:
        """Make sure that it is there: whoever else needs keys finds the store of this system, not one of their own."""
        with self.transaction(Purpose.READ):
            pass

    def prove(self) -> None:
        """Make sure that keys can be had: that it answers, and that its keys are wrapped by our master key."""
        with self.transaction(Purpose.READ) as sql:
            self._ours(sql)

    def issue(self, wanted: Sequence[Wanted], now: str) -> list[Key | None]:
        """A key for each, durable when this returns: the one its entity has, else its owner's, else a new one.

        None for an entity whose key was destroyed: what is said of it later may not bring back who was forgotten.
        """
        keys: list[Key | None] = []
        new: list[Row] = []
        with self.transaction(Purpose.ISSUE) as sql:
            naming = self._ours(sql) or self._first(sql)
            owners = [naming.name(PERSON, one.owner) for one in wanted]
            tied = sql.rows(OF_ENTITIES, [one.entity for one in wanted])
            of_entity, gone = self._unwrapped(tied), {entity for entity, _, wrapped in tied if not wrapped}
            of_owner = self._unwrapped(sql.rows(OF_OWNERS, owners))
            for one, owner in zip(wanted, owners, strict=True):
                key = of_entity.get(one.entity)
                if key is None and (one.anew or one.entity not in gone):
                    key = of_entity[one.entity] = of_owner.get(owner) or self._made(PERSON, now, new)
                if key is not None:
                    of_owner.setdefault(owner, key)
                keys.append(key)
            sql.add("keys", NEW_KEY, new)
            sql.add("owners", TABLES["owners"], _pairs(owners, keys))
            sql.add("ties", TABLES["ties"], _ties(wanted, keys))
        return keys

    def issue_bodies(self, names: Sequence[str], now: str) -> list[Key | None]:
        """A key for each body, by what names it for ever; the same name has the same key. Durable when this returns.

        None for a body whose key was destroyed: it was stored before, and may not come back.
        """
        new: list[Row] = []
        with self.transaction(Purpose.ISSUE) as sql:
            naming = self._ours(sql) or self._first(sql)
            ids = [naming.name(BODY, name) for name in names]
            known: dict[str, bytes | None] = dict(sql.rows(OF_IDS, ids))
            keys: dict[str, Key | None] = {
                key_id: self._unwrap(key_id, wrapped) if wrapped else None
                for key_id, wrapped in known.items()
            }
            for key_id in ids:
                if key_id not in keys:
                    keys[key_id] = self._made(BODY, now, new, key_id)
            sql.add("keys", NEW_KEY, new)
        return [keys[key_id] for key_id in ids]

    def fetch(self, key_ids: Iterable[str], who: str, now: str) -> dict[str, Key]:
        """The keys that are there, by id; the access is noted. Destroyed ones are missing.

        Raises `NoSuchKey` for one that never was here: this may not be the store that the data was sealed with; and
        `KeysAway` where that is certain, as no key was ever made here.
        """
        asked = list(dict.fromkeys(key_ids))
        with self.transaction(Purpose.READ) as sql:
            found: dict[str, bytes | None] = dict(sql.rows(OF_IDS, asked))
            if missing := [key_id for key_id in asked if key_id not in found]:
                raise self._never_had(sql, missing)
            bare = self._bare(sql, {key_id: wrapped for key_id in asked if (wrapped := found[key_id])})
            keys = {key_id: Key(key_id, secret) for key_id, secret in bare.items()}
            sql.add("accesses", TABLES["accesses"], [(now, who, key_id) for key_id in keys])
        return keys

    def destroy(self, key_ids: Iterable[str], actor: str, reason: str, now: str) -> int:
        """Destroy keys, and what is left of them beside the store; returns how many there were."""
        with self.transaction(Purpose.ERASE) as sql:
            destroyed = sql.change(f"{DESTROY} AND key_id = ANY (%s)", now, actor, reason, list(key_ids))
        self.sweep()
        return destroyed

    def forget_bodies(self, before: str, actor: str, reason: str, now: str) -> int:
        """Destroy the keys of bodies that were stored before a moment (RFC 3339, UTC); returns how many there were."""
        with self.transaction(Purpose.ERASE) as sql:
            forgotten = sql.change(
                f"{DESTROY} AND kind = 'body' AND made_at < %s", now, actor, reason, before
            )
        if forgotten:
            self.sweep()
        return forgotten

    def expire_bodies(self, before: str, reason: str, now: str) -> int:
        """The same for what is kept for so many days and no longer. PostgreSQL goes by its own clock, never below a
        day, and takes no more than the right to use keys, from the service that takes bodies in.
        """
        return self.forget_bodies(before, "doorstep", reason, now)

    def forget_accesses(self, before: str) -> int:
        """Forget who fetched which key before a moment (RFC 3339, UTC); returns how many rows that were.

        Raises `KeysAway` where the store finds that too early: PostgreSQL keeps a month whatever is asked, and goes by
        when it noted them itself.
        """
        with self.transaction(Purpose.ISSUE) as sql:
            return sql.change("DELETE FROM accesses WHERE at < %s", before)

    def rotate(self, old: MasterKey, new: MasterKey, actor: str, reason: str, now: str) -> int:
        """Wrap every key anew, all or none; returns how many. From then on `new` is ours.

        People keep their names, and what was destroyed has nothing to wrap. Raises `OtherMaster` where the keys are not
        wrapped by `old`.
        """
        self._master = old
        with self.transaction(Purpose.ERASE) as sql:
            naming = self._ours(sql) or self._first(sql)
            ((number, *_),) = sql.rows(WRAPPED_BY)
            sealed = new.wrap(NAMING, naming.secret)
            row = (number + 1, now, actor, reason, new.fingerprint, sealed)
            sql.add("rotations", TABLES["rotations"], [row])
            wrapped = self._wrap_anew(sql, new)
        self._master = new
        self.sweep()
        return wrapped

    def _wrap_anew(self, sql: Session, new: MasterKey) -> int:
        wrapped, last = 0, ""
        while page := sql.rows(USABLE_AFTER, last, PAGE):
            secrets_of = self._bare(sql, dict(page))
            sql.wrap_anew([(new.wrap(key_id, secret), key_id) for key_id, secret in secrets_of.items()])
            wrapped, last = wrapped + len(page), page[-1][0]
        return wrapped

    def wrapped_by(self) -> str:
        """The fingerprint of the master key that the keys are wrapped by; empty where no key was ever made."""
        with self.transaction(Purpose.READ) as sql:
            return next((str(fingerprint) for _, fingerprint, *_ in sql.rows(WRAPPED_BY)), "")

    @abstractmethod
    def sweep(self) -> None:
        """What was overwritten does not stay beside the store, as far as that is in our hands."""

    def keys_of_owner(self, owner: str, kind: str = PERSON) -> list[str]:
        """Every key of one kind that this person ever had."""
        sought = "SELECT key_id FROM owners JOIN keys USING (key_id) WHERE owner = %s AND kind = %s"
        with self.transaction(Purpose.READ) as sql:
            if (naming := self._ours(sql)) is None:
                return []
            return [key_id for (key_id,) in sql.rows(sought, naming.name(PERSON, owner), kind)]

    def claim(self, owners: Iterable[str], key_ids: Sequence[str]) -> None:
        """These are keys of bodies that name this person: found again by who that is, also once they are destroyed."""
        with self.transaction(Purpose.ISSUE) as sql:
            naming = self._ours(sql) or self._first(sql)
            names = [naming.name(PERSON, owner) for owner in owners]
            sql.add("owners", TABLES["owners"], [(name, key_id) for name in names for key_id in key_ids])

    def keys_of_entity(self, entity: str, kind: str) -> list[str]:
        """The keys of one kind that an entity's data is sealed with."""
        sought = "SELECT key_id FROM ties JOIN keys USING (key_id) WHERE entity = %s AND kind = %s"
        with self.transaction(Purpose.READ) as sql:
            return [key_id for (key_id,) in sql.rows(sought, entity, kind)]

    def facts(self, key_id: str) -> KeyFacts | None:
        """What is known of a key; None where there never was one of this id."""
        with self.transaction(Purpose.READ) as sql:
            known = sql.rows("SELECT key_id, kind, made_at, destroyed_at FROM keys WHERE key_id = %s", key_id)
            tied = sql.rows("SELECT entity FROM ties WHERE key_id = %s ORDER BY entity", key_id)
        entities = tuple(entity for (entity,) in tied)
        for key_id, kind, made_at, destroyed_at in known:
            return KeyFacts(key_id, kind, made_at, destroyed_at, entities)
        return None

    def tied(self) -> Mapping[str, str]:
        """Every body's key with the entity that was read from it."""
        with self.transaction(Purpose.READ) as sql:
            return dict(
                sql.rows("SELECT key_id, entity FROM ties JOIN keys USING (key_id) WHERE kind = 'body'")
            )

    def contents(self) -> Contents:
        """Everything, as of one moment, for a backup of its own: keys still wrapped."""
        with self.transaction(Purpose.ERASE) as sql:
            return {table: sql.rows(everything) for table, everything in EVERYTHING.items()}

    def take_in(self, contents: Contents) -> None:
        """Put a backup into an empty store."""
        with self.transaction(Purpose.ERASE) as sql:
            for table, columns in TABLES.items():
                sql.add(table, columns, contents[table])

    def _never_had(self, sql: Session, key_ids: Sequence[str]) -> KeysAway:
        if sql.rows("SELECT fingerprint FROM masters"):
            return NoSuchKey(self.place, key_ids)
        return KeysAway(f"{self.place} is empty: put the backup of the keys back")

    def _ours(self, sql: Session) -> Naming | None:
        """What names are derived with here; None in a store without keys. Looked up each time, as it may be rotated.

        Raises `KeysAway` where the keys are wrapped by another master key: what ours wraps the others could not open.
        """
        for _, fingerprint, naming, rotated_at in sql.rows(WRAPPED_BY):
            if fingerprint != self._master.fingerprint:
                raise OtherMaster(self.place, rotated_at)
            return Naming(self._master.unwrap(NAMING, naming)) if naming else self._master.naming
        return None

    def _first(self, sql: Session) -> Naming:
        """The master key that makes the first key names everybody from then on."""
        sql.add("masters", TABLES["masters"], [(self._master.fingerprint,)])
        return self._master.naming

    def _bare(self, sql: Session, wrapped: Mapping[str, bytes]) -> dict[str, bytes]:
        """The secrets of keys. Says which it is where they do not open: another master key, or a change."""
        try:
            return {key_id: self._master.unwrap(key_id, secret) for key_id, secret in wrapped.items()}
        except InvalidTag:
            self._ours(sql)
            raise KeysAway(
                f"{self.place} has keys that our master key does not open: they were changed"
            ) from None

    def _made(self, kind: str, now: str, new: list[Row], key_id: str = "") -> Key:
        key_id, secret = key_id or secrets.token_urlsafe(12), secrets.token_bytes(KEY_BYTES)
        new.append((key_id, kind, now, self._master.wrap(key_id, secret)))
        return Key(key_id, secret)

    def _unwrapped(self, rows: Iterable[Row]) -> dict[str, Key]:
        """The oldest key of each name that can be used, from rows of name, id and wrapped key."""
        oldest = {name: (key_id, wrapped) for name, key_id, wrapped in reversed(list(rows)) if wrapped}
        return {name: self._unwrap(*key) for name, key in oldest.items()}

    def _unwrap(self, key_id: str, wrapped: bytes) -> Key:
        try:
            return Key(key_id, self._master.unwrap(key_id, wrapped))
        except InvalidTag:
            raise KeysAway(f"{self.place}: key {key_id} cannot be used, it was changed") from None


def _pairs(names: Iterable[str], keys: Iterable[Key | None]) -> list[Row]:
    return [*dict.fromkeys((name, key.id) for name, key in zip(names, keys, strict=True) if key)]


def _ties(wanted: Sequence[Wanted], keys: Sequence[Key | None]) -> list[Row]:
    """Each entity with its key, and with the key of the body it was read from."""
    bodies = [(one.entity, one.body) for one in wanted if one.body]
    return [*dict.fromkeys((*_pairs((one.entity for one in wanted), keys), *bodies))]
