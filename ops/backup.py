"""Copies of all stores, and back. Each copy is consistent in itself; what lies between them is caught up.

A copy taken later than another may have applied events that the other does not hold yet. That heals: the
stream still has them. So stores are copied consumers first, and a manifest says what each copy holds.
"""

from __future__ import annotations

import hashlib
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from chassis.batch import Advance, Batch
from chassis.event_store import SQLiteStore, open_store
from contracts.parking import SERVICES
from ops.console import CannotDo, Progress, note
from ops.preflight import lock_folder
from ops.stores import open_stores, path_of
from ops.system import System

MANIFEST = "manifest.json"
CHANNELS = "CHANNELS"
CHUNK_BYTES = 1 << 20
CONSUMERS_FIRST = tuple(reversed(SERVICES))
LEFT_BY_SQLITE = ("-wal", "-shm")

type Manifest = dict[str, Any]


def back_up(system: System, folder: Path) -> Manifest:
    """Copy every store while the system runs. Raises `CannotDo` for a folder that holds something already."""
    if folder.exists() and any(folder.iterdir()):
        raise CannotDo(f"{folder} is not empty: name a new folder for each backup")
    stores = open_stores(system)
    folder.mkdir(parents=True, exist_ok=True)
    progress = Progress("copying stores", len(stores))
    copies: Manifest = {}
    for done, service in enumerate(CONSUMERS_FIRST, start=1):
        stores[service].backup(_copy_of(folder, service))
        copies[service] = _described(service, _copy_of(folder, service))
        progress.reached(done)
    manifest = {"made_at": datetime.now(UTC).isoformat(), "stores": copies}
    (folder / MANIFEST).write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    return manifest


def bring_back(system: System, folder: Path, *, force: bool) -> Manifest:
    """Put a backup's stores in place, after checking every byte.

    Raises `CannotDo` while the system runs, for a backup that is not whole, and where stores are there already
    and `force` is not given.
    """
    manifest = read_manifest(folder)
    with lock_folder(system.data):
        there = [service for service in SERVICES if path_of(system, service).exists()]
        if there and not force:
            raise CannotDo(f"there are stores in {system.data} already: --force replaces {', '.join(there)}")
        for service in SERVICES:
            _put(_copy_of(folder, service), path_of(system, service))
        if not (system.data / "nats").exists():
            _begin_channels_afresh(system)
    return manifest


def _begin_channels_afresh(system: System) -> None:
    """Without the bus's own files the stream of channel messages starts at 1 again: so must its reader.

    Otherwise the next messages would be taken for old ones. An order sent again is known by its id.
    """
    store = open_store("orders", path=path_of(system, "orders"))
    try:
        read = store.positions().get(CHANNELS)
        if read is not None and read.position:
            store.commit(Batch(advances=[Advance(CHANNELS, read.position, 0, 0)]))
            note(
                f"{system.data} has no nats folder: the {read.position} channel messages before this stay behind"
            )
    finally:
        store.close()


def read_manifest(folder: Path) -> Manifest:
    """The manifest, once every copy was found to be what it says. Raises `CannotDo` naming one that is not."""
    path = folder / MANIFEST
    if not path.exists():
        raise CannotDo(f"{folder} is not a backup: it has no {MANIFEST}")
    manifest: Manifest = orjson.loads(path.read_bytes())
    for service in SERVICES:
        copy, said = _copy_of(folder, service), manifest["stores"].get(service)
        if said is None or not copy.exists() or _sha256(copy) != said["sha256"]:
            raise CannotDo(f"{copy} is missing or not as the manifest says: this backup cannot be used")
    return manifest


def readable(manifest: Manifest) -> str:
    """For people."""
    lines = [
        f"{service:<9} {said['events']:>10,} events  {said['bytes']:>13,} bytes  {said['sha256'][:16]}"
        for service, said in manifest["stores"].items()
    ]
    return "\n".join((f"made at {manifest['made_at']}", *lines))


def _copy_of(folder: Path, service: str) -> Path:
    return folder / f"{service}.sqlite"


def _described(service: str, copy: Path) -> Manifest:
    store: SQLiteStore = open_store(service, read_only=True, path=copy)
    try:
        positions = {source: position.position for source, position in store.positions().items()}
        events = store.last_position()
    finally:
        store.close()
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
    arriving = target.with_suffix(".arriving")
    shutil.copyfile(copy, arriving)
    for suffix in LEFT_BY_SQLITE:
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    arriving.replace(target)
