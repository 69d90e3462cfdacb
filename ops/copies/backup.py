"""Copies of a whole system, and back: stores, channel messages, what the outside has done, secrets.

The stores are copied as of moments at which none has applied what another does not hold: what is behind is caught up
after a restore, what was ahead could not be. Then what they name is copied. Streams of services are not: each is
published again from its store. A manifest says what each copy holds.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from chassis.bus import BusAway
from chassis.event_store import Store
from chassis.sqlite_store import SQLiteStore
from chassis.stores import open_store
from contracts.catalogue import STREAMS
from contracts.parking import SERVICES
from ops.bus_access import connected
from ops.console import CannotDo, Progress, note
from ops.copies.channels import save_channels, waiting_copy
from ops.copies.folders import FOLDERS, PRIVATE_FOLDER, described, put_folder_back, save_folder
from ops.copies.stores import copy_store
from ops.database import database_of
from ops.personal.forgetting_again import forget_again
from ops.personal.mails import opening, sealing
from ops.running.preflight import lock_folder
from ops.stores import open_stores, path_of
from ops.system import System

MANIFEST = "manifest.json"
MESSAGES = "channels.jsonl"
CHUNK_BYTES = 1 << 20
TRIES_MAX = 1_000
LEFT_BY_SQLITE = ("-wal", "-shm")

type Manifest = dict[str, Any]


async def back_up(system: System, folder: Path) -> Manifest:
    """Copy everything while the system runs; without its bus, everything but the channel messages.

    Raises `CannotDo` for a folder that holds something already.
    """
    async with database_of(system):
        copies = _save_stores(open_stores(system), folder)
    manifest = {
        "made_at": datetime.now(UTC).isoformat(),
        "stores": copies,
        "channels": await _save_messages(system, folder / MESSAGES),
        "folders": {name: _save_folder(system, name, folder) for name in FOLDERS},
    }
    (folder / MANIFEST).write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    return manifest


def _save_stores(stores: Mapping[str, Store], folder: Path) -> Manifest:
    _make_new(folder)
    progress, copies = Progress("copying stores", len(stores)), {}
    with one_moment(stores) as still:
        for done, service in enumerate(SERVICES, start=1):
            _save_store(still[service], copy_of(folder, service))
            copies[service] = _described(service, copy_of(folder, service))
            progress.reached(done)
    return copies


def _save_store(still: Store, copy: Path) -> None:
    """As a SQLite file, wherever it comes from: so it can be brought back to either place."""
    if isinstance(still, SQLiteStore):
        still.backup(copy)
        return
    with closing(SQLiteStore(copy)) as target:
        copy_store(still, target)


def _make_new(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise CannotDo(f"{folder} is not empty: name a new folder for each backup")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(PRIVATE_FOLDER)


@contextmanager
def one_moment(stores: Mapping[str, Store]) -> Iterator[dict[str, Store]]:
    """Snapshots of all stores, taken at once and again until none has applied an event that another lacks."""
    for _ in range(TRIES_MAX):
        with ExitStack() as opened:
            still = {name: opened.enter_context(store.snapshot()) for name, store in stores.items()}
            if agree(still):
                yield still
                return
    raise CannotDo("the stores could not be read at one moment: the machine is too busy, try again")


def agree(stores: Mapping[str, Store]) -> bool:
    """Whether everything that was applied somewhere is in the store of the service that said it."""
    ends = {STREAMS[name]: store.last_position() for name, store in stores.items()}
    return all(
        applied.position <= ends.get(source, applied.position)
        for store in stores.values()
        for source, applied in store.positions().items()
    )


async def _save_messages(system: System, path: Path) -> Manifest | None:
    try:
        async with connected(system, "backup") as bus:
            return _described_messages(path, await save_channels(bus, path))
    except BusAway:
        note(
            "the bus is away: this backup is without the channel messages; start the system, then take another"
        )
        return None


def _described_messages(path: Path, messages: int) -> Manifest:
    return {"messages": messages, "bytes": path.stat().st_size, "sha256": _sha256(path)}


def _save_folder(system: System, name: str, folder: Path) -> Manifest:
    if name == "mail":
        save_folder(name, system.data, folder, sealing(system))
    else:
        save_folder(name, system.data, folder)
    return described(name, folder)


def bring_back(system: System, folder: Path, *, force: bool) -> Manifest:
    """Put a backup in place, after checking every byte. Its channel messages wait for the next `doorstep up`.

    Raises `CannotDo` while the system runs, for a backup that is not whole, and where stores are there already
    and `force` is not given.
    """
    manifest = read_manifest(folder)
    with lock_folder(system.data):
        there = [service for service in SERVICES if path_of(system, service).exists()]
        if there and not force:
            raise CannotDo(f"there are stores in {system.data} already: --force replaces {', '.join(there)}")
        for service in SERVICES:
            _put(copy_of(folder, service), path_of(system, service))
        put_rest_back(system, folder, manifest)
        forget_again(system)
    return manifest


def put_rest_back(system: System, folder: Path, manifest: Manifest) -> None:
    """What is in a backup beside the stores. The channel messages only where no stream can have them."""
    for name in FOLDERS:
        if name == "mail":
            put_folder_back(name, folder, system.data, opening(system))
        else:
            put_folder_back(name, folder, system.data)
    if not (system.data / "nats").exists():
        _put_messages_back(system, folder, manifest)


def _put_messages_back(system: System, folder: Path, manifest: Manifest) -> None:
    waiting = waiting_copy(system)
    waiting.unlink(missing_ok=True)
    if manifest.get("channels") is None:
        note(
            "this backup is without the channel messages: new ones are numbered after those that orders has read"
        )
        return
    waiting.parent.mkdir(exist_ok=True)
    _copy_at_once(folder / MESSAGES, waiting)


def read_manifest(folder: Path) -> Manifest:
    """The manifest, once every copy was found to be what it says. Raises `CannotDo` naming one that is not."""
    path = folder / MANIFEST
    if not path.exists():
        raise CannotDo(f"{folder} is not a backup: it has no {MANIFEST}")
    manifest: Manifest = orjson.loads(path.read_bytes())
    for service in SERVICES:
        copy, said = copy_of(folder, service), manifest["stores"].get(service)
        if said is None or not copy.exists() or _sha256(copy) != said["sha256"]:
            raise CannotDo(f"{copy} is missing or not as the manifest says: this backup cannot be used")
    _require_whole(folder, manifest)
    return manifest


def _require_whole(folder: Path, manifest: Manifest) -> None:
    """A backup of an earlier release has stores only."""
    messages = manifest.get("channels")
    path = folder / MESSAGES
    if messages is not None and (not path.exists() or _sha256(path) != messages["sha256"]):
        raise CannotDo(f"{path} is missing or not as the manifest says: this backup cannot be used")
    for name, said in manifest.get("folders", {}).items():
        if described(name, folder) != said:
            raise CannotDo(f"{folder / name} is not as the manifest says: this backup cannot be used")


def readable(manifest: Manifest) -> str:
    """For people."""
    lines = [_line(name, said, said["events"], "events") for name, said in manifest["stores"].items()]
    if messages := manifest.get("channels"):
        lines.append(_line("channels", messages, messages["messages"], "messages"))
    lines += [_line(name, said, said["files"], "files") for name, said in manifest.get("folders", {}).items()]
    return "\n".join((f"made at {manifest['made_at']}", *lines))


def _line(name: str, said: Manifest, count: int, what: str) -> str:
    return f"{name:<9} {count:>10,} {what:<8} {said['bytes']:>12,} bytes  {said['sha256'][:16]}"


def copy_of(folder: Path, service: str) -> Path:
    """Where a backup has the copy of a store."""
    return folder / f"{service}.sqlite"


def _described(service: str, copy: Path) -> Manifest:
    store: SQLiteStore = open_store(service, read_only=True, path=copy)
    try:
        positions = {source: position.position for source, position in store.positions().items()}
        events = store.last_position()
    finally:
        store.close()
        _sweep(copy)
    return {"events": events, "positions": positions, "bytes": copy.stat().st_size, "sha256": _sha256(copy)}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _put(copy: Path, target: Path) -> None:
    """Replace a store in one step, with what SQLite left beside the old one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target)
    _copy_at_once(copy, target)


def _sweep(store: Path) -> None:
    """Remove what SQLite leaves beside a store that nobody has open."""
    for suffix in LEFT_BY_SQLITE:
        store.with_name(store.name + suffix).unlink(missing_ok=True)


def _copy_at_once(copy: Path, target: Path) -> None:
    arriving = target.with_suffix(".arriving")
    shutil.copyfile(copy, arriving)
    arriving.replace(target)
