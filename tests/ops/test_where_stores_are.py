"""Where a system's stores are is chosen once: one that went on elsewhere would begin a second history."""

from __future__ import annotations

from pathlib import Path

import pytest

from chassis.sqlite_store import SQLiteStore
from contracts.parking import SERVICES
from ops.console import CannotDo
from ops.kept import Kept
from ops.running.postgres_server import socket_folder, url_of
from ops.stores import database_url, keep_in, kept_in, open_stores, path_of
from ops.system import System, find

URL = "postgresql://doorstep@db.example/doorstep"


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    monkeypatch.delenv("DOORSTEP_DATABASE_URL", raising=False)
    return find(tmp_path)


def test_files_unless_somebody_wishes_otherwise(system: System) -> None:
    assert keep_in(system, None) is kept_in(system) is Kept.SQLITE
    assert database_url(system) == ""
    assert path_of(system, "orders") == system.data / "stores" / "orders.sqlite"


def test_a_wish_is_remembered(system: System) -> None:
    """The next `up`, and every other command, needs only the data folder."""
    keep_in(system, Kept.POSTGRES)
    assert keep_in(system, None) is kept_in(system) is Kept.POSTGRES
    assert database_url(system) == url_of(system.data / "postgres")


@pytest.mark.parametrize(("first", "then"), [(Kept.POSTGRES, Kept.SQLITE), (Kept.SQLITE, Kept.POSTGRES)])
def test_another_wish_later_is_refused(system: System, first: Kept, then: Kept) -> None:
    keep_in(system, first)
    with pytest.raises(CannotDo, match="--data DIR"):
        keep_in(system, then)
    assert kept_in(system) is first


def test_a_folder_of_an_earlier_release_keeps_its_files(system: System) -> None:
    """It remembers nothing, but the files are there."""
    SQLiteStore(system.data / "stores" / "orders.sqlite").close()
    with pytest.raises(CannotDo, match="are kept in SQLite files"):
        keep_in(system, Kept.POSTGRES)


def test_a_database_that_is_not_named_any_more_is_asked_for(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its address may hold a password, and is not written down."""
    monkeypatch.setenv("DOORSTEP_DATABASE_URL", URL)
    assert keep_in(system, None) is Kept.DATABASE
    assert database_url(system) == URL
    assert URL not in (system.data / "store").read_text()
    monkeypatch.delenv("DOORSTEP_DATABASE_URL")
    for act in (lambda: database_url(system), lambda: open_stores(system, SERVICES)):
        with pytest.raises(CannotDo, match="name it by DOORSTEP_DATABASE_URL"):
            act()


def test_files_and_a_named_database_contradict_each_other(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOORSTEP_DATABASE_URL", URL)
    with pytest.raises(CannotDo, match="take one of them away"):
        keep_in(system, Kept.SQLITE)


def test_what_is_only_for_files_says_so(system: System) -> None:
    keep_in(system, Kept.POSTGRES)
    with pytest.raises(CannotDo, match="are in PostgreSQL"):
        path_of(system, "orders")


def test_a_word_nobody_knows_is_not_guessed_at(system: System) -> None:
    (system.data / "store").write_text("floppy\n")
    with pytest.raises(CannotDo, match="floppy"):
        kept_in(system)


def test_a_socket_whose_path_would_be_too_long_lies_elsewhere(tmp_path: Path) -> None:
    """The kernel takes 107 bytes; the same folder always leads to the same socket."""
    long = tmp_path / ("x" * 120)
    assert socket_folder(Path("/srv/pg")) == Path("/srv/pg/socket")
    assert len(str(socket_folder(long))) < 90
    assert socket_folder(long) == socket_folder(long) != socket_folder(tmp_path / ("y" * 120))
