"""A disk that can be full: a tmpfs of a few megabytes, with a file of no use that takes up what is left."""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

BLOCK = bytes(4096)
FILLER = "filler"


@dataclass(frozen=True)
class SmallDisk:
    """One, mounted on a folder."""

    folder: Path

    def fill(self) -> int:
        """Use every byte that is left, and return how many that were."""
        filled = 0
        handle = os.open(self.folder / FILLER, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            while True:
                filled += os.write(handle, BLOCK)
        except OSError as full:
            if full.errno != errno.ENOSPC:
                raise
            return filled
        finally:
            os.close(handle)

    def make_room(self) -> None:
        """Take the file of no use away."""
        (self.folder / FILLER).unlink()


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Such a disk; afterwards it is gone with all that was on it."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=True)
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@cache
def why_not() -> str:
    """Why this machine cannot have such a disk; empty where it can."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with small_disk(Path(folder), 1):
                return ""
        except (subprocess.CalledProcessError, FileNotFoundError) as refused:
            return f"no tmpfs can be mounted here: {refused}"
