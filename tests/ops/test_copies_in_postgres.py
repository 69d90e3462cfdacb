"""Backup, restore and healing where stores are in PostgreSQL: the same bytes come back, into either kind of store."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chassis.bus import Bus
from chassis.event_store import OldStore, Store
from chassis.migrate import migrate
from chassis.ownership import own
from chassis.postgres_connections import schema_of
from chassis.rebuild import all_events, live_rows
from chassis.schemas import replaced
from chassis.settings import System as Settings
from chassis.stores import open_database
from contracts.parking import SERVICES
from ops.console import CannotDo
from ops.copies.backup import back_up
from ops.copies.restore import restore
from ops.healing.stores import heal_store
from ops.stores import open_stores
from ops.system import System, find
from tests.conftest import NatsServer
from tests.ops.house import House
from tests.ops.house_tables import tables
from tests.ops.true_story import history
from tests.postgres import Database


def contents(store: Store) -> dict[str, Any]:
    """Everything that is in a store."""
    with closing(store), store.snapshot() as still:
        return {
            "events": list(all_events(still)),
            "beside": list(live_rows(still)),
            "positions": still.positions(),
            "counts": still.counts("state"),
        }


def all_contents(system: System) -> dict[str, Any]:
    return {service: contents(store) for service, store in open_stores(system).items()}


@pytest.fixture
async def house(tmp_path: Path, nats_server: NatsServer, bus: Bus, monkeypatch: pytest.MonkeyPatch) -> House:
    """The true history, in files and streams."""
    monkeypatch.setenv("DOORSTEP_NATS_URL", nats_server.url)
    house = history()
    for store in house.write(tmp_path / "var").values():
        store.close()
    await house.publish(bus)
    return house


@pytest.fixture
async def copy(house: House, tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """A backup of it, and what was in its stores."""
    system = find(tmp_path / "var")
    await back_up(system, tmp_path / "copy")
    return tmp_path / "copy", all_contents(system)


@pytest.fixture
def in_database(copy: Any, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    """A system without a history, whose stores are in the database from now on."""
    monkeypatch.setenv("DOORSTEP_DATABASE_URL", database.url)
    for service in SERVICES:
        with replaced(database.url, "default", service):
            pass
    return find(tmp_path / "elsewhere")


async def test_a_backup_comes_back_into_a_database_and_out_of_it_again(
    in_database: System, copy: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events, links, states, timers, calls, tags, counts, positions: from files to schemas to files."""
    folder, before = copy
    await restore(in_database, folder, force=False)
    assert all_contents(in_database) == before
    with pytest.raises(CannotDo, match="there are stores in the database already: --force replaces orders"):
        await restore(in_database, folder, force=False)

    said = await back_up(in_database, tmp_path / "again")
    assert {name: kept["events"] for name, kept in said["stores"].items()} == {
        name: len(kept["events"]) for name, kept in before.items()
    }
    monkeypatch.delenv("DOORSTEP_DATABASE_URL")
    files = find(tmp_path / "files")
    await restore(files, tmp_path / "again", force=False)
    assert all_contents(files) == before


async def test_a_store_that_is_in_use_is_not_replaced(
    in_database: System, copy: tuple[Path, dict[str, Any]], database: Database
) -> None:
    """Wherever the service runs: the lock is in the database."""
    folder, before = copy
    await restore(in_database, folder, force=False)
    running = await own("orders", Settings(database_url=database.url))
    with pytest.raises(CannotDo, match="another process owns doorstep_default_orders"):
        await restore(in_database, folder, force=True)
    with pytest.raises(CannotDo, match="another process owns doorstep_default_orders"):
        await heal_store(in_database, "orders", force=True, table_of=tables().__getitem__)
    await running.give_up()
    assert all_contents(in_database) == before


@pytest.mark.parametrize("service", ["orders", "billing"])
async def test_a_lost_store_is_made_again_from_its_stream(
    in_database: System, copy: tuple[Path, dict[str, Any]], service: str
) -> None:
    """Byte for byte, and without being asked to replace anything where there is nothing."""
    _, before = copy
    said = await heal_store(in_database, service, force=False, table_of=tables().__getitem__)
    after = contents(open_stores(in_database, (service,))[service])
    assert after["events"] == before[service]["events"]
    assert after["beside"] == before[service]["beside"]
    assert said["events"] == len(after["events"])
    with pytest.raises(CannotDo, match=f"doorstep_default_{service} already: --force replaces it"):
        await heal_store(in_database, service, force=False, table_of=tables().__getitem__)


async def test_a_replacing_that_fails_leaves_everything_as_it_was(
    in_database: System, copy: tuple[Path, dict[str, Any]], database: Database
) -> None:
    """The old store is only put aside until the new one is whole."""
    folder, before = copy
    await restore(in_database, folder, force=False)
    with pytest.raises(ZeroDivisionError), replaced(database.url, "default", "orders") as store:
        _ = 1 / store.last_position()
    store = open_database(database.url, "default", "orders", read_only=True)
    assert store.schema == schema_of("default", "orders")
    assert contents(store) == before["orders"]


@pytest.mark.parametrize("had_events", [False, True])
async def test_a_store_that_is_half_made_is_used_by_nobody_until_it_is_whole(
    in_database: System, copy: tuple[Path, dict[str, Any]], database: Database, had_events: bool
) -> None:
    """A service that began on it would decide again what the rest of it says. Whoever made it goes on."""
    folder, before = copy
    if had_events:
        await restore(in_database, folder, force=False)
    schema = schema_of("default", "orders")
    with psycopg.connect(database.url, autocommit=True) as owner:
        owner.execute(f"ALTER SCHEMA {schema} RENAME TO {schema}_aside".encode())
    migrate(database.url, "default", ("orders",))
    with pytest.raises(OldStore, match=f"{schema} was being made anew, and that was cut off: do it again"):
        open_database(database.url, "default", "orders")
    with pytest.raises(CannotDo, match="was being made anew"):
        open_stores(in_database)
    if had_events:
        with pytest.raises(CannotDo, match="--force replaces orders"):
            await restore(in_database, folder, force=False)
    await restore(in_database, folder, force=had_events)
    assert all_contents(in_database) == before
