"""Small files that are there whole or not at all, whatever ends the process or the machine while they are written.

They are for the account that runs the system alone.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Put it there, in the place of what was. On disk when this returns."""
    with _written_beside(path, content) as arriving:
        arriving.replace(path)


def draw_once(path: Path, content: bytes) -> bytes:
    """Put a secret there, if there is none yet; returns that which is there: the first one's."""
    with _written_beside(path, content) as arriving:
        try:
            path.hardlink_to(arriving)
        except FileExistsError:
            return path.read_bytes()
    return content


@contextmanager
def _written_beside(path: Path, content: bytes) -> Iterator[Path]:
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    arriving = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(number)
        yield arriving
    finally:
        arriving.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
