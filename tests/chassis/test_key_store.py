"""The key store: one key for a person, durable, gone for ever once it is destroyed, never made anew by mistake."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from chassis.keys.away import KeysAway, NoSuchKey
from chassis.keys.bodies import DIGEST, SEALED, Forgotten, SealsBodies
from chassis.keys.master import MasterKey, master_key
from chassis.keys.personal_data import PersonalSettings, forget_old_accesses, forget_old_bodies
from chassis.keys.postgres import PostgresKeys
from chassis.keys.ring import KEPT_SECONDS, KeyRing, Sealer
from chassis.keys.sqlite import SQLiteKeys
from chassis.keys.store import BODY, PERSON, KeyStore, Wanted
from chassis.retention import Retention, policies
from chassis.settings import SettingsWrong
from contracts.address import Address, Recipient
from contracts.personal import ERASED
from tests.conftest import until
from tests.postgres import Database

NOW, LATER = "2026-11-21T12:00:00.000000Z", "2026-11-22T12:00:00.000000Z"
MASTER = MasterKey(bytes(32))
ADA = "ada@example.com"


type Open = Callable[[MasterKey], KeyStore]
"""The same store, opened once more by somebody who has this master key."""


@pytest.fixture(params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """A store that is empty at first: each test runs on both kinds."""
    if request.param == "sqlite":
        return lambda master: SQLiteKeys(tmp_path / "keys" / "keys.sqlite", lambda: master)
    database: Database = request.getfixturevalue("database")
    cell = database.new_cell()
    return lambda master: database.keys(cell, lambda: master)


@pytest.fixture
def store(opened: Open) -> Iterator[KeyStore]:
    store = opened(MASTER)
    yield store
    store.close()


@pytest.fixture
def noted_when_they_say(request: pytest.FixtureRequest, store: KeyStore) -> Callable[[], None]:
    """Makes accesses as old as they say: PostgreSQL goes by its own clock."""
    if not isinstance(store, PostgresKeys):
        return lambda: None
    database: Database = request.getfixturevalue("database")
    return lambda: database.note_accesses_when_they_say(store.place.split()[-1])


@pytest.fixture
def file(tmp_path: Path) -> SQLiteKeys:
    return SQLiteKeys(tmp_path / "keys" / "keys.sqlite", lambda: MASTER)


def issued(store: KeyStore, owner: str, entity: str, body: str = "", *, anew: bool = False) -> str:
    (key,) = store.issue([Wanted(owner=owner, entity=entity, body=body, anew=anew)], NOW)
    assert key is not None
    return key.id


def everything(store: KeyStore) -> dict[str, list[object]]:
    return {table: sorted(rows, key=repr) for table, rows in store.contents().items()}


def test_a_person_has_one_key_for_all_their_orders(store: KeyStore) -> None:
    """Also after a restart; another person has another one."""
    first = issued(store, ADA, "order/shop:1")
    store.close()
    assert issued(store, ADA, "order/shop:2") == first
    assert issued(store, "bob@example.com", "order/shop:3") != first


def test_what_comes_later_about_an_order_has_the_key_it_began_with(store: KeyStore) -> None:
    """Also under another e-mail address, which from then on means the same person."""
    first = issued(store, ADA, "order/shop:1")
    assert issued(store, "ada@new.example", "order/shop:1") == first
    assert store.keys_of_owner("ada@new.example") == [first]


def test_a_destroyed_key_never_comes_back(store: KeyStore) -> None:
    """Who orders again is a new person to us; the fact that there was a key stays, with what it belonged to."""
    first = issued(store, ADA, "order/shop:1")
    assert store.destroy([first], "dpo", "asked", LATER) == 1
    assert store.destroy([first], "dpo", "asked", LATER) == 0
    assert store.fetch([first], "test", NOW) == {}
    second = issued(store, ADA, "order/shop:2")
    assert second != first
    facts = store.facts(first)
    assert facts is not None
    assert (facts.destroyed_at, facts.entities) == (LATER, ("order/shop:1",))


def test_what_comes_later_about_a_forgotten_order_brings_nobody_back(store: KeyStore) -> None:
    """Also in one batch with an order of theirs that is new; only a person who types it in gets another key for it."""
    first = issued(store, ADA, "order/shop:1")
    store.destroy([first], "dpo", "asked", LATER)
    (body,) = store.issue_bodies(["later"], NOW)
    assert body is not None
    new, late = store.issue(
        [
            Wanted(owner=ADA, entity="order/shop:2"),
            Wanted(owner=ADA, entity="order/shop:1", body=body.id),
        ],
        NOW,
    )
    assert new is not None
    assert late is None
    assert store.keys_of_entity("order/shop:1", BODY) == [body.id], "found when they are erased again"
    typed = issued(store, "order/shop:1", "order/shop:1", anew=True)
    assert typed not in (first, new.id)
    assert issued(store, ADA, "order/shop:1") == typed


def test_a_message_that_names_a_person_is_found_again_once_nobody_can_read_it(store: KeyStore) -> None:
    """As theirs, and not as a key that their next order could be sealed with."""
    (body,) = store.issue_bodies(["a basket"], NOW)
    assert body is not None
    store.claim([ADA, "order/shop:1"], [body.id])
    store.destroy([body.id], "dpo", "asked", LATER)
    assert store.keys_of_owner(ADA, BODY) == store.keys_of_owner("order/shop:1", BODY) == [body.id]
    assert store.keys_of_owner(ADA) == []
    assert issued(store, ADA, "order/shop:1") != body.id


def test_nothing_of_a_destroyed_key_or_of_a_person_lies_in_the_files(file: SQLiteKeys) -> None:
    """Neither in the store nor in what SQLite leaves beside it."""
    key_id = issued(file, ADA, "order/shop:1")
    ((_, _, _, wrapped, *_),) = file.contents()["keys"]
    assert any(wrapped in part.read_bytes() for part in file.path.parent.iterdir())
    file.destroy([key_id], "dpo", "asked", LATER)
    parts = b"".join(part.read_bytes() for part in file.path.parent.iterdir())
    assert wrapped not in parts
    assert ADA.encode() not in parts


def test_of_one_person_one_key_is_made_however_often_they_come_at_once(store: KeyStore) -> None:
    """A batch with three orders of theirs, and a fourth that another process takes in meanwhile."""
    wanted = [Wanted(owner=ADA, entity=f"order/shop:{number}") for number in (1, 2, 2, 3)]
    assert len({key.id for key in store.issue(wanted, NOW) if key}) == 1
    with ThreadPoolExecutor(4) as others:
        ids = set(
            others.map(lambda number: issued(store, "bob@example.com", f"order/shop:{number}"), range(10, 18))
        )
    assert len(ids) == 1


def test_what_is_destroyed_takes_nothing_else_with_it(store: KeyStore) -> None:
    """Nobody to destroy is nobody destroyed, and neighbours stay."""
    first, second = issued(store, ADA, "order/shop:1"), issued(store, "bob@example.com", "order/shop:2")
    assert store.destroy([], "dpo", "asked", LATER) == 0
    assert store.destroy([first], "dpo", "asked", LATER) == 1
    assert set(store.fetch([first, second], "test", NOW)) == {second}


def test_a_key_that_never_was_here_is_not_taken_for_destroyed(store: KeyStore) -> None:
    """A new, empty store in the place of a lost one must make everything wait, not forget everybody."""
    with pytest.raises(KeysAway, match="is empty: put the backup"):
        store.fetch(["nobody"], "test", NOW)
    known = issued(store, ADA, "order/shop:1")
    with pytest.raises(NoSuchKey, match="has no key nobody") as missing:
        store.fetch([known, "nobody"], "test", NOW)
    assert missing.value.key_ids == {"nobody"}
    assert store.contents()["accesses"] == []


def test_another_master_key_opens_nothing_and_makes_nothing(store: KeyStore, opened: Open) -> None:
    """It is told apart from a destroyed key; and what it would wrap, the others could not open."""
    key_id = issued(store, ADA, "order/shop:1")
    with closing(opened(MasterKey(bytes(31) + b"\1"))) as other:
        with pytest.raises(KeysAway, match="another master key"):
            other.fetch([key_id], "test", NOW)
        with pytest.raises(KeysAway, match="another master key than ours"):
            issued(other, "bob@example.com", "order/shop:2")


def test_a_store_that_cannot_be_used_is_away_and_comes_back(file: SQLiteKeys) -> None:
    """A folder in the place of the file stands for a disk that is gone."""
    key_id = issued(file, ADA, "order/shop:1")
    file.close()
    aside = file.path.with_name("aside")
    file.path.rename(aside)
    file.path.mkdir()
    with pytest.raises(KeysAway):
        issued(file, ADA, "order/shop:2")
    file.path.rmdir()
    aside.rename(file.path)
    assert issued(file, ADA, "order/shop:2") == key_id


def test_a_database_that_was_never_migrated_is_away_with_what_to_do(database: Database) -> None:
    """As one that does not answer: orders wait, nothing is stored in the clear."""
    store = PostgresKeys(database.url, "doorstep_nowhere_keys", lambda: MASTER)
    with pytest.raises(KeysAway, match=r"python -m chassis\.migrate"):
        issued(store, ADA, "order/shop:1")


def test_each_access_is_noted(store: KeyStore) -> None:
    """Who fetched which key, and when."""
    key_id = issued(store, ADA, "order/shop:1")
    store.fetch([key_id], "shipping", LATER)
    assert store.contents()["accesses"] == [(LATER, "shipping", key_id)]


def test_a_copy_has_every_key(store: KeyStore, tmp_path: Path) -> None:
    """The backup of the keys opens what the store opens, and knows what was destroyed."""
    key_id, gone = issued(store, ADA, "order/shop:1"), issued(store, "bob@example.com", "order/shop:2")
    store.destroy([gone], "dpo", "asked", LATER)
    with closing(SQLiteKeys(tmp_path / "copy.sqlite", lambda: MASTER)) as copy:
        copy.take_in(store.contents())
        assert everything(copy) == everything(store)
        sealed = store.fetch([key_id], "test", NOW)[key_id].seal("Ada")
        assert copy.fetch([key_id, gone], "test", NOW)[key_id].open(sealed) == "Ada"
        assert issued(copy, ADA, "order/shop:3") == key_id


async def test_the_edge_reads_what_is_sealed_until_its_key_is_destroyed(store: KeyStore) -> None:
    """A service forgets a destroyed key within seconds; what was never sealed it reads as it is."""
    now = 0.0
    ring, sealer = KeyRing(store, "shipping", elapsed=lambda: now), Sealer(store)
    address = Address(name="Ada", city="Berlin", country="DE")
    sealed = await sealer.seal(address, entity="order/shop:1", owner=ADA)
    assert "Ada" not in repr(sealed)
    assert (sealed.country, sealed.line1) == ("DE", "")
    assert await ring.open(sealed) == address
    assert await ring.open(address) == address
    store.destroy(store.keys_of_owner(ADA), "dpo", "asked", LATER)
    assert await ring.open(sealed) == address
    now = KEPT_SECONDS + 0.1
    assert await ring.open(sealed) == Address(name=ERASED, city=ERASED, country="DE")


async def test_without_an_owner_an_entity_has_a_key_of_its_own(store: KeyStore) -> None:
    """As an order of somebody who gave no e-mail address."""
    sealed = await Sealer(store).seal(Recipient(name="Ada"), entity="order/shop:1")
    (key_id,) = store.keys_of_entity("order/shop:1", PERSON)
    assert key_id in sealed.name


async def test_a_body_is_sealed_the_same_when_it_is_delivered_again(store: KeyStore) -> None:
    """So that the stream keeps one; its digest is that of the body as it came."""
    bodies = SealsBodies(store)
    data, lock = await bodies.seal("shop:delivery-1", b"Ada")
    assert (data, lock) == await bodies.seal("shop:delivery-1", b"Ada")
    assert b"Ada" not in data
    assert lock[DIGEST] == hashlib.sha256(b"Ada").hexdigest()
    assert await KeyRing(store, "orders").open_body(lock[SEALED], data) == b"Ada"


async def test_an_old_body_is_forgotten_and_does_not_come_back(store: KeyStore) -> None:
    """What the retention policy took away is not taken in again when the channel delivers it once more."""
    stored_at = datetime(2026, 1, 1, tzinfo=UTC)
    bodies = SealsBodies(store, lambda: stored_at)
    _, lock = await bodies.seal("shop:delivery-1", b"Ada")
    issued(store, ADA, "order/shop:1", body=lock[SEALED])
    assert forget_old_bodies(store, 90, stored_at + timedelta(days=89)) == 0
    assert forget_old_bodies(store, 90, stored_at + timedelta(days=91)) == 1
    assert store.fetch([lock[SEALED]], "test", NOW) == {}
    assert store.keys_of_entity("order/shop:1", BODY) == [lock[SEALED]]
    with pytest.raises(Forgotten):
        await bodies.seal("shop:delivery-1", b"Ada")


def test_accesses_are_forgotten_when_they_are_old(
    store: KeyStore, noted_when_they_say: Callable[[], None]
) -> None:
    """A year of them is kept, more than an auditor asks for; no key goes with them."""
    key_id = issued(store, ADA, "order/shop:1")
    for moment in ("2025-01-01T12:00:00.000000Z", "2026-01-01T12:00:00.000000Z", NOW):
        store.fetch([key_id], "shipping", moment)
    noted_when_they_say()
    today = datetime(2026, 2, 6, 12, 0, tzinfo=UTC)
    assert forget_old_accesses(store, 400, today) == 1
    assert forget_old_accesses(store, 400, today) == 0
    assert [row[0] for row in store.contents()["accesses"]] == ["2026-01-01T12:00:00.000000Z", NOW]
    assert set(store.fetch([key_id], "test", NOW)) == {key_id}


async def test_what_is_kept_for_so_many_days_is_looked_after(
    store: KeyStore, noted_when_they_say: Callable[[], None]
) -> None:
    """By a service that runs, at once; where all is kept, it touches nothing."""
    key_id = issued(store, ADA, "order/shop:1")
    store.fetch([key_id], "shipping", "2020-01-01T12:00:00.000000Z")
    noted_when_they_say()
    store.issue_bodies(["shop:delivery-1"], "2020-01-01T12:00:00.000000Z")
    assert policies(PersonalSettings(access_days=0)) == ()
    retention = Retention(store, PersonalSettings(body_days=90))
    await retention.start()
    try:
        await until(lambda: store.contents()["accesses"] == [])
        assert [row[1] for row in store.contents()["keys"] if row[3] is None] == ["body"]
    finally:
        await retention.stop()


@pytest.mark.parametrize("days", [1, 29, -1])
def test_accesses_are_kept_for_a_month_at_least(days: int) -> None:
    """Whoever misuses a service's keys is found out later than the same day."""
    with pytest.raises(ValidationError):
        PersonalSettings(access_days=days)


def test_the_master_key_is_drawn_once_and_for_its_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second process reads what the first has drawn; a value that is none stops the start."""
    folder = tmp_path / "keys"
    assert master_key(folder).fingerprint == master_key(folder).fingerprint
    assert (folder / "master.key").stat().st_mode & 0o077 == 0
    monkeypatch.setenv("DOORSTEP_MASTER_KEY", "hush")
    with pytest.raises(SettingsWrong, match="64 hexadecimal digits"):
        master_key(folder)
