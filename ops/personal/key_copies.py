"""The backup of the keys, apart from that of the stores: whoever has both can read everything.

A backup is a SQLite file, wherever the keys are, and can be put back into either place. It must not bring anybody
back: every customer that orders says was forgotten, and every body that was destroyed, is destroyed again. Cut off,
both commands can be given again.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from chassis.keys.away import KeysAway
from chassis.keys.master import FILE as MASTER
from chassis.keys.master import configured_by, keep, master_key, master_key_in
from chassis.keys.personal_data import FILE, FOLDER
from chassis.keys.sqlite import SQLiteKeys
from chassis.keys.store import KeyStore
from chassis.keys.tables import Contents
from chassis.settings import SettingsWrong
from ops.console import CannotDo, note
from ops.copies.files import with_room
from ops.copies.folders import PRIVATE_FOLDER, make_new
from ops.database import database_of
from ops.kept import Kept
from ops.personal.forgetting_again import forget_again
from ops.personal.keys import keys_of
from ops.personal.mails import open_mails
from ops.running.preflight import lock_folder
from ops.stores import keep_in
from ops.system import System


async def back_up_keys(system: System, folder: Path) -> dict[str, Any]:
    """Copy the keys, and the master key where it lies beside them, into a new folder for its owner only.

    `wrapped_by` is the fingerprint of the master key that this copy needs, as `rotate-master-key` tells it.
    """
    with with_room(folder, f"make room, or name another folder; what is in {folder} is no backup, remove it"):
        make_new(folder)
        store, master = keys_of(system), system.data / FOLDER / MASTER
        async with database_of(system):
            wrapped_by = _wrapped_by(store)
            if master.exists():
                if wrapped_by not in ("", master_key_in(master).fingerprint):
                    raise CannotDo(
                        f"{master} is not the master key of these keys: end `doorstep rotate-master-key` first"
                    )
                keep(folder / MASTER, master.read_text())  # first: keys without it would be no backup
            contents = _contents(store)
            _take_in(_file_in(folder), contents)
    return {"keys": _usable(contents), "master_key": master.exists(), "wrapped_by": wrapped_by}


async def restore_keys(system: System, folder: Path, into: Kept | None = None) -> dict[str, Any]:
    """Put a backup of the keys in place, while the system is stopped; then forget again who was forgotten since, and
    open the mails of a restore that came before.

    A system that is new here keeps its stores `into` this place from now on. Raises `CannotDo`.
    """
    contents, wrapped_by = _read(folder)
    with with_room(system.data, "see whose it is, or make room, then run this again"):
        target = system.folder(FOLDER)
        with lock_folder(system.data):
            if into:
                keep_in(system, into)
            target.chmod(PRIVATE_FOLDER)
            _put_master_back(folder, target, wrapped_by)
            async with database_of(system):
                put = _put_back(contents, keys_of(system))
                if master_key(target).fingerprint != wrapped_by:
                    note(
                        f"these keys are wrapped by another master key ({wrapped_by}) than the configured one: give"
                        " that one back its place, or wrap them by this one"
                        " (`doorstep rotate-master-key --old-key-file OLD --new-key-file NEW`)"
                    )
                return {
                    "keys": put,
                    "forgotten_again": forget_again(system),
                    "mails_opened": open_mails(system),
                }


def _read(folder: Path) -> tuple[Contents, str]:
    """What is in a backup, and the fingerprint of the master key that it needs."""
    if not (folder / FILE).exists():
        raise CannotDo(f"{folder} is not a backup of keys: it has no {FILE}")
    store = _file_in(folder)
    contents, wrapped_by = _contents(store), _wrapped_by(_file_in(folder))
    if not contents["keys"]:
        raise CannotDo(f"{folder} has no keys: it was cut off, or made of a system without any; take another")
    return contents, wrapped_by


def _put_master_back(folder: Path, target: Path, wrapped_by: str) -> None:
    """The one that was copied, unless there is one. Without any, a new one would be drawn, which opens nothing."""
    if configured_by() or (target / MASTER).exists():
        return
    if not (folder / MASTER).exists():
        raise CannotDo(
            "these keys need their master key, which is not in their backup: name its file by DOORSTEP_MASTER_KEY_FILE,"
            f" or put it into {target / MASTER}"
        )
    try:
        if master_key_in(folder / MASTER).fingerprint != wrapped_by:
            raise CannotDo(
                f"{folder / MASTER} is not the master key of the keys beside it: take another backup"
            )
    except SettingsWrong as damage:
        raise CannotDo(f"{damage}: take another backup") from None
    keep(target / MASTER, (folder / MASTER).read_text())


def _put_back(contents: Contents, target: KeyStore) -> int:
    """Everything into an empty store; returns how many keys, 0 where an attempt before this one came so far."""
    there = {key_id for key_id, *_ in _contents(target)["keys"]}
    if not there:
        _take_in(target, contents)
        return _usable(contents)
    if not there.issuperset(key_id for key_id, *_ in contents["keys"]):
        raise CannotDo(
            f"there are keys in {target.place} already, and not those of this backup: move them away first"
        )
    return 0


def _usable(contents: Contents) -> int:
    return sum(wrapped is not None for _, _, _, wrapped, *_ in contents["keys"])


def _file_in(folder: Path) -> SQLiteKeys:
    return SQLiteKeys(folder / FILE, lambda: master_key(folder))


def _contents(store: KeyStore) -> Contents:
    try:
        with closing(store):
            return store.contents()
    except KeysAway as away:
        raise CannotDo(str(away)) from away


def _take_in(store: KeyStore, contents: Contents) -> None:
    try:
        with closing(store):
            store.take_in(contents)
    except KeysAway as away:
        raise CannotDo(str(away)) from away


def _wrapped_by(store: KeyStore) -> str:
    try:
        with closing(store):
            return store.wrapped_by()
    except KeysAway as away:
        raise CannotDo(str(away)) from away
