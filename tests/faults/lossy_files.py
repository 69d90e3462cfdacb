"""A disk that forgets at a power cut whatever was not synced: mounted on a folder, served by a process of its own.

    with lossy_disk(folder) as disk:
        ...                          # programs work in the folder, and are killed
        lost = disk.power_cut()      # nothing of theirs may run any more

The process reads commands, a line each: `cut`, `cut SEED` (some un-synced pages are kept, by chance), and at the end of
its input it unmounts. So it goes when the test goes, however that ends.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from tests.conftest import eventually
from tests.faults import fuse_kernel
from tests.faults.forgetful import ForgetfulFiles

FREE_WITHIN_SECONDS = 20.0
"""How long the killed programs may take to let go of their files."""
REPOSITORY = Path(__file__).resolve().parents[2]


@cache
def why_not() -> str:
    """Why this machine cannot have such a disk; empty where it can."""
    if os.geteuid() != 0:
        return "only root may mount"
    with tempfile.TemporaryDirectory() as folder:
        try:
            channel = fuse_kernel.mount(Path(folder))
        except OSError as refused:
            return f"no FUSE here: {refused.strerror}"
        fuse_kernel.unmount(Path(folder), detached=True)
        os.close(channel)
    return ""


@dataclass
class LossyDisk:
    """The mounted folder, and the switch."""

    folder: Path
    process: subprocess.Popen[str]

    def power_cut(self, torn_by: int | None = None) -> int:
        """Forget what was not synced, all of it or (with a seed) most. Returns how many bytes and names that were.

        Everything that has a file open there must be dead, as it would be.
        """
        command = "cut" if torn_by is None else f"cut {torn_by}"
        return int(
            eventually(lambda: self._said(command), FREE_WITHIN_SECONDS, "nobody uses the disk")["lost"]
        )

    def _said(self, command: str) -> dict[str, int] | None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "the disk's process has ended"
        said: dict[str, int] = json.loads(answer)
        return said if "lost" in said else None


@contextmanager
def lossy_disk(folder: Path) -> Iterator[LossyDisk]:
    """Such a disk on a folder, empty at first; afterwards it is gone with all that was on it."""
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.lossy_files", str(folder)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline(), f"nothing could be mounted on {folder}"
        yield LossyDisk(folder, process)
    finally:
        process.communicate(timeout=FREE_WITHIN_SECONDS)


def serve(point: Path) -> None:
    """Mount, do what the lines of the standard input say, unmount."""
    files = ForgetfulFiles()
    channel, server = _mounted(files, point)
    print(json.dumps({"mounted": str(point)}), flush=True)
    for line in sys.stdin:
        _, *seed = line.split()
        try:
            fuse_kernel.unmount(point)
        except OSError as busy:
            if busy.errno != errno.EBUSY:
                raise
            print(json.dumps({"busy": str(point)}), flush=True)
            continue
        server.join()
        os.close(channel)
        lost = files.power_cut(Random(seed[0]) if seed else None)
        channel, server = _mounted(files, point)
        print(json.dumps({"lost": lost}), flush=True)
    fuse_kernel.unmount(point, detached=True)
    os._exit(0)  # the other thread waits for a kernel that may still have somebody's files open


def _mounted(files: ForgetfulFiles, point: Path) -> tuple[int, threading.Thread]:
    channel = fuse_kernel.mount(point)
    server = threading.Thread(target=fuse_kernel.Kernel(files, channel).serve, daemon=True)
    server.start()
    return channel, server


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
