"""The backup of the keys, apart from that of the stores: whoever has both can read everything.

A restored key store must not bring anybody back: every customer that orders says was forgotten, and every body that
was destroyed, is destroyed again.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from chassis.key_store import KeysAway
from chassis.personal_data import FILE, FOLDER, key_store
from ops.console import CannotDo
from ops.folder_copies import PRIVATE_FOLDER
from ops.personal.forgetting_again import forget_again
from ops.preflight import lock_folder
from ops.system import System

MASTER = "master.key"


def back_up_keys(system: System, folder: Path) -> dict[str, Any]:
    """Copy the keys, and the master key where it lies beside them, into a new folder for its owner only."""
    if folder.exists() and any(folder.iterdir()):
        raise CannotDo(f"{folder} is not empty: name a new folder for each backup")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(PRIVATE_FOLDER)
    try:
        keys = key_store(system.data).copy_to(folder / FILE)
    except KeysAway as away:
        raise CannotDo(str(away)) from away
    (folder / FILE).chmod(0o600)
    master = system.data / FOLDER / MASTER
    if master.exists():
        shutil.copyfile(master, folder / MASTER)
        (folder / MASTER).chmod(0o600)
    return {"keys": keys, "master_key": master.exists()}


def restore_keys(system: System, folder: Path) -> dict[str, Any]:
    """Put a backup of the keys in place, while the system is stopped; then forget again who was forgotten since."""
    if not (folder / FILE).exists():
        raise CannotDo(f"{folder} is not a backup of keys: it has no {FILE}")
    target = system.data / FOLDER
    with lock_folder(system.data):
        if (target / FILE).exists():
            raise CannotDo(f"{target / FILE} is there already: move it away first")
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in (MASTER, FILE):
            if (folder / name).exists() and not (target / name).exists():
                _copy_private(folder / name, target / name)
        return {"forgotten_again": forget_again(system)}


def _copy_private(source: Path, target: Path) -> None:
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(source.read_bytes())
