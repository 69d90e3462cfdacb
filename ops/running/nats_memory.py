"""What nats-server need not remember when the machine loses power lies in memory: only what it acknowledged has to.

Two things it writes and syncs all the time. An atomic batch has a file store of its own below `<stream>/batches` until
its commit, when the server copies it into the stream, syncs that, and only then answers (ADR 0010). And the folder of
each consumer below `<stream>/obs` says how far it has delivered, which a service tells it anew whenever it begins
(ADR 0016). So links from there into a memory file system cost no durability. Another's consumers stay where they are.

They are only links. Without them (another platform, little memory, another layout) everything works the same, slower.
`store` is the server's `store_dir`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from contracts.parking import SERVICES

MEMORY = Path("/dev/shm")  # noqa: S108 - used only below a folder that is ours alone
ROOM_BYTES_MIN = 1 << 30
"""Less would not surely hold one batch of each service: 500 messages, each as large as a message may be."""
ASIDE = "aside"
"""Beside a link: what it takes the place of, until that is thrown away."""


def forget(store: Path) -> None:
    """Throw away what an earlier server left behind, consumers included: bootstrap makes them anew. While none runs."""
    for consumer in _consumers(store):
        if consumer.is_symlink():
            consumer.unlink()
    for stream in _streams(store):
        shutil.rmtree(stream / "obs" / ASIDE, ignore_errors=True)
    shutil.rmtree(_folder(store), ignore_errors=True)


def is_lost(store: Path) -> bool:
    """Whether somebody emptied memory under a running server, as logind does when the last session of its user ends.

    It refuses every batch then, and would not find its consumers when it is started again.
    """
    links = (*_consumers(store), *(stream / "batches" for stream in _streams(store)))
    return any(link.is_symlink() and not link.exists() for link in links)


def stage_in_memory(store: Path) -> None:
    """Link every stream's staging place into memory, where that is not done. The server forgets it as it starts."""
    if not _has_room(store):
        return
    for stream in _streams(store):
        place, target = stream / "batches", _folder(store) / stream.name
        with suppress(OSError):  # a batch is under way there: another time
            if not place.is_symlink():
                target.mkdir(mode=0o700, exist_ok=True)
                if place.exists():
                    place.rmdir()
                place.symlink_to(target)


def deliver_from_memory(store: Path) -> None:
    """Move the services' consumers into memory. While nobody reads from them; they outlive the server there."""
    if not _has_room(store):
        return
    for consumer in _consumers(store):
        if not consumer.is_symlink():
            _move(consumer, _folder(store) / f"{consumer.parents[1].name}.{consumer.name}")


def _move(place: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(place, target)
    aside = place.rename(place.with_name(ASIDE))
    place.symlink_to(target)
    shutil.rmtree(aside)


def _has_room(store: Path) -> bool:
    return MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM_BYTES_MIN and _is_ours(_folder(store))


def _is_ours(folder: Path) -> bool:
    """Whether nobody else can look into it or put something there: anybody may make folders in memory."""
    folder.mkdir(mode=0o700, exist_ok=True)
    seen = folder.lstat()
    return stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.getuid() and not seen.st_mode & 0o077


def _streams(store: Path) -> Iterator[Path]:
    return (store / "jetstream" / "$G" / "streams").glob("*")


def _consumers(store: Path) -> Iterator[Path]:
    return (
        stream / "obs" / name
        for stream in _streams(store)
        for name in SERVICES
        if _is_there(stream / "obs" / name)
    )


def _is_there(place: Path) -> bool:
    return place.is_dir() or place.is_symlink()


def _folder(store: Path) -> Path:
    return MEMORY / f"doorstep-{hashlib.sha256(bytes(store.resolve())).hexdigest()[:16]}"
