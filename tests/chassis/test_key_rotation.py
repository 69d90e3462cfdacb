"""Another master key: everything that could be read can be read, by the new one only, whatever is killed meanwhile."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from cryptography.exceptions import InvalidTag

from chassis.keys.away import KeysAway, OtherMaster
from chassis.keys.master import MasterKey
from chassis.keys.postgres import PostgresKeys
from chassis.keys.sqlite import SQLiteKeys
from chassis.keys.store import KeyStore, Wanted
from chassis.migrate import migrate
from chassis.migrations import KEYS, migrations
from chassis.postgres_connections import schema_of
from tests.postgres import Database

NOW, LATER = "2026-11-21T12:00:00.000000Z", "2026-11-22T12:00:00.000000Z"
OLD, NEW, THIRD = (MasterKey(bytes(31) + bytes([number])) for number in range(3))
ADA, BOB = "ada@example.com", "bob@example.com"


@dataclass(frozen=True)
class Place:
    """Where a store is: a schema of a database, or a file."""

    url: str
    name: str

    def __call__(self, master: MasterKey) -> KeyStore:
        """The same store, opened once more by somebody who has this master key."""
        if self.url:
            return PostgresKeys(self.url, self.name, lambda: master)
        return SQLiteKeys(Path(self.name), lambda: master)


@pytest.fixture(params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A store that is empty at first: each test runs on both kinds."""
    if request.param == "sqlite":
        return Place("", str(tmp_path / "keys" / "keys.sqlite"))
    database: Database = request.getfixturevalue("database")
    cell = database.new_cell()
    migrate(database.url, cell, (KEYS,))
    return Place(database.url, schema_of(cell, KEYS))


@pytest.fixture
def store(opened: Place) -> Iterator[KeyStore]:
    store = opened(OLD)
    yield store
    store.close()


def issued(store: KeyStore, owner: str, entity: str) -> str:
    (key,) = store.issue([Wanted(owner=owner, entity=entity)], NOW)
    assert key is not None
    return key.id


def rotated(store: KeyStore, old: MasterKey = OLD, new: MasterKey = NEW) -> int:
    return store.rotate(old, new, "dpo", "somebody left", LATER)


def test_what_was_sealed_is_opened_by_the_new_one_and_everybody_is_found(
    store: KeyStore, opened: Place
) -> None:
    """A person has the key they had, by their address as by their order; a body delivered again is the same body."""
    (ada,) = store.issue([Wanted(owner=ADA, entity="order/shop:1")], NOW)
    assert ada is not None
    (body,) = store.issue_bodies(["shop:delivery-1"], NOW)
    assert body is not None
    sealed = ada.seal("Ada")
    assert rotated(store) == 2
    with closing(opened(NEW)) as later:
        assert later.fetch([ada.id], "test", NOW)[ada.id].open(sealed) == "Ada"
        assert later.keys_of_owner(ADA) == [ada.id]
        assert issued(later, ADA, "order/shop:2") == ada.id
        (again,) = later.issue_bodies(["shop:delivery-1"], NOW)
        assert again is not None
        assert (again.id, again.seal_bytes(b"Ada")) == (body.id, body.seal_bytes(b"Ada"))
        assert rotated(later, NEW, THIRD) == 2
    with closing(opened(THIRD)) as last:
        assert last.keys_of_owner(ADA) == [ada.id]
        assert last.fetch([ada.id], "test", NOW)[ada.id].open(sealed) == "Ada"


def test_the_old_one_opens_nothing_any_more(store: KeyStore, opened: Place) -> None:
    """Neither a key nor the secret of names; whoever still has it is told when it ended and what to do."""
    key_id = issued(store, ADA, "order/shop:1")
    store.issue_bodies(["shop:1"], NOW)
    rotated(store)
    contents = store.contents()
    assert {len(row[3]) for row in contents["keys"]} == {60}
    for named, wrapped in [(row[0], row[3]) for row in contents["keys"]] + [
        ("naming", contents["rotations"][0][5])
    ]:
        assert NEW.unwrap(named, wrapped)
        with pytest.raises(InvalidTag):
            OLD.unwrap(named, wrapped)
    with closing(opened(OLD)) as behind:
        for attempt in (
            lambda: behind.fetch([key_id], "test", NOW),
            lambda: issued(behind, BOB, "order/shop:2"),
            lambda: behind.issue_bodies(["shop:2"], NOW),
            lambda: behind.keys_of_owner(ADA),
        ):
            with pytest.raises(OtherMaster, match=f"since {LATER}.*give this process the new one"):
                attempt()


def test_a_service_that_went_on_meanwhile_makes_no_key_with_the_old_one(
    store: KeyStore, opened: Place
) -> None:
    """It had the old one in memory and had made keys before: what it wrapped now, nobody could open."""
    with closing(opened(OLD)) as service:
        key_id = issued(service, ADA, "order/shop:1")
        rotated(store)
        with pytest.raises(OtherMaster):
            issued(service, BOB, "order/shop:2")
    assert [row[0] for row in store.contents()["keys"]] == [key_id]


def test_keys_that_are_made_while_it_happens_are_all_opened_by_the_new_one(
    store: KeyStore, opened: Place
) -> None:
    """Each is made before it and wrapped anew with the others, or refused."""
    issued(store, ADA, "order/shop:0")

    def make(number: int) -> str:
        with closing(opened(OLD)) as service:
            try:
                return issued(service, f"{number}@example.com", f"order/shop:{number}")
            except OtherMaster:
                return ""

    with ThreadPoolExecutor(4) as others:
        made = others.map(make, range(1, 13))
        rotated(store)
        ids = [key_id for key_id in made if key_id]
    assert store.fetch(ids, "test", NOW).keys() == set(ids)


def test_who_was_erased_stays_erased(store: KeyStore) -> None:
    """There is nothing to wrap, and the address means a new person afterwards as before."""
    gone = issued(store, ADA, "order/shop:1")
    store.destroy([gone], "dpo", "asked", NOW)
    assert rotated(store) == 0
    assert store.fetch([gone], "test", NOW) == {}
    facts = store.facts(gone)
    assert facts is not None
    assert facts.destroyed_at == NOW
    assert issued(store, ADA, "order/shop:2") != gone


def test_only_from_the_master_key_that_it_is(store: KeyStore) -> None:
    """A wrong old one changes nothing."""
    issued(store, ADA, "order/shop:1")
    before = store.contents()
    with pytest.raises(OtherMaster):
        rotated(store, THIRD, NEW)
    assert store.contents() == before
    assert store.wrapped_by() == OLD.fingerprint


def test_who_did_it_when_and_why_is_kept(store: KeyStore, opened: Place) -> None:
    """And which master key a copy needs is told by its fingerprint, which tells nothing else."""
    assert store.wrapped_by() == ""
    issued(store, ADA, "order/shop:1")
    rotated(store)
    assert [row[:5] for row in store.contents()["rotations"]] == [
        (1, LATER, "dpo", "somebody left", NEW.fingerprint)
    ]
    assert store.wrapped_by() == NEW.fingerprint


def test_a_copy_made_before_needs_the_old_one_and_can_follow(store: KeyStore, tmp_path: Path) -> None:
    """It is opened with the old master key, or wrapped by the new one like the store itself was."""
    key_id = issued(store, ADA, "order/shop:1")
    with closing(SQLiteKeys(tmp_path / "copy.sqlite", lambda: OLD)) as copy:
        copy.take_in(store.contents())
    rotated(store)
    with closing(SQLiteKeys(tmp_path / "copy.sqlite", lambda: NEW)) as copy:
        with pytest.raises(KeysAway, match="made with another master key than ours"):
            copy.fetch([key_id], "test", NOW)
        assert copy.rotate(OLD, NEW, "dpo", "followed", LATER) == 1
        assert copy.fetch([key_id], "test", NOW).keys() == {key_id}
        assert copy.keys_of_owner(ADA) == [key_id]


def test_nothing_wrapped_by_the_old_one_is_left_in_the_files(tmp_path: Path) -> None:
    """Neither in the store nor in what SQLite leaves beside it."""
    with closing(SQLiteKeys(tmp_path / "keys.sqlite", lambda: OLD)) as file:
        issued(file, ADA, "order/shop:1")
        file.issue_bodies([f"shop:{number}" for number in range(500)], NOW)
        before = [row[3] for row in file.contents()["keys"]]
        assert rotated(file) == 501
        left = b"".join(part.read_bytes() for part in tmp_path.iterdir())
        assert not [wrapped for wrapped in before if wrapped in left]
        assert all(row[3] in left for row in file.contents()["keys"])


def test_keys_of_the_release_before_go_on_when_they_are_migrated(database: Database) -> None:
    """Until then they are away, with what to do; afterwards who was known is known."""
    cell = database.new_cell()
    migrate(database.url, cell, (KEYS,), migrations(KEYS)[:1])
    schema, wrapped = schema_of(cell, KEYS), OLD.wrap("key-1", bytes(32))
    with psycopg.connect(database.url, autocommit=True) as owner:
        owner.execute(f"SET search_path TO {schema}".encode())
        owner.execute(b"INSERT INTO masters VALUES (%s)", [OLD.fingerprint])
        owner.execute(b"INSERT INTO keys VALUES ('key-1', 'person', %s, %s)", [NOW, wrapped])
        owner.execute(b"INSERT INTO owners VALUES (%s, 'key-1')", [OLD.naming.name("person", ADA)])
    with closing(PostgresKeys(database.url, schema, lambda: OLD)) as store:
        with pytest.raises(KeysAway, match=r"run `python -m chassis\.migrate` first"):
            issued(store, ADA, "order/shop:1")
        migrate(database.url, cell, (KEYS,))
        assert issued(store, ADA, "order/shop:1") == "key-1"
        assert rotated(store) == 1
        assert issued(store, ADA, "order/shop:2") == "key-1"


KILLED = """
import os, signal, sys
from pathlib import Path
from chassis.keys.store import KeyStore
from chassis.keys.master import MasterKey
from chassis.keys.postgres import PostgresKeys
from chassis.keys.sqlite import SQLiteKeys

class Deadly(MasterKey):
    def wrap(self, key_id, secret):
        if key_id.startswith(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().wrap(key_id, secret)

old, new = MasterKey(bytes(31) + bytes([0])), Deadly(bytes(31) + bytes([1]))
place = sys.argv[2]
store = PostgresKeys(sys.argv[1], place, lambda: old) if sys.argv[1] else SQLiteKeys(Path(place), lambda: old)
store.rotate(old, new, "dpo", "killed", "2026-11-22T12:00:00.000000Z")
"""
"""A process that rotates, and dies the moment it is to wrap a certain key."""


def test_killed_in_the_middle_nothing_has_changed_and_it_can_be_done_again(
    store: KeyStore, opened: Place
) -> None:
    """More keys than are wrapped at a time, and death at the very last one."""
    keys = store.issue_bodies([f"shop:{number}" for number in range(1_500)], NOW)
    last = max(key.id for key in keys if key)
    before = store.contents()
    said = [sys.executable, "-c", KILLED, opened.url, opened.name, last]
    died = subprocess.run(said, check=False, timeout=60)
    assert died.returncode == -signal.SIGKILL
    assert store.wrapped_by() == OLD.fingerprint
    after = store.contents()
    assert {table: sorted(rows, key=repr) for table, rows in after.items()} == {
        table: sorted(rows, key=repr) for table, rows in before.items()
    }
    assert rotated(store) == 1_500
