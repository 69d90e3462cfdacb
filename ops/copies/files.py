"""Files of stores: who may replace one, and how one takes another's place."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.console import CannotDo

CHUNK_BYTES = 1 << 20
LEFT_BY_SQLITE = ("-wal", "-shm")


@contextmanager
def owned(store: Path) -> Iterator[None]:
    """The lock that makes us the only writer of a store, as its service would have it. Raises `CannotDo`."""
    store.parent.mkdir(parents=True, exist_ok=True)
    with store.with_suffix(".lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotDo(f"{store.stem} runs: stop it first (`doorstep up` ends it with Ctrl-C)") from None
        yield


@contextmanager
def with_room(folder: Path, left: str) -> Iterator[None]:
    """What cannot be written below a folder becomes one line, which ends with what is `left` to do. Raises
    `CannotDo`.
    """
    try:
        yield
    except OSError as fault:
        if fault.errno is None or isinstance(fault, ConnectionError):
            raise  # not about files
        raise CannotDo(f"{folder} cannot be used ({fault.strerror}): {left}") from fault


def arriving(store: Path) -> Path:
    """What a store that is to take its place is called meanwhile."""
    return store.with_suffix(".arriving")


def take_place(store: Path) -> None:
    """Put what has arrived in the place of a store, in one step, on disk when this returns."""
    new = arriving(store)
    sweep(new)
    sweep(store)
    new.replace(store)
    sync(store.parent)


def throw_away(store: Path) -> None:
    """What has arrived is not needed any more."""
    sweep(arriving(store))
    arriving(store).unlink(missing_ok=True)


def sweep(store: Path) -> None:
    """Remove what SQLite leaves beside a store that nobody has open."""
    for suffix in LEFT_BY_SQLITE:
        store.with_name(store.name + suffix).unlink(missing_ok=True)


def copy_file(source: Path, target: Path) -> None:
    """On disk when this returns. Raises `OSError`, about the target as well, and leaves nothing half copied."""
    try:
        with source.open("rb") as content, target.open("wb") as file:
            while chunk := content.read(CHUNK_BYTES):
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        target.unlink(missing_ok=True)
        raise


def sync(path: Path) -> None:
    """What was written to a file, or the names in a folder, are on disk when this returns."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
