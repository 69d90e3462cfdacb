"""The tool that plays a power cut, tried itself: what was synced survives, what was not is gone."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.lossy_files import LossyDisk, lossy_disk, why_not

pytestmark = [pytest.mark.faults, pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can")]

OLD, NEW = b"old" * 1000, b"new" * 2000


@pytest.fixture(scope="module")
def mounted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LossyDisk]:
    """One disk for all of these."""
    with lossy_disk(tmp_path_factory.mktemp("lossy") / "disk") as disk:
        yield disk


@pytest.fixture
def disk(mounted: LossyDisk, request: pytest.FixtureRequest) -> LossyDisk:
    """The same disk, and a folder on it that is surely there for this test."""
    folder = mounted.folder / request.node.name
    folder.mkdir()
    sync_folder(mounted.folder)
    return LossyDisk(folder, mounted.process)


def write(path: Path, data: bytes, *, flags: int = 0, synced: bool = False) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o600)
    try:
        assert os.write(handle, data) == len(data)
        if synced:
            os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def test_what_was_not_synced_is_gone(disk: LossyDisk) -> None:
    """As if it had never been: the file, and its name."""
    write(disk.folder / "file", NEW)
    assert (disk.folder / "file").read_bytes() == NEW
    assert disk.power_cut() >= len(NEW)
    assert list(disk.folder.iterdir()) == []


def test_what_was_synced_survives(disk: LossyDisk) -> None:
    write(disk.folder / "file", NEW, synced=True)
    assert disk.power_cut() == 0
    assert (disk.folder / "file").read_bytes() == NEW


def test_an_older_state_comes_back(disk: LossyDisk) -> None:
    """Written over, made longer, cut off: none of it was synced."""
    for name in ("over", "longer", "shorter"):
        write(disk.folder / name, OLD, synced=True)
    write(disk.folder / "over", NEW[: len(OLD)])
    write(disk.folder / "longer", NEW, flags=os.O_APPEND)
    os.truncate(disk.folder / "shorter", 10)
    disk.power_cut()
    assert {file.name: file.read_bytes() for file in disk.folder.iterdir()} == dict.fromkeys(
        ("over", "longer", "shorter"), OLD
    )


@pytest.mark.parametrize("flag", [os.O_SYNC, os.O_DSYNC], ids=["O_SYNC", "O_DSYNC"])
def test_whoever_asks_for_synced_writes_gets_them(disk: LossyDisk, flag: int) -> None:
    """Each write, and the file's name."""
    write(disk.folder / "file", OLD, flags=flag)
    write(disk.folder / "file", NEW, flags=flag | os.O_APPEND)
    assert disk.power_cut() == 0
    assert (disk.folder / "file").read_bytes() == OLD + NEW


def test_a_rename_counts_once_its_folder_is_synced(disk: LossyDisk) -> None:
    """Before, the old name is back; afterwards, the new one stays."""
    write(disk.folder / "one", OLD, synced=True)
    write(disk.folder / "two", NEW, synced=True)
    (disk.folder / "two").rename(disk.folder / "one")
    assert disk.power_cut() > 0
    assert (disk.folder / "one").read_bytes() == OLD
    assert (disk.folder / "two").read_bytes() == NEW
    (disk.folder / "two").rename(disk.folder / "one")
    sync_folder(disk.folder)
    assert disk.power_cut() == 0
    assert {file.name: file.read_bytes() for file in disk.folder.iterdir()} == {"one": NEW}


def test_a_name_without_the_bytes_is_an_empty_file(disk: LossyDisk) -> None:
    """The folder was synced, the file was not: the mistake that this disk is there to show."""
    write(disk.folder / "new", NEW)
    (disk.folder / "new").rename(disk.folder / "file")
    sync_folder(disk.folder)
    assert disk.power_cut() == len(NEW)
    assert (disk.folder / "file").read_bytes() == b""


def test_what_was_removed_is_back_until_the_folder_is_synced(disk: LossyDisk) -> None:
    write(disk.folder / "file", OLD, synced=True)
    (disk.folder / "file").unlink()
    disk.power_cut()
    assert (disk.folder / "file").read_bytes() == OLD
    (disk.folder / "file").unlink()
    sync_folder(disk.folder)
    disk.power_cut()
    assert not (disk.folder / "file").exists()


def test_links_and_folders_are_names_like_others(disk: LossyDisk) -> None:
    """Hard and soft links, a folder in a folder; permissions are kept."""
    (disk.folder / "below").mkdir(mode=0o700)
    write(disk.folder / "below" / "file", OLD, synced=True)
    (disk.folder / "hard").hardlink_to(disk.folder / "below" / "file")
    (disk.folder / "soft").symlink_to("below/file")
    sync_folder(disk.folder)
    disk.power_cut()
    assert (disk.folder / "soft").read_bytes() == (disk.folder / "hard").read_bytes() == OLD
    assert (disk.folder / "hard").stat().st_nlink == 2
    assert (disk.folder / "below").stat().st_mode & 0o777 == 0o700


def test_a_torn_write_keeps_some_pages(disk: LossyDisk) -> None:
    """The same ones for the same seed; the synced rest is whole."""
    pages = 64
    write(disk.folder / "file", b"o" * 4096 * pages, synced=True)
    write(disk.folder / "file", b"n" * 4096 * pages)
    disk.power_cut(torn_by=7)
    torn = (disk.folder / "file").read_bytes()
    assert {torn[at : at + 4096] for at in range(0, len(torn), 4096)} == {b"o" * 4096, b"n" * 4096}
    write(disk.folder / "file", b"o" * 4096 * pages, synced=True)
    write(disk.folder / "file", b"n" * 4096 * pages)
    disk.power_cut(torn_by=7)
    assert (disk.folder / "file").read_bytes() == torn


@pytest.mark.parametrize(("synchronous", "left"), [("FULL", 20), ("OFF", 0)])
def test_a_database_that_syncs_survives_and_one_that_does_not_does_not(
    disk: LossyDisk, synchronous: str, left: int
) -> None:
    """SQLite with a write-ahead log, killed after twenty commits, each of which it had called done."""
    program = f"""
import os, signal, sqlite3, sys
db = sqlite3.connect(sys.argv[1], autocommit=True)
db.execute("PRAGMA journal_mode=WAL"); db.execute("PRAGMA synchronous=FULL")
db.execute("CREATE TABLE t(n)"); db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
db.execute("PRAGMA synchronous={synchronous}")
for n in range(20): db.execute("INSERT INTO t VALUES (?)", (n,))
os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", program, str(disk.folder / "db")], check=False)
    assert ended.returncode == -9
    disk.power_cut()
    with sqlite3.connect(disk.folder / "db") as database:
        assert database.execute("SELECT count(*) FROM t").fetchone() == (left,)
    database.close()
