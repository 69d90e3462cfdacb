"""A backup put in place: as SQLite files, or into the schemas of a database."""

from __future__ import annotations

from pathlib import Path

from chassis.settings import system as settings
from chassis.stores import open_store
from contracts.parking import SERVICES
from ops.console import CannotDo, Progress
from ops.copies.backup import Manifest, bring_back, copy_of, put_rest_back, read_manifest
from ops.copies.stores import copy_store
from ops.database import database_of, holds_events, replacing
from ops.kept import Kept
from ops.personal.forgetting_again import forget_again
from ops.running.preflight import lock_folder
from ops.stores import database_url, keep_in, kept_in
from ops.system import System


async def restore(system: System, folder: Path, *, force: bool, into: Kept | None = None) -> Manifest:
    """As `bring_back`, wherever the stores of the system are; a system that is new here keeps them in `into`.

    A database of our own is started for the while. Raises `CannotDo`, also while a service runs anywhere.
    """
    system.data.mkdir(parents=True, exist_ok=True)
    if (keep_in(system, into) if into else kept_in(system)) is Kept.SQLITE:
        return bring_back(system, folder, force=force)
    manifest = read_manifest(folder)
    with lock_folder(system.data):
        async with database_of(system):
            if not force:
                _require_none(system)
            await _put_stores(system, folder)
            put_rest_back(system, folder, manifest)
            forget_again(system)
    return manifest


def _require_none(system: System) -> None:
    url, cell = database_url(system), settings().cell
    there = [service for service in SERVICES if holds_events(url, cell, service)]
    if there:
        raise CannotDo(f"there are stores in the database already: --force replaces {', '.join(there)}")


async def _put_stores(system: System, folder: Path) -> None:
    progress = Progress("restoring stores", len(SERVICES))
    for done, service in enumerate(SERVICES, start=1):
        copy = open_store(service, read_only=True, path=copy_of(folder, service))
        async with replacing(system, service, force=True) as store:
            with copy.snapshot() as still:
                copy_store(still, store)
        copy.close()
        progress.reached(done)
