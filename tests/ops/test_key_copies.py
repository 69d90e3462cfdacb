"""The backup of the keys: from files into a database and back, and never over keys that are there."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from chassis.batch import Batch, EntityRow, NewEvent
from chassis.chain import GENESIS, chained
from chassis.keys.store import Wanted
from chassis.migrate import migrate
from chassis.migrations import KEYS
from chassis.postgres_connections import schema_of
from chassis.sqlite_store import SQLiteStore
from contracts.orders import CustomerForgotten
from ops.console import CannotDo
from ops.personal.key_copies import back_up_keys, restore_keys
from ops.personal.keys import keys_of
from ops.stores import path_of
from ops.system import find
from tests.postgres import Database

NOW = "2026-11-21T12:00:00.000000Z"


@pytest.fixture
def empty_database(database: Database) -> Database:
    """One in which no key was made yet."""
    with psycopg.connect(database.url, autocommit=True) as owner:
        owner.execute(f"DROP SCHEMA IF EXISTS {schema_of('default', KEYS)} CASCADE".encode())
    migrate(database.url, "default", (KEYS,))
    return database


async def test_keys_go_from_files_into_a_database_and_back(
    tmp_path: Path, empty_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sealed before is opened after: a system can move with its customers."""
    before = keys_of(find(tmp_path / "var"))
    (key,) = before.issue([Wanted(owner="ada@example.com", entity="order/shop:1")], NOW)
    assert key is not None
    sealed = key.seal("Ada")
    said = await back_up_keys(find(tmp_path / "var"), tmp_path / "copy")
    keys_of(find(tmp_path / "other")).issue([Wanted(owner="bob@example.com", entity="order/shop:1")], NOW)
    await back_up_keys(find(tmp_path / "other"), other_copy := tmp_path / "other-copy")
    assert said == {"keys": 1, "master_key": True, "wrapped_by": before.wrapped_by()}

    monkeypatch.setenv("DOORSTEP_DATABASE_URL", empty_database.url)
    moved = find(tmp_path / "elsewhere")
    await restore_keys(moved, tmp_path / "copy")
    assert keys_of(moved).fetch([key.id], "test", NOW)[key.id].open(sealed) == "Ada"
    assert (await restore_keys(moved, tmp_path / "copy"))["keys"] == 0, "they are there already"
    with pytest.raises(
        CannotDo, match=r"there are keys in the database's schema .*, and not those of this backup"
    ):
        await restore_keys(moved, other_copy)
    await back_up_keys(moved, tmp_path / "again")

    monkeypatch.delenv("DOORSTEP_DATABASE_URL")
    back = find(tmp_path / "back")
    await restore_keys(back, tmp_path / "again")
    assert keys_of(back).fetch([key.id], "test", NOW)[key.id].open(sealed) == "Ada"


async def test_who_was_forgotten_is_forgotten_again_also_where_that_was_cut_off(tmp_path: Path) -> None:
    """All keys were back, and nobody had been forgotten yet: the same command ends it, and says so no third time."""
    system = find(tmp_path / "var")
    (key,) = keys_of(system).issue([Wanted(owner="ada@example.com", entity="order/shop:1")], NOW)
    await back_up_keys(system, tmp_path / "copy")
    system.folder("stores")
    forgotten = CustomerForgotten(key=key.id, actor="dpo", reason="asked to")
    place = f"customer/{key.id}"
    event = NewEvent(1, place, 1, forgotten.TYPE, forgotten.to_bytes(), b"")
    with closing(SQLiteStore(path_of(system, "orders"))) as orders:
        tagged = Batch(entities=[EntityRow(place, 1, 1, b"{}")], tags_new=[("customer=forgotten", 1, place)])
        orders.commit(Batch(events=chained(GENESIS, [event])))
        orders.commit(tagged)
    assert (await restore_keys(system, tmp_path / "copy")) == {
        "keys": 0,
        "forgotten_again": 1,
        "mails_opened": 0,
    }
    assert (await restore_keys(system, tmp_path / "copy"))["forgotten_again"] == 0
    assert keys_of(system).fetch([key.id], "test", NOW) == {}
