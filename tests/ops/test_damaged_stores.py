"""A store that is empty, half written or no database at all: said in one line, and made again when one asks for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chassis.batch import StoredEvent
from chassis.bus import Bus
from chassis.stores import open_store
from ops.__main__ import main as doorstep
from ops.console import CannotDo
from ops.healing.stores import heal_store
from ops.stores import path_of
from ops.system import System
from tests.conftest import NatsServer
from tests.ops.house_tables import tables
from tests.ops.running import ten_free_ports
from tests.ops.true_story import history

SERVICE = "billing"
PAGE_BYTES = 4096


def never_written(store: Path) -> None:
    """As a machine leaves it that died right after it made the file."""
    store.write_bytes(b"")


def no_database(store: Path) -> None:
    """Something else was put there."""
    store.write_bytes(b"not a database " * 500)


def half_written(store: Path) -> None:
    """A copy that was cut off."""
    store.write_bytes(store.read_bytes()[: 2 * PAGE_BYTES])


def hollow(store: Path) -> None:
    """The first page is as it was, the others are not: it opens, and cannot be read."""
    size = store.stat().st_size
    store.write_bytes(store.read_bytes()[:PAGE_BYTES] + b"\xff" * (size - PAGE_BYTES))


DAMAGES = (never_written, no_database, half_written, hollow)
each_damage = pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)


@pytest.fixture
def system(tmp_path: Path, nats_server: NatsServer) -> System:
    """The true history, in files of one piece each."""
    for store in history().write(tmp_path / "var").values():
        store.close()
    for file in (tmp_path / "var" / "stores").glob("*.sqlite"):
        with closing(sqlite3.connect(file)) as direct:
            direct.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return System(tmp_path / "var", ten_free_ports(), nats_server.url, {})


def events_of(system: System) -> list[StoredEvent]:
    with closing(open_store(SERVICE, read_only=True, path=path_of(system, SERVICE))) as store:
        return store.events()


@each_damage
@pytest.mark.parametrize(
    "asked", [("verify",), ("replay", SERVICE), ("timeline", "shop:1")], ids=lambda a: a[0]
)
def test_whoever_looks_is_told_in_one_line(
    system: System, damage: Callable[[Path], None], asked: tuple[str, ...]
) -> None:
    """With the file that it is about: no traceback, and no verdict on half of a history."""
    damage(path_of(system, SERVICE))
    told = CliRunner().invoke(doorstep, [*asked, "--data", str(system.data)])
    assert told.exit_code == 1, told.exception
    (line,) = [line for line in told.stderr.splitlines() if line.startswith("doorstep: ")]
    assert f"{SERVICE}.sqlite" in line
    assert "holds" not in told.stdout


@each_damage
async def test_it_is_made_again_when_that_is_asked_for(
    system: System, bus: Bus, damage: Callable[[Path], None]
) -> None:
    """Unasked only where there is nothing: what can be read of a damaged one may be worth something to somebody."""
    before = events_of(system)
    await history().publish(bus)
    damage(path_of(system, SERVICE))
    if damage is not never_written:
        left = path_of(system, SERVICE).read_bytes()
        with pytest.raises(CannotDo, match="--force replaces it by what the stream says"):
            await heal_store(system, SERVICE, force=False, table_of=tables().__getitem__)
        assert path_of(system, SERVICE).read_bytes() == left
    await heal_store(system, SERVICE, force=damage is not never_written, table_of=tables().__getitem__)
    assert events_of(system) == before
