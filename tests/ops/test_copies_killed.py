"""Copies and restores killed at any step: giving the same command again ends what was begun, and nothing half done is
taken for whole.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest

from chassis.batch import Batch, NewEvent
from chassis.chain import chained
from chassis.event_store import OldStore
from chassis.keys.store import Wanted
from chassis.postgres_connections import aside_of, schema_of
from chassis.schemas import replaced
from chassis.sqlite_store import SQLiteStore
from chassis.stores import open_database
from contracts.parking import SERVICES
from ops.personal.keys import keys_of
from ops.running.unfinished import mark_of
from ops.stores import open_files
from ops.system import System, find
from tests.ops.running import REPOSITORY, doorstep, ten_free_ports
from tests.ops.true_story import history
from tests.postgres import Database

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]

NOW = "2026-11-21T12:00:00.000000Z"
NOWHERE = {"DOORSTEP_NATS_URL": "nats://127.0.0.1:1"}
EVENTS, KEYS, BODY = 4_000, 3_000, b'{"filled": "%s"}' % (b"x" * 2_000)
"""Enough that every step takes its time."""
LOOK_AGAIN_SECONDS = 0.0005


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped system with megabytes in its stores, in `var`, and its backups: `copy`, and `keys`."""
    folder = tmp_path_factory.mktemp("originals")
    for store in history().write(folder / "var").values():
        _fill(store)
        store.close()
    with closing(keys_of(find(folder / "var"))) as keys:
        keys.issue([Wanted(owner=f"{n}@example.com", entity=f"order/shop:{n}") for n in range(KEYS)], NOW)
    done(folder, "backup", "copy")
    done(folder, "backup-keys", "keys")
    return folder


def _fill(store: SQLiteStore) -> None:
    last = store.last_position()
    events = [
        NewEvent(position, "filler/1", position, "nobody.Said.v1", BODY, b"")
        for position in range(last + 1, last + EVENTS)
    ]
    store.commit(Batch(events=chained(store.last_link(), events)))


def start(folder: Path, command: str, *more: str) -> subprocess.Popen[str]:
    """A command about the system in `var`, with a folder beside it."""
    return subprocess.Popen(
        [*doorstep(command), *more, "--data", str(folder / "var")],
        cwd=REPOSITORY,
        env=os.environ | NOWHERE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def done(folder: Path, command: str, name: str, *more: str) -> None:
    """It must succeed."""
    _, said = (process := start(folder, command, str(folder / name), *more)).communicate(timeout=60)
    assert process.returncode == 0, said


def refused(folder: Path, command: str, name: str) -> str:
    """What it says instead."""
    _, said = (process := start(folder, command, str(folder / name))).communicate(timeout=60)
    assert process.returncode == 1, said
    return said.splitlines()[-1]


def killed(process: subprocess.Popen[str], appears: Path) -> bool:
    """Kill it as soon as something lies there; whether that came before its end."""
    while not appears.exists():
        with suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_AGAIN_SECONDS)
            return False
    process.kill()
    return process.wait() < 0


def lasts(system: System) -> dict[str, int]:
    """The last position in each store."""
    found = {}
    for service, store in open_files(system).items():
        with closing(store):
            found[service] = store.last_position()
    return found


@pytest.mark.parametrize(
    "step",
    [
        "stores/orders.arriving",
        "stores/notify.arriving",
        "restore/unfinished",
        "mail",
        "stores/notify.sqlite",
    ],
)
@pytest.mark.parametrize("force", [False, True])
def test_a_restore_that_was_killed_is_ended_by_the_same_command(
    originals: Path, tmp_path: Path, step: str, *, force: bool
) -> None:
    """Without being told to replace what the first attempt has put there."""
    for name in ("copy", *(["var"] if force else [])):
        shutil.copytree(originals / name, tmp_path / name)
    if force:
        (tmp_path / "var" / "mail").rename(tmp_path / "var" / "letters")
        (tmp_path / "var" / "stores" / "notify.sqlite").unlink()
    system = find(tmp_path / "var")
    assert killed(
        start(tmp_path, "restore", str(tmp_path / "copy"), *(["--force"] if force else [])),
        tmp_path / "var" / step,
    )
    half = mark_of(system).exists()
    if half:
        assert f"run `doorstep restore {tmp_path / 'copy'}` again" in refused_up(tmp_path)
    done(tmp_path, "restore", "copy", *(["--force"] if force and not half else []))
    assert lasts(system) == lasts(find(originals / "var"))
    assert sorted(path.name for path in (system.data / "mail" / "new").iterdir()) == sorted(
        path.name for path in (originals / "var" / "mail" / "new").iterdir()
    )
    assert not mark_of(system).exists()
    assert not [*(system.data / "stores").glob("*.arriving*")]


@pytest.mark.parametrize("service", ["orders", "billing"])
def test_a_restore_into_a_database_that_was_killed_is_ended_by_the_same_command(
    originals: Path, tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    """In between no service begins on the store that is half made."""
    monkeypatch.setenv("DOORSTEP_DATABASE_URL", database.url)
    for name in SERVICES:
        with replaced(database.url, "default", name):
            pass
    process = start(tmp_path, "restore", str(originals / "copy"))
    with psycopg.connect(database.url, autocommit=True) as owner:
        aside = aside_of(schema_of("default", service))
        while not owner.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [aside]).fetchone():
            assert process.poll() is None, "it ended before"
        process.kill()
        process.wait()
    with pytest.raises(OldStore):
        open_database(database.url, "default", service)
    done(tmp_path, "restore", str(originals / "copy"))
    stores = {name: open_database(database.url, "default", name, read_only=True) for name in SERVICES}
    found = {name: store.last_position() for name, store in stores.items()}
    for store in stores.values():
        store.close()
    monkeypatch.delenv("DOORSTEP_DATABASE_URL")
    assert found == lasts(find(originals / "var"))


def refused_up(folder: Path) -> str:
    """What `up` says of half a restore."""
    _, said = (process := start(folder, "up")).communicate(timeout=60)
    assert process.returncode == 1, said
    return said.splitlines()[-1]


@pytest.mark.parametrize("step", ["orders.sqlite", "notify.sqlite", "mail", "manifest.json.arriving"])
def test_a_backup_that_was_killed_is_none(originals: Path, tmp_path: Path, step: str) -> None:
    """Nobody takes it for one, and the next goes into another folder."""
    shutil.copytree(originals / "var", tmp_path / "var")
    assert killed(start(tmp_path, "backup", str(tmp_path / "cut")), tmp_path / "cut" / step)
    assert "cut is not a backup, or one that was cut off" in refused(tmp_path, "restore", "cut")
    assert "is not empty: name a new folder" in refused(tmp_path, "backup", "cut")
    done(tmp_path, "backup", "next")
    assert lasts(find(tmp_path / "var")) == lasts(find(originals / "var"))


@pytest.mark.parametrize("step", ["master.key", "keys.sqlite", "keys.sqlite-wal"])
def test_copies_of_keys_that_were_killed_are_none_or_whole(
    originals: Path, tmp_path: Path, step: str
) -> None:
    """Keys are in a copy all at once, and their master key before them."""
    shutil.copytree(originals / "var", tmp_path / "var")
    assert killed(start(tmp_path, "backup-keys", str(tmp_path / "cut")), tmp_path / "cut" / step)
    shutil.rmtree(tmp_path / "var")
    process = start(tmp_path, "restore-keys", str(tmp_path / "cut"))
    _, said = process.communicate(timeout=60)
    if process.returncode:
        assert "has no keys" in said
        assert not (tmp_path / "var" / "keys" / "master.key").exists()
    else:
        assert has_keys(tmp_path)


@pytest.mark.parametrize("step", ["master.key", "keys.sqlite", "keys.sqlite-wal"])
def test_keys_that_were_half_put_back_are_put_back(originals: Path, tmp_path: Path, step: str) -> None:
    """By the same command; also where all keys were there and nobody had been forgotten again yet."""
    shutil.copytree(originals / "keys", tmp_path / "keys")
    assert killed(start(tmp_path, "restore-keys", str(tmp_path / "keys")), tmp_path / "var" / "keys" / step)
    for _ in range(2):
        done(tmp_path, "restore-keys", "keys")
        assert has_keys(tmp_path)


@pytest.mark.parametrize("step", ["master.key.new", "keys.sqlite-wal"])
def test_a_rotation_that_was_killed_is_ended_by_the_same_command(
    originals: Path, tmp_path: Path, step: str
) -> None:
    """All keys are wrapped by one master key or by the other, and both are there until it is done."""
    shutil.copytree(originals / "var", tmp_path / "var")
    command = ("--actor", "dpo", "--reason", "somebody left", "--port-base", str(ten_free_ports()))
    assert killed(start(tmp_path, "rotate-master-key", *command), tmp_path / "var" / "keys" / step)
    _, said = (process := start(tmp_path, "rotate-master-key", *command)).communicate(timeout=60)
    assert process.returncode == 0, said
    assert has_keys(tmp_path)
    assert not (tmp_path / "var" / "keys" / "master.key.new").exists()


def has_keys(folder: Path) -> bool:
    """Whether every key is there, and opens."""
    with closing(keys_of(find(folder / "var"))) as keys:
        sealed = [key_id for key_id, *_ in keys.contents()["keys"]]
        return len(sealed) == KEYS == len(keys.fetch(sealed, "test", NOW))
