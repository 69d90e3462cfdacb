"""A backup put in place: as SQLite files, or into the schemas of a database.

Stores are replaced one by one. That it has begun stands in a file until everything is back, so that an attempt which
was cut off is ended by giving the same command again.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path

from chassis.event_store import UNREADABLE, UnusableStore
from chassis.keys.away import KeysAway
from chassis.keys.personal_data import personal
from chassis.login import configured
from chassis.settings import system as settings
from chassis.stores import open_store
from chassis.whole_file import write_whole
from contracts.parking import SERVICES
from ops.console import CannotDo, Progress, note
from ops.copies.channels import waiting_copy
from ops.copies.files import arriving, copy_file, owned, sync, take_place, throw_away, with_room
from ops.copies.folders import FOLDERS, put_folder_back
from ops.copies.manifest import MESSAGES, Manifest, channels_from, copy_of, read_manifest
from ops.copies.stores import copy_store
from ops.database import database_of, holds_events, replacing
from ops.kept import Kept
from ops.personal.forgetting_again import forget_again
from ops.personal.keys import keys_of
from ops.personal.mails import opening
from ops.running.preflight import lock_folder
from ops.running.unfinished import mark_of
from ops.stores import database_url, keep_in, kept_in, path_of
from ops.system import System


async def restore(system: System, folder: Path, *, force: bool, into: Kept | None = None) -> Manifest:
    """Put a backup in place, after checking every byte; a system that is new here keeps its stores in `into`.

    A database of our own is started for the while. Raises `CannotDo` while a service runs anywhere, for a backup that
    is not whole, and where stores are there already and `force` is not given.
    """
    manifest = read_manifest(folder)
    with (
        with_room(system.data, "see whose it is, or make room, then run this again"),
        lock_folder(system.data),
    ):
        in_files = (keep_in(system, into) if into else kept_in(system)) is Kept.SQLITE
        async with database_of(system):
            there = _there(system, in_files=in_files)
            if there and not force and not mark_of(system).exists():
                place = system.data if in_files else "the database"
                raise CannotDo(f"there are stores in {place} already: --force replaces {', '.join(there)}")
            if in_files:
                _put_files(system, folder)
            else:
                await _put_schemas(system, folder)
            _put_rest_back(system, folder, manifest)
            mark_of(system).unlink(missing_ok=True)
    return manifest


def _there(system: System, *, in_files: bool) -> list[str]:
    if in_files:
        return [service for service in SERVICES if path_of(system, service).exists()]
    url, cell = database_url(system), settings().cell
    return [service for service in SERVICES if holds_events(url, cell, service)]


def _begin(system: System, folder: Path) -> None:
    mark = mark_of(system)
    mark.parent.mkdir(exist_ok=True)
    write_whole(mark, f"{folder.resolve()}\n".encode())


def _put_files(system: System, folder: Path) -> None:
    """All are copied before the first is replaced: what can fail, fails before."""
    stores = {service: path_of(system, service) for service in SERVICES}
    with ExitStack() as held:
        for store in stores.values():
            held.enter_context(owned(store))
        try:
            for service, store in stores.items():
                copy_file(copy_of(folder, service), arriving(store))
                _require_usable(service, folder, arriving(store))
            _begin(system, folder)
            for store in stores.values():
                take_place(store)
        finally:
            for store in stores.values():
                throw_away(store)


def _require_usable(service: str, folder: Path, copy: Path) -> None:
    try:
        open_store(service, read_only=True, path=copy).close()
    except UnusableStore as reason:
        raise CannotDo(
            f"the store of {service} in {folder} cannot be used by this release: {reason}"
        ) from reason
    except UNREADABLE as reason:
        raise CannotDo(f"{copy} cannot be opened ({reason}): make room, then run this again") from reason


async def _put_schemas(system: System, folder: Path) -> None:
    progress = Progress("restoring stores", len(SERVICES))
    for done, service in enumerate(SERVICES, start=1):
        with closing(open_store(service, read_only=True, path=copy_of(folder, service))) as copy:
            async with replacing(system, service, force=True) as store:
                with copy.snapshot() as still:
                    copy_store(still, store)
                _begin(system, folder)
        progress.reached(done)


def _put_rest_back(system: System, folder: Path, manifest: Manifest) -> None:
    """What is in a backup beside the stores."""
    for name in FOLDERS:
        if name == "mail":
            put_folder_back(name, folder, system.data, opening(system))
        else:
            put_folder_back(name, folder, system.data)
    if not (system.data / "nats").exists():
        _put_messages_back(system, folder, manifest)
    forget_again(system)
    _say_if_keys_are_away(system)


def _put_messages_back(system: System, folder: Path, manifest: Manifest) -> None:
    """They wait for `doorstep up`, which publishes them into a new stream. Where there are NATS users, ours may not."""
    waiting = waiting_copy(system)
    waiting.unlink(missing_ok=True)
    if manifest.get("channels") is None:
        note(
            "this backup is without the channel messages: new ones are numbered after those that orders has read"
            f" (`python -m chassis.bootstrap --channels-from {channels_from(manifest)}`, where `up` does not)"
        )
    elif configured().nats_user:
        note(f"if the streams are new: `doorstep restore-channels {folder}`, before a service starts")
    else:
        waiting.parent.mkdir(exist_ok=True)
        copy_file(folder / MESSAGES, waiting.with_suffix(".arriving"))
        waiting.with_suffix(".arriving").replace(waiting)
        sync(waiting.parent)


def _say_if_keys_are_away(system: System) -> None:
    try:
        with closing(keys_of(system)) as store:
            missing = "" if store.wrapped_by() or not personal().seal else "there are none here"
    except KeysAway as away:
        missing = str(away)
    if missing:
        note(
            f"what is sealed needs the keys, and {missing}: put their backup back (`doorstep restore-keys DIR`)"
        )
