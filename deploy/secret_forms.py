"""The forms in which secrets are handed over: Secrets of Kubernetes, and a folder of files for the compose set-up."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from deploy.database import is_login

type Contents = dict[str, str]
LABELS = {"app.kubernetes.io/part-of": "doorstep"}
READ_BY_CONTAINERS, READ_BY_OWNER = 0o644, 0o600
"""Processes in containers are nobody on the host: what keeps others out there is the folder, which is its owner's.
Files of variables are read by compose itself.
"""


class FolderWrong(Exception):
    """The folder is not what the command needs; the message says why, and what to do."""


def as_list(found: dict[str, Contents], namespace: str) -> dict[str, Any]:
    """A List of Secrets. JSON is YAML, and needs no library to be written."""
    items = [as_secret(name, contents, namespace) for name, contents in found.items()]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def as_secret(name: str, contents: Contents, namespace: str) -> dict[str, Any]:
    """One Secret, its values as text."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "labels": LABELS | _reloaded(contents)},
        "type": "kubernetes.io/basic-auth" if is_login(contents) else "Opaque",
        "stringData": contents,
    }


def _reloaded(contents: Contents) -> Contents:
    """The database's operator heeds a changed password only of Secrets with this label."""
    return {"cnpg.io/reload": "true"} if is_login(contents) else {}


def write_files(found: dict[str, Contents], folder: Path) -> None:
    """A new folder of all of them, or none at all: it is written beside, and takes its place when it is whole.

    Raises `FolderWrong` where there is one already that is not empty.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise FolderWrong(
            f"{folder} is there already, and what is in it stays: --only draws parts of it anew; to draw everything, "
            "choose a folder that is not there"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for path, text, mode in _files(found):
            _write(beside / path, text, mode)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def replace_files(found: dict[str, Contents], folder: Path) -> None:
    """Other values in a folder that was written before. Raises `FolderWrong` where none of these files is in it."""
    files = _files(found)
    if not any((folder / path).is_file() for path, _, _ in files):
        raise FolderWrong(f"{folder} has no {files[0][0]}: this part was not drawn there yet")
    for path, text, mode in files:
        _write(folder / path, text, mode)


def _files(found: dict[str, Contents]) -> list[tuple[Path, str, int]]:
    """Path, text and mode: `<secret>/<key>`, and `<secret>.env` where the keys are variables."""
    files = list[tuple[Path, str, int]]()
    for name, contents in found.items():
        if all(key.isupper() for key in contents):
            text = "".join(f"{key}={value}\n" for key, value in contents.items())
            files.append((Path(f"{name}.env"), text, READ_BY_OWNER))
        else:
            files += [(Path(name, key), value, READ_BY_CONTAINERS) for key, value in contents.items()]
    return files


def _write(path: Path, text: str, mode: int) -> None:
    """In its place: a container that has mounted the file sees what it says now. The modes hold whatever the umask."""
    if not path.parent.exists():
        path.parent.mkdir()
        path.parent.chmod(0o755)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
