"""A folder that is no backup, or not whole, or not ours: one line that says so, and nothing is touched."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from chassis.keys.store import Wanted
from contracts.parking import SERVICES
from ops.__main__ import main
from ops.copies.files import owned
from ops.copies.manifest import sha256_of
from ops.personal.keys import keys_of
from ops.stores import path_of
from ops.system import System, find
from tests.faults.small_disk import small_disk, why_not
from tests.ops.true_story import history

NOW = "2026-11-21T12:00:00.000000Z"
KEY = "00" * 32


def run(*arguments: str) -> Result:
    """The command in this process, so that an exception would be seen."""
    return CliRunner().invoke(main, arguments, prog_name="doorstep")


def refused(*arguments: str) -> str:
    """What it says instead of doing it: the last line of stderr, behind notes."""
    done = run(*arguments)
    assert done.exit_code == 1, (done.stdout, done.stderr)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    line = done.stderr.splitlines()[-1]
    assert line.startswith("doorstep: "), done.stderr
    return line


def contents(folder: Path) -> dict[str, bytes]:
    """Every file that is there, but for locks."""
    files = (file for file in folder.rglob("*") if file.is_file() and file.suffix not in (".lock", ".db-shm"))
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped system with a history and a key in `var`, and its backups: `copy`, and `keys`."""
    folder = tmp_path_factory.mktemp("originals")
    for store in history().write(folder / "var").values():
        store.close()
    with closing(keys_of(find(folder / "var"))) as keys:
        keys.issue([Wanted(owner="ada@example.com", entity="order/shop:1")], NOW)
    for command, name in (("backup", "copy"), ("backup-keys", "keys")):
        assert run(command, str(folder / name), "--data", str(folder / "var")).exit_code == 0
    return folder


@pytest.fixture
def system(originals: Path, tmp_path: Path) -> System:
    """The system, for one test."""
    return find(shutil.copytree(originals / "var", tmp_path / "var"))


@pytest.fixture
def copy(originals: Path, tmp_path: Path) -> Path:
    """Its backup."""
    return shutil.copytree(originals / "copy", tmp_path / "copy")


@pytest.fixture
def keys(originals: Path, tmp_path: Path) -> Path:
    """The backup of its keys."""
    return shutil.copytree(originals / "keys", tmp_path / "keys")


def cut(file: Path) -> None:
    """As a copy that was not finished, or a disk that was full."""
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def old_store(file: Path) -> None:
    """As a release without links would have made it, with a manifest that knows it so."""
    with closing(sqlite3.connect(file)) as store:
        store.execute("DROP TABLE stored_events")
        store.execute("CREATE TABLE stored_events (notification_id INTEGER PRIMARY KEY, state BLOB)")
        store.commit()
    told = json.loads((file.parent / "manifest.json").read_text())
    told["stores"][file.stem]["sha256"] = sha256_of(file)
    (file.parent / "manifest.json").write_text(json.dumps(told))


def told(file: Path, **more: object) -> None:
    """A manifest that says something else."""
    file.write_text(json.dumps(json.loads(file.read_text()) | more))


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (shutil.rmtree, "is not a backup, or one that was cut off: it has no manifest.json"),
    "another's folder": (
        lambda copy: (copy / "manifest.json").unlink(),
        "is not a backup, or one that was cut off",
    ),
    "manifest cut": (lambda copy: cut(copy / "manifest.json"), "manifest.json is damaged"),
    "manifest empty": (lambda copy: (copy / "manifest.json").write_bytes(b""), "manifest.json is damaged"),
    "another manifest": (lambda copy: (copy / "manifest.json").write_text("[1]"), "manifest.json is damaged"),
    "a npm manifest": (
        lambda copy: (copy / "manifest.json").write_text('{"name": "x", "stores": {"orders": 1}}'),
        "manifest.json is damaged",
    ),
    "newer release": (
        lambda copy: told(copy / "manifest.json", folders={"letters": {}}),
        "was made by a newer release",
    ),
    "store of an earlier release": (
        lambda copy: old_store(copy / "billing.sqlite"),
        "the store of billing in .* cannot be used by this release: .* made by an earlier release",
    ),
    "mail gone": (
        lambda copy: next((copy / "mail" / "new").iterdir()).unlink(),
        "mail is not as the manifest",
    ),
    "sandbox log cut": (
        lambda copy: cut(copy / "sandbox" / "gateway.jsonl"),
        "sandbox is not as the manifest",
    ),
    **{
        f"{service} cut": (
            lambda copy, service=service: cut(copy / f"{service}.sqlite"),
            f"{service}.sqlite is missing",
        )
        for service in SERVICES
    },
    "orders gone": (lambda copy: (copy / "orders.sqlite").unlink(), "orders.sqlite is missing or not as"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_backup_that_is_none_is_refused_and_nothing_is_touched(
    system: System, copy: Path, damage: str
) -> None:
    """Whatever is wrong with it is found before the first store is replaced."""
    do, line = DAMAGES[damage]
    do(copy)
    before = contents(system.data / "stores")
    assert re.search(line, said := refused("restore", str(copy), "--force", "--data", str(system.data))), said
    assert contents(system.data / "stores") == before
    assert not (system.data / "restore" / "unfinished").exists()


def test_a_store_that_is_damaged_is_not_copied(system: System, tmp_path: Path) -> None:
    """Page for page it would look like any other, until the day when it is needed."""
    store = path_of(system, "orders")
    whole = store.read_bytes()
    for page in range(4096, len(whole), 4096):
        store.write_bytes(whole[:page] + bytes(4096) + whole[page + 4096 :])
        line = refused("backup", str(tmp_path / f"copy-{page}"), "--data", str(system.data))
        assert "orders" in line
        assert "makes it again from its stream" in line
        assert not (tmp_path / f"copy-{page}" / "manifest.json").exists()


def test_a_backup_of_an_earlier_release_has_stores_only(copy: Path, tmp_path: Path) -> None:
    """It comes back as far as it goes, and what is missing is said."""
    kept = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({"made_at": kept["made_at"], "stores": kept["stores"]}))
    done = run("restore", str(copy), "--data", str(tmp_path / "new"))
    assert done.exit_code == 0, done.stderr
    assert "this backup is without the channel messages" in done.stderr
    assert contents(tmp_path / "new" / "stores").keys() >= {f"{service}.sqlite" for service in SERVICES}


def test_a_service_that_runs_without_its_supervisor_keeps_its_store(system: System, copy: Path) -> None:
    """On a cluster nobody has locked the folder: each service has its own store, and so it is asked."""
    before = contents(system.data / "stores")
    with owned(path_of(system, "shipping")):
        line = refused("restore", str(copy), "--force", "--data", str(system.data))
    assert "shipping runs: stop it first" in line
    assert contents(system.data / "stores") == before


def test_a_file_is_no_folder_for_a_backup(system: System, tmp_path: Path) -> None:
    """Nor is one in which nobody may write."""
    (tmp_path / "file").write_text("")
    for command in ("backup", "backup-keys"):
        line = refused(command, str(tmp_path / "file"), "--data", str(system.data))
        assert f"{tmp_path / 'file'} cannot be used (Not a directory)" in line
    for command in ("restore", "restore-keys", "restore-channels"):
        assert "is not a backup" in refused(command, str(tmp_path / "file"), "--data", str(system.data))


KEY_DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (shutil.rmtree, "is not a backup of keys: it has no keys.sqlite"),
    "cut": (lambda keys: cut(keys / "keys.sqlite"), "keys.sqlite cannot be used: "),
    "no database": (lambda keys: (keys / "keys.sqlite").write_text("hello" * 999), "file is not a database"),
    "empty": (lambda keys: (keys / "keys.sqlite").write_bytes(b""), "has no keys: it was cut off"),
    "master key cut": (
        lambda keys: cut(keys / "master.key"),
        "master.key is no master key: .*: take another",
    ),
    "another master key": (
        lambda keys: (keys / "master.key").write_text(KEY),
        "is not the master key of the keys beside it",
    ),
    "no master key": (
        lambda keys: (keys / "master.key").unlink(),
        "these keys need their master key, which is not in their backup: name its file by DOORSTEP_MASTER_KEY_FILE",
    ),
}


@pytest.mark.parametrize("damage", KEY_DAMAGES)
def test_a_backup_of_keys_that_is_none_is_refused(keys: Path, tmp_path: Path, damage: str) -> None:
    """And no new master key is drawn, which would be in the way of the right one."""
    do, line = KEY_DAMAGES[damage]
    do(keys)
    assert re.search(line, said := refused("restore-keys", str(keys), "--data", str(tmp_path / "new"))), said
    assert not (tmp_path / "new" / "keys" / "master.key").exists()


def test_keys_come_back_before_the_stores_or_after_them(
    system: System, copy: Path, keys: Path, tmp_path: Path
) -> None:
    """In either order the mails can be read again."""
    mails = contents(system.data / "mail")
    for name, order in {"right": ("restore-keys", "restore"), "left": ("restore", "restore-keys")}.items():
        data = tmp_path / name
        for command in order:
            folder = {"restore": copy, "restore-keys": keys}[command]
            done = run(command, str(folder), "--data", str(data))
            assert done.exit_code == 0, done.stderr
            away = "needs the keys, and there are none here" in done.stderr
            assert away == (order[0] == command == "restore")
        assert contents(data / "mail") == mails


needs_a_disk = pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can")


@needs_a_disk
@pytest.mark.parametrize("command", ["backup", "backup-keys"])
def test_a_backup_that_does_not_fit_is_none(system: System, tmp_path: Path, command: str) -> None:
    """It says so, and what lies there is taken for a backup by nobody."""
    with small_disk(tmp_path / "disk", 1) as disk:
        disk.fill()
        line = refused(command, str(disk.folder / "copy"), "--data", str(system.data))
        assert "full" in line or "No space left on device" in line
        again = {"backup": "restore", "backup-keys": "restore-keys"}[command]
        assert "is not a backup" in refused(again, str(disk.folder / "copy"), "--data", str(tmp_path / "new"))


@needs_a_disk
@pytest.mark.parametrize("left_bytes", [0, 40_000, 150_000])
def test_a_restore_that_does_not_fit_leaves_the_old_stores(
    system: System, copy: Path, tmp_path: Path, left_bytes: int
) -> None:
    """All five have to be there before the first one is replaced."""
    with small_disk(tmp_path / "disk", 4) as disk:
        data = disk.folder / "var"
        shutil.copytree(system.data, data)
        before = contents(data / "stores")
        disk.fill()
        with (disk.folder / "filler").open("r+b") as filler:
            filler.truncate(os.fstat(filler.fileno()).st_size - left_bytes)
        line = refused("restore", str(copy), "--force", "--data", str(data))
        assert "make room, then run this again" in line
        assert contents(data / "stores") == before
        disk.make_room()
        assert run("restore", str(copy), "--force", "--data", str(data)).exit_code == 0
