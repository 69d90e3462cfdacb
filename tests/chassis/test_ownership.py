"""One process at a time owns a store: on a file, and in a database."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest

from chassis import ownership
from chassis.event_store import StalePosition
from chassis.ownership import own
from chassis.settings import System
from tests.conftest import until
from tests.postgres import Database


@pytest.fixture(params=["file", "database"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    monkeypatch.setattr(ownership, "store_path", lambda service: tmp_path / f"{service}.sqlite")
    if request.param == "file":
        return System(data=tmp_path)
    database: Database = request.getfixturevalue("database")
    return System(data=tmp_path, database_url=database.url, cell=database.new_cell())


async def test_the_second_one_waits_and_takes_over_when_the_first_gives_up(settings: System) -> None:
    """Services and cells do not wait for each other."""
    first = await own("orders", settings)
    other = await asyncio.wait_for(own("billing", settings), 5)
    second = asyncio.create_task(own("orders", settings))
    done, _ = await asyncio.wait({second}, timeout=3 * ownership.LOOK_AGAIN_SECONDS)
    assert not done
    await first.give_up()
    await (await asyncio.wait_for(second, 5)).give_up()
    await other.give_up()


async def test_who_loses_the_connection_loses_the_lock_and_is_told(
    database: Database, tmp_path: Path
) -> None:
    """From then on another process may write: this one has to stop."""
    settings = System(data=tmp_path, database_url=database.url, cell=database.new_cell())
    first = await own("orders", settings)
    told = asyncio.create_task(first.lost())
    with psycopg.connect(database.url, autocommit=True) as owner:
        assert await until(lambda: _end(owner, settings.cell))
    with pytest.raises(StalePosition, match="was lost"):
        await asyncio.wait_for(told, 5)
    await (await asyncio.wait_for(own("orders", settings), 5)).give_up()


def _end(owner: psycopg.Connection, cell: str) -> bool:
    ended = owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s",
        [f"doorstep_{cell}_orders lock"],
    ).fetchall()
    return ended == [(True,)]
