"""What a backup says of itself: `manifest.json`, written last, with the hash of every copy in the folder."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import orjson

from contracts.parking import SERVICES
from ops.console import CannotDo
from ops.copies.files import sync
from ops.copies.folders import FOLDERS, described

MANIFEST = "manifest.json"
MESSAGES = "channels.jsonl"
CHUNK_BYTES = 1 << 20
UNUSABLE = "is missing or not as the manifest says: this backup cannot be used, take another"

type Manifest = dict[str, Any]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Once all that it speaks of is on disk, and at once: a folder without one is no backup."""
    arriving = folder / f"{MANIFEST}.arriving"
    arriving.write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    for path in folder.rglob("*"):
        sync(path)
    arriving.replace(folder / MANIFEST)
    sync(folder)


def read_manifest(folder: Path) -> Manifest:
    """The manifest, once every copy was found to be what it says. Raises `CannotDo` naming one that is not."""
    manifest = _said(folder)
    for service in SERVICES:
        copy, said = copy_of(folder, service), manifest["stores"].get(service)
        if said is None or not copy.exists() or sha256_of(copy) != said["sha256"]:
            raise CannotDo(f"{copy} {UNUSABLE}")
    _require_messages(folder, manifest)
    for name, said in manifest.get("folders", {}).items():
        if name not in FOLDERS:
            raise CannotDo(
                f"{folder} was made by a newer release: it has a copy of {name}, unknown to this one"
            )
        if described(name, folder) != said:
            raise CannotDo(
                f"{folder / name} is not as the manifest says: this backup cannot be used, take another"
            )
    return manifest


def messages_of(folder: Path) -> tuple[Path, int]:
    """The channel messages of a backup, and how many there are. Raises `CannotDo` where it has none, or not whole."""
    manifest = _said(folder)
    if (said := manifest.get("channels")) is None:
        raise CannotDo(
            f"{folder} is without the channel messages: its bus was away. CHANNELS has to begin after those that were "
            f"read: `python -m chassis.bootstrap --channels-from {channels_from(manifest)}`"
        )
    _require_messages(folder, manifest)
    return folder / MESSAGES, said["messages"]


def channels_from(manifest: Manifest) -> int:
    """Where CHANNELS has to begin where its messages were not copied: behind what orders had read."""
    return int(manifest["stores"]["orders"]["positions"].get("CHANNELS", 0)) + 1


def _said(folder: Path) -> Manifest:
    path = folder / MANIFEST
    if not path.exists():
        raise CannotDo(f"{folder} is not a backup, or one that was cut off: it has no {MANIFEST}")
    try:
        manifest: Manifest = orjson.loads(path.read_bytes())
        _ = [said["sha256"] for said in manifest["stores"].values()], channels_from(manifest)
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
        raise CannotDo(f"{path} is damaged, or no manifest of a backup: take another backup") from None
    return manifest


def _require_messages(folder: Path, manifest: Manifest) -> None:
    """A backup of an earlier release has stores only."""
    messages, path = manifest.get("channels"), folder / MESSAGES
    if messages is not None and (not path.exists() or sha256_of(path) != messages["sha256"]):
        raise CannotDo(f"{path} {UNUSABLE}")


def readable(manifest: Manifest) -> str:
    """For people."""
    lines = [_line(name, said, said["events"], "events") for name, said in manifest["stores"].items()]
    if messages := manifest.get("channels"):
        lines.append(_line("channels", messages, messages["messages"], "messages"))
    lines += [_line(name, said, said["files"], "files") for name, said in manifest.get("folders", {}).items()]
    return "\n".join((f"made at {manifest['made_at']}", *lines))


def _line(name: str, said: Manifest, count: int, what: str) -> str:
    return f"{name:<9} {count:>10,} {what:<8} {said['bytes']:>12,} bytes  {said['sha256'][:16]}"


def copy_of(folder: Path, service: str) -> Path:
    """Where a backup has the copy of a store."""
    return folder / f"{service}.sqlite"


def sha256_of(path: Path) -> str:
    """In hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
