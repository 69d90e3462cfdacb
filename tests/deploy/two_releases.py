"""Two releases side by side, and a system whose services each run from either: what a rolling upgrade has to do with.

The one before is a commit (`DOORSTEP_UPGRADE_FROM`, the last one if not said), as it is in the repository. The next one
is the present tree, whose orders service says more than before: an optional field in an event that others read.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from contracts.parking import SERVICES
from tests.ops.running import REPOSITORY

FROM = os.environ.get("DOORSTEP_UPGRADE_FROM", "HEAD")
PACKAGES = ("chassis", "contracts", "ops", "services")
SAYS_MORE = "released_by"
"""The new field."""
CHANGES = {
    "contracts/orders.py": (
        "    recipient: Recipient\n    lines: tuple[ReleasedLine, ...]\n",
        f'    recipient: Recipient\n    lines: tuple[ReleasedLine, ...]\n    {SAYS_MORE}: str = ""\n',
    ),
    "services/orders/domain/next_step.py": (
        "return OrderReleased(\n",
        f'return OrderReleased(\n        {SAYS_MORE}="the next release",\n',
    ),
}
LAUNCHER = """
import os
import sys
from pathlib import Path

if "-m" in sys.orig_argv:
    module = sys.orig_argv[sys.orig_argv.index("-m") + 1]
    trees = Path(__file__).parent / "trees"
    tree = trees / module if (trees / module).exists() else trees / "others"
    sys.path.insert(0, str(tree.resolve()))
    (trees / f"{os.getpid()}.from").write_text(tree.resolve().name)
"""
"""Run by each Python process at its start: its whole code is from one tree, whatever happens to the link later."""


class Release(StrEnum):
    """Which of the two."""

    BEFORE = "before"
    NEXT = "next"


@dataclass(frozen=True)
class Releases:
    """Both trees in a folder, and a link for each service to the one it runs from."""

    folder: Path

    def make(self) -> None:
        """Lay both out, and let everything run from the one before but what is no service."""
        archive = subprocess.run(
            ["git", "archive", FROM, *PACKAGES], cwd=REPOSITORY, capture_output=True, check=True
        ).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(self.folder / Release.BEFORE, filter="data")
        for package in PACKAGES:
            shutil.copytree(REPOSITORY / package, self.folder / Release.NEXT / package)
        for name, (was, becomes) in CHANGES.items():
            file = self.folder / Release.NEXT / name
            text = file.read_text()
            assert text.count(was) == 1, f"{name} is not what this test changes any more"
            file.write_text(text.replace(was, becomes))
        (self.folder / "nowhere").mkdir()
        (self.folder / "trees").mkdir()
        (self.folder / "sitecustomize.py").write_text(LAUNCHER)
        (self.folder / "trees" / "others").symlink_to(self.folder / Release.NEXT)
        for service in SERVICES:
            self.choose(service, Release.BEFORE)

    def choose(self, service: str, release: Release) -> None:
        """From its next start on, a service runs from this one."""
        link = self.folder / "trees" / f"services.{service}"
        link.unlink(missing_ok=True)
        link.symlink_to(self.folder / release)

    def of(self, pid: int) -> Release:
        """The one that a process was started from."""
        return Release((self.folder / "trees" / f"{pid}.from").read_text())

    @property
    def environment(self) -> dict[str, str]:
        """For whoever starts a system of these releases, in the folder `nowhere`."""
        return {"PYTHONPATH": str(self.folder), "DOORSTEP_CONFIG": str(REPOSITORY / "doorstep.toml")}


def is_a_repository() -> bool:
    """Whether the commit to upgrade from can be had."""
    known = subprocess.run(["git", "cat-file", "-e", FROM], cwd=REPOSITORY, capture_output=True, check=False)
    return known.returncode == 0
