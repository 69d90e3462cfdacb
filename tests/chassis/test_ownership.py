"""One process at a time owns a store: on a file, and in a database; and one that stands still loses it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from bench.machine import children
from chassis import ownership, pulse
from chassis.event_store import StalePosition
from chassis.holder import Holder
from chassis.migrate import migrate
from chassis.ownership import own
from chassis.postgres_connections import schema_of
from chassis.settings import System
from tests.conftest import until
from tests.postgres import Database

SOON_SECONDS = 0.1
"""Between looks, where a test does not want to wait four seconds: ended after two."""
IN_A_NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
"""Its process ids mean nothing to us, as on another machine."""


def may_unshare() -> bool:
    """Whether we may make a process namespace."""
    return subprocess.run([*IN_A_NAMESPACE, "true"], capture_output=True, check=False).returncode == 0


@pytest.fixture(params=["file", "database"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    (tmp_path / "stores").mkdir()
    monkeypatch.setattr(ownership, "store_path", lambda service: tmp_path / "stores" / f"{service}.sqlite")
    if request.param == "file":
        return System(data=tmp_path)
    return in_database(request.getfixturevalue("database"), tmp_path)


def in_database(database: Database, folder: Path) -> System:
    return System(data=folder, database_url=database.url, cell=database.new_cell())


@contextmanager
def holding(
    settings: System, way: str = "idle", before: tuple[str, ...] = ()
) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the orders store."""
    told = {
        "DOORSTEP_SYSTEM__DATA": str(settings.data),
        "DOORSTEP_SYSTEM__CELL": settings.cell,
        "DOORSTEP_DATABASE_URL": settings.database_url,
    }
    command = (*before, sys.executable, "-m", "tests.chassis.holder_process", "orders", way)
    process = subprocess.Popen(
        command, env=os.environ | told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stderr
    try:
        assert process.stdout.readline() == "owned\n", process.stderr.read()
        yield process
    finally:
        process.kill()
        process.communicate()


async def test_the_second_one_waits_and_takes_over_when_the_first_gives_up(settings: System) -> None:
    """Services and cells do not wait for each other."""
    first = await own("orders", settings)
    other = await asyncio.wait_for(own("billing", settings), 5)
    second = asyncio.create_task(own("orders", settings))
    done, _ = await asyncio.wait({second}, timeout=3 * pulse.LOOK_AGAIN_SECONDS)
    assert not done
    await first.give_up()
    await (await asyncio.wait_for(second, 5)).give_up()
    await other.give_up()


async def test_one_that_stands_still_is_ended_and_replaced(
    settings: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lock alone would keep everybody out for ever."""
    monkeypatch.setattr("chassis.ownership.LOOK_AGAIN_SECONDS", SOON_SECONDS)
    with holding(settings) as first:
        first.send_signal(signal.SIGSTOP)
        owned = await asyncio.wait_for(own("orders", settings), 20)
        assert await until(first.poll) == -signal.SIGKILL
        await owned.sure()
        await owned.give_up()


async def test_one_whose_event_loop_is_busy_is_left_alone(
    settings: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A big rebuild, or a batch that takes long, is work: signs of life do not come from the loop."""
    monkeypatch.setattr("chassis.ownership.LOOK_AGAIN_SECONDS", SOON_SECONDS)
    with holding(settings, "busy") as first:
        waiting = asyncio.create_task(own("orders", settings))
        done, _ = await asyncio.wait({waiting}, timeout=2 * SOON_SECONDS * pulse.SILENT_LOOKS_MAX)
        assert not done
        assert first.poll() is None
        first.kill()
        await (await asyncio.wait_for(waiting, 10)).give_up()


async def test_who_loses_the_connection_to_another_loses_the_lock_and_is_told(
    database: Database, tmp_path: Path
) -> None:
    """From then on another process may write: this one has to stop."""
    settings = in_database(database, tmp_path)
    first = await own("orders", settings)
    told = asyncio.create_task(first.lost())
    with psycopg.connect(database.url, autocommit=True) as other, _administrator(database) as owner:
        key = schema_of(settings.cell, "orders")
        waiting = asyncio.create_task(
            asyncio.to_thread(other.execute, "SELECT pg_advisory_lock(hashtextextended(%s, 0))", [key])
        )
        await until(lambda: _waits_for_a_lock(owner, other))
        assert await until(lambda: _end(owner, settings.cell))
        await waiting
        with pytest.raises(StalePosition, match="was lost"):
            await asyncio.wait_for(told, 5)
        with pytest.raises(StalePosition, match="was lost"):
            await first.sure()
    await (await asyncio.wait_for(own("orders", settings), 5)).give_up()


async def test_who_loses_the_connection_to_nobody_takes_the_lock_again(
    database: Database, tmp_path: Path
) -> None:
    """As after a restart of the database; and it says so, for somebody may have had it in between."""
    settings = in_database(database, tmp_path)
    owned = await own("orders", settings)
    told, again = asyncio.create_task(owned.lost()), asyncio.Event()
    owned.on_again.append(again.set)
    assert await owned.sure() == 1
    with _administrator(database) as owner:
        assert await until(lambda: _end(owner, settings.cell))
    await asyncio.wait_for(again.wait(), 5)
    assert await owned.sure() == 2
    assert owned.held
    assert not told.done()
    told.cancel()
    await owned.give_up()


@pytest.mark.skipif(not may_unshare(), reason="no right to make a process namespace")
async def test_one_on_another_machine_loses_its_session_and_stops_when_it_wakes(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody here can kill it; the database ends its session, and it says why it ends."""
    monkeypatch.setattr("chassis.ownership.LOOK_AGAIN_SECONDS", SOON_SECONDS)
    settings = in_database(database, tmp_path)
    with holding(settings, before=IN_A_NAMESPACE) as outer:
        (inner,) = children(outer.pid)
        os.kill(inner, signal.SIGSTOP)
        owned = await asyncio.wait_for(own("orders", settings), 20)
        assert _state(inner) == "T"
        os.kill(inner, signal.SIGCONT)
        assert await until(outer.poll) == 1
        await owned.give_up()


async def test_who_was_stopped_half_way_through_writing_does_not_keep_the_next_one_waiting(
    database: Database, tmp_path: Path
) -> None:
    """Its rows would stay locked until its connection ends."""
    settings = in_database(database, tmp_path)
    migrate(database.url, settings.cell, ("orders",))
    schema = schema_of(settings.cell, "orders")
    with psycopg.connect(database.url) as half_way, psycopg.connect(database.url, autocommit=True) as other:
        half_way.execute(f"INSERT INTO {schema}.positions VALUES ('CHANNELS', 1, 1)")
        other.execute(f"SET lock_timeout = '10s'; SET search_path = {schema}")
        began = time.monotonic()
        await until(lambda: time.monotonic() - began > 1.0)  # so long it may take to go on
        owned = await own("orders", settings)
        other.execute("INSERT INTO positions VALUES ('CHANNELS', 1, 1)")
        with pytest.raises(psycopg.OperationalError):
            half_way.execute("SELECT 1")
        await owned.give_up()


async def test_after_a_pause_it_asks_before_it_says_that_it_is_sure() -> None:
    """A process cannot feel that it was stopped; a sign of life that is too old is the only trace."""
    beats = 0

    def beat() -> None:
        nonlocal beats
        beats += 1

    first = pulse.Pulse(beat, lambda: None)
    await until(lambda: beats > 0)
    first._proved -= 2 * pulse.SURE_SECONDS
    before = beats
    await asyncio.wait_for(first.sure(), 5)
    assert beats > before
    await first.stop()


def test_only_the_very_process_that_signed_is_ended() -> None:
    """Process ids are used again, and mean something else elsewhere."""
    process = subprocess.Popen(["sleep", "60"])
    try:
        signed = replace(Holder.me(), pid=process.pid)
        assert signed.started
        assert not replace(signed, started=signed.started - 1).end()
        assert not replace(signed, place="elsewhere").end()
        assert not replace(signed, place="-").end()
        assert process.poll() is None
        assert Holder.read(f"SELECT '{signed}'") == signed
        assert Holder.read("SELECT 1") is None
    finally:
        process.kill()
        process.wait()


def _administrator(database: Database) -> psycopg.Connection:
    return psycopg.connect(database.url, autocommit=True)


def _waits_for_a_lock(owner: psycopg.Connection, other: psycopg.Connection) -> bool:
    asked = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s"
    return owner.execute(asked, [other.info.backend_pid]).fetchone() == (True,)


def _end(owner: psycopg.Connection, cell: str) -> bool:
    ended = owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s",
        [f"doorstep_{cell}_orders lock"],
    ).fetchall()
    return ended == [(True,)]


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
