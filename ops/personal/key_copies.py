"""The backup of the keys, apart from that of the stores: whoever has both can read everything.

A backup is a SQLite file, wherever the keys are, and can be put back into either place. It must not bring anybody
back: every customer that orders says was forgotten, and every body that was destroyed, is destroyed again.
"""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

from chassis.keys.master import FILE as MASTER
from chassis.keys.master import master_key, master_key_in
from chassis.keys.personal_data import FILE, FOLDER
from chassis.keys.sqlite import SQLiteKeys
from chassis.keys.store import KeysAway, KeyStore
from ops.console import CannotDo, note
from ops.copies.folders import PRIVATE_FOLDER
from ops.database import database_of
from ops.kept import Kept
from ops.personal.forgetting_again import forget_again
from ops.personal.keys import keys_of
from ops.running.preflight import lock_folder
from ops.stores import keep_in
from ops.system import System


async def back_up_keys(system: System, folder: Path) -> dict[str, Any]:
    """Copy the keys, and the master key where it lies beside them, into a new folder for its owner only.

    `wrapped_by` is the fingerprint of the master key that this copy needs, as `rotate-master-key` tells it.
    """
    _make_new(folder)
    store, master = keys_of(system), system.data / FOLDER / MASTER
    async with database_of(system):
        wrapped_by = _wrapped_by(store)
        if master.exists() and wrapped_by not in ("", master_key_in(master).fingerprint):
            raise CannotDo(
                f"{master} is not the master key of these keys: end `doorstep rotate-master-key` first"
            )
        keys = _copied(store, _file_in(folder))
    if master.exists():
        shutil.copyfile(master, folder / MASTER)
        (folder / MASTER).chmod(0o600)
    return {"keys": keys, "master_key": master.exists(), "wrapped_by": wrapped_by}


async def restore_keys(system: System, folder: Path, into: Kept | None = None) -> dict[str, Any]:
    """Put a backup of the keys in place, while the system is stopped; then forget again who was forgotten since.

    A system that is new here keeps its stores `into` this place from now on. Raises `CannotDo`.
    """
    if not (folder / FILE).exists():
        raise CannotDo(f"{folder} is not a backup of keys: it has no {FILE}")
    target = system.folder(FOLDER)
    if into:
        keep_in(system, into)
    with lock_folder(system.data):
        async with database_of(system):
            target.chmod(PRIVATE_FOLDER)
            if (folder / MASTER).exists() and not (target / MASTER).exists():
                _copy_private(folder / MASTER, target / MASTER)
            _copied(_file_in(folder), keys_of(system))
            if _wrapped_by(keys_of(system)) not in ("", master_key(target).fingerprint):
                note(
                    "these keys are wrapped by another master key than the one that is configured:"
                    " `doorstep rotate-master-key --old-key-file OLD --new-key-file NEW` wraps them by the new one"
                )
            return {"forgotten_again": forget_again(system)}


def _make_new(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise CannotDo(f"{folder} is not empty: name a new folder for each backup")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(PRIVATE_FOLDER)


def _file_in(folder: Path) -> SQLiteKeys:
    return SQLiteKeys(folder / FILE, lambda: master_key(folder))


def _copied(source: KeyStore, target: KeyStore) -> int:
    """Everything of one store into another, empty one; returns how many keys can be used."""
    try:
        with closing(source), closing(target):
            if target.contents()["keys"]:
                raise CannotDo(f"there are keys in {target.place} already: move them away first")
            contents = source.contents()
            target.take_in(contents)
    except KeysAway as away:
        raise CannotDo(str(away)) from away
    return sum(wrapped is not None for _, _, _, wrapped, *_ in contents["keys"])


def _wrapped_by(store: KeyStore) -> str:
    try:
        return store.wrapped_by()
    except KeysAway as away:
        raise CannotDo(str(away)) from away


def _copy_private(source: Path, target: Path) -> None:
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(source.read_bytes())
