"""Where nats-server keeps an atomic batch until its commit: in memory, as none of it has to outlive the server.

nats-server gives each atomic batch a file store of its own below `<stream>/batches`: a dozen directory entries and six
syncs. At the commit it copies the batch into the stream, syncs that, and only then answers; what is staged is thrown
away, as is the rest when the server starts, except what completes a copy that was interrupted. So a link from there
into a memory file system costs no durability and saves half of what a batch costs (ADR 0010). `store` is the server's
`store_dir`.

It is only a link. Without it (another platform, little memory, another layout) everything works the same, slower.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - used only below a folder that is ours alone
ROOM_BYTES_MIN = 1 << 30
"""Less would not surely hold one batch of each service: 500 messages, each as large as a message may be."""


def forget_staged(store: Path) -> None:
    """Throw away what an earlier server left behind. While none runs."""
    shutil.rmtree(_folder(store), ignore_errors=True)


def stage_in_memory(store: Path) -> None:
    """Link every stream's staging place into memory, where that is not done. The server forgets it as it starts."""
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ROOM_BYTES_MIN or not _ours(_folder(store)):
        return
    for stream in (store / "jetstream" / "$G" / "streams").glob("*"):
        _link(stream / "batches", _folder(store) / stream.name)


def _link(place: Path, target: Path) -> None:
    if place.is_symlink():
        return
    with suppress(OSError):  # a batch is under way there: another time
        target.mkdir(mode=0o700, exist_ok=True)
        if place.exists():
            place.rmdir()
        place.symlink_to(target)


def _ours(folder: Path) -> bool:
    """Whether nobody else can look into it or put something there: anybody may make folders in memory."""
    folder.mkdir(mode=0o700, exist_ok=True)
    seen = folder.lstat()
    return stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.getuid() and not seen.st_mode & 0o077


def _folder(store: Path) -> Path:
    return MEMORY / f"doorstep-{hashlib.sha256(bytes(store.resolve())).hexdigest()[:16]}"
