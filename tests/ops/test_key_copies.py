"""The backup of the keys: from files into a database and back, and never over keys that are there."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from chassis.keys.store import Wanted
from chassis.migrate import migrate
from chassis.migrations import KEYS
from chassis.postgres_connections import schema_of
from ops.console import CannotDo
from ops.personal.key_copies import back_up_keys, restore_keys
from ops.personal.keys import keys_of
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
    sealed = key.seal("Ada")
    said = await back_up_keys(find(tmp_path / "var"), tmp_path / "copy")
    assert said == {"keys": 1, "master_key": True, "wrapped_by": before.wrapped_by()}

    monkeypatch.setenv("DOORSTEP_DATABASE_URL", empty_database.url)
    moved = find(tmp_path / "elsewhere")
    await restore_keys(moved, tmp_path / "copy")
    assert keys_of(moved).fetch([key.id], "test", NOW)[key.id].open(sealed) == "Ada"
    with pytest.raises(CannotDo, match="there are keys in the database's schema"):
        await restore_keys(moved, tmp_path / "copy")
    await back_up_keys(moved, tmp_path / "again")

    monkeypatch.delenv("DOORSTEP_DATABASE_URL")
    back = find(tmp_path / "back")
    await restore_keys(back, tmp_path / "again")
    assert keys_of(back).fetch([key.id], "test", NOW)[key.id].open(sealed) == "Ada"
