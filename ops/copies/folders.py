"""Folders of small files in a backup: what the sandboxes and the mail system have done, signed checkpoints, secrets."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ops.console import CannotDo

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700


def _truth_logs(folder: Path) -> Iterator[Path]:
    return folder.glob("*.jsonl")


def _mails(folder: Path) -> Iterator[Path]:
    for part in ("new", "cur"):  # a mail moves from the first to the second only
        yield from (folder / part).glob("*")


def _checkpoints(folder: Path) -> Iterator[Path]:
    return folder.glob("*.json")


def _secrets(folder: Path) -> Iterator[Path]:
    return folder.glob("*")


FOLDERS: Mapping[str, Callable[[Path], Iterator[Path]]] = {
    "sandbox": _truth_logs,
    "mail": _mails,
    "audit": _checkpoints,
    "secrets": _secrets,
}
"""Folders below the data folder, and which of their files belong into a backup."""


type Change = Callable[[str, bytes], bytes]
"""From a file's name and content to what is copied in its place."""


def _as_it_is(_: str, content: bytes) -> bytes:
    return content


def make_new(folder: Path) -> None:
    """A folder for a backup, for its owner only. Raises `CannotDo` for one that holds something already."""
    if folder.exists() and any(folder.iterdir()):
        raise CannotDo(f"{folder} is not empty: name a new folder for each backup")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(PRIVATE_FOLDER)


def save_folder(name: str, data: Path, copy: Path, change: Change = _as_it_is) -> None:
    """Copy a folder's files, while they are written to: of a log only its whole lines."""
    for file in FOLDERS[name](data / name):
        target = copy / file.relative_to(data)
        _make_private(target.parent, copy)
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            continue  # a mail that was just moved on: it is met again under `cur`
        if file.suffix == ".jsonl":
            content = content[: content.rfind(b"\n") + 1]
        _write_private(target, change(file.name, content))


def put_folder_back(name: str, copy: Path, data: Path, change: Change = _as_it_is) -> None:
    """Put the files back that are not there. What the outside has done since a backup is not undone by a restore."""
    for file in FOLDERS[name](copy / name):
        target = data / file.relative_to(copy)
        if not target.exists():
            _make_private(target.parent, data)
            _write_private(target, change(file.name, file.read_bytes()))


def described(name: str, copy: Path) -> dict[str, Any]:
    """How many files and bytes a copied folder has, and one hash over names and contents."""
    digest, files, size = hashlib.sha256(), 0, 0
    for file in sorted(FOLDERS[name](copy / name)):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(copy)}\0{len(content)}\0".encode() + content)
        files, size = files + 1, size + len(content)
    return {"files": files, "bytes": size, "sha256": digest.hexdigest()}


def _make_private(folder: Path, above: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    while folder != above:
        folder.chmod(PRIVATE_FOLDER)
        folder = folder.parent


def _write_private(target: Path, content: bytes) -> None:
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE), "wb") as file:
        file.write(content)
