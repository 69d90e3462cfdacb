"""Copies of a whole system: stores, channel messages, what the outside has done, secrets.

The stores are copied as of moments at which none has applied what another does not hold: what is behind is caught up
after a restore, what was ahead could not be. Then what they name is copied. Streams of services are not: each is
published again from its store. A manifest says what each copy holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from chassis.bus import BusAway
from chassis.event_store import AGAIN, UNREADABLE, Store
from chassis.sqlite_store import SQLiteStore
from chassis.stores import open_store
from contracts.catalogue import STREAMS
from contracts.parking import SERVICES
from ops.bus_access import connected
from ops.console import CannotDo, Progress, note
from ops.copies.channels import first_of, save_channels
from ops.copies.files import sweep, with_room
from ops.copies.folders import FOLDERS, described, make_new, save_folder
from ops.copies.manifest import MESSAGES, Manifest, copy_of, sha256_of, write_manifest
from ops.copies.stores import copy_store
from ops.database import database_of
from ops.personal.mails import sealing
from ops.stores import open_stores
from ops.system import System

TRIES_MAX = 1_000


async def back_up(system: System, folder: Path) -> Manifest:
    """Copy everything while the system runs; without its bus, everything but the channel messages.

    Raises `CannotDo` for a folder that holds something already, or cannot hold what it has to.
    """
    with with_room(folder, f"make room, or name another folder; what is in {folder} is no backup, remove it"):
        make_new(folder)
        async with database_of(system):
            copies = _save_stores(open_stores(system), folder)
        manifest = {
            "made_at": datetime.now(UTC).isoformat(),
            "stores": copies,
            "channels": await _save_messages(system, folder / MESSAGES),
            "folders": {name: _save_folder(system, name, folder) for name in FOLDERS},
        }
        write_manifest(folder, manifest)
    return manifest


def _save_stores(stores: Mapping[str, Store], folder: Path) -> Manifest:
    progress, copies = Progress("copying stores", len(stores)), {}
    with one_moment(stores) as still:
        for done, service in enumerate(SERVICES, start=1):
            try:
                _save_store(still[service], copy_of(folder, service))
            except UNREADABLE as trouble:
                raise CannotDo(f"{service} could not be copied into {folder}: {trouble}") from trouble
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


@contextmanager
def one_moment(stores: Mapping[str, Store]) -> Iterator[dict[str, Store]]:
    """Snapshots of all stores, taken at once and again until none has applied an event that another lacks."""
    for _ in range(TRIES_MAX):
        with ExitStack() as opened:
            try:
                still = {name: opened.enter_context(store.snapshot()) for name, store in stores.items()}
                at_one_moment = agree(still)
            except UNREADABLE as damage:
                raise CannotDo(f"a store cannot be read ({damage}): {AGAIN}") from damage
            if at_one_moment:
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
            messages = await save_channels(bus, path)
    except BusAway:
        note(
            "the bus is away: this backup is without the channel messages; start the system, then take another"
        )
        return None
    return _described_messages(path, messages)


def _described_messages(path: Path, messages: int) -> Manifest:
    size = path.stat().st_size
    return {"messages": messages, "first": first_of(path) or 1, "bytes": size, "sha256": sha256_of(path)}


def _save_folder(system: System, name: str, folder: Path) -> Manifest:
    if name == "mail":
        save_folder(name, system.data, folder, sealing(system))
    else:
        save_folder(name, system.data, folder)
    return described(name, folder)


def _described(service: str, copy: Path) -> Manifest:
    store: SQLiteStore = open_store(service, read_only=True, path=copy)
    try:
        positions = {source: position.position for source, position in store.positions().items()}
        events = store.last_position()
    finally:
        store.close()
        sweep(copy)
    return {"events": events, "positions": positions, "bytes": copy.stat().st_size, "sha256": sha256_of(copy)}
