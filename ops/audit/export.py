"""A history on its way to somebody who does not trust us: every event with its link, the signed roots, the reader."""

from __future__ import annotations

import shutil
from base64 import b64encode
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson

from chassis.batch import StoredEvent
from chassis.event_store import Store
from ops.audit import reader as audit_reader
from ops.audit.checkpoints import checkpoints_of
from ops.audit.keys import public_key_path
from ops.audit.reader import CHECKPOINTS, KEY_FILE, NotProved, prove, read_checkpoints, read_key
from ops.console import CannotDo, Progress
from ops.copies.folders import PRIVATE_FOLDER
from ops.stores import open_stores
from ops.system import System
from ops.verify.evidence import all_events

UNFINISHED = shutil.ignore_patterns("*.arriving")


def export_history(system: System, folder: Path) -> dict[str, Any]:
    """Write everything into a new folder; returns how many events of each service, and how many checkpoints.

    The system may run. Raises `CannotDo` for a folder that holds something, and where nothing was ever signed.
    """
    _require_checkpoints(system)
    if folder.exists() and any(folder.iterdir()):
        raise CannotDo(f"{folder} is not empty: name a new folder for each export")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(PRIVATE_FOLDER)
    shutil.copytree(system.data / "audit", folder / CHECKPOINTS, ignore=UNFINISHED)
    shutil.copyfile(public_key_path(system), folder / KEY_FILE)
    shutil.copyfile(Path(audit_reader.__file__), folder / "audit_reader.py")
    events = {
        service: _write(service, store, folder / f"{service}.jsonl")
        for service, store in open_stores(system).items()
    }
    return {"services": events, "checkpoints": len(read_checkpoints(folder / CHECKPOINTS))}


def prove_live(system: System, key_path: Path | None = None) -> dict[str, Any]:
    """Prove the stores as they stand against the system's own checkpoints. Raises `NotProved`."""
    _require_checkpoints(system)
    checkpoints, key = checkpoints_of(system), read_key(key_path or public_key_path(system))
    with ExitStack() as opened:
        stores = {name: opened.enter_context(store.snapshot()) for name, store in open_stores(system).items()}
        histories = {service: all_events(store) for service, store in stores.items()}
        return prove(histories, checkpoints, key) | {"own_key": key_path is None}


def verdict(system: System, folder: Path | None, key_path: Path | None) -> dict[str, Any]:
    """What is proved, or why not: of an export, or of the system itself where no folder is given."""
    try:
        if folder is None:
            return prove_live(system, key_path)
        if not folder.is_dir():
            raise CannotDo(f"{folder} is not a folder that `doorstep audit export` wrote")
        return audit_reader.prove_export(folder, key_path)
    except NotProved as fault:
        return {"proved": False, "service": fault.service, "position": fault.position, "why": str(fault)}


def _require_checkpoints(system: System) -> None:
    if not checkpoints_of(system):
        raise CannotDo(f"nothing was signed in {system.data} yet: `doorstep audit checkpoint` does it")


def _write(service: str, store: Store, path: Path) -> int:
    progress, written = Progress(f"exporting {service}", store.last_position()), 0
    with path.open("wb") as file:
        for event in all_events(store):
            file.write(line_of(event))
            written += 1
            progress.reached(written)
    return written


def line_of(event: StoredEvent) -> bytes:
    """An event as one line of JSON: all stored fields, bytes in base64, the link in hex."""
    said = {
        "position": event.position,
        "entity": event.entity,
        "version": event.version,
        "type": event.type,
        "data": b64encode(event.data).decode(),
        "headers": b64encode(event.raw_headers).decode(),
        "link": event.chain.hex(),
    }
    return orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE)
