"""The whole system under compose, from a copy of `deploy/` with secrets of its own; skips where there is no engine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chassis.settings import SERVICE_PORTS
from tests.conftest import eventually
from tests.story.shop import ask

ROOT = Path(__file__).parents[2]
IMAGES = ("doorstep:0.1.0", os.environ.get("POSTGRES_IMAGE", "postgres:17.6"))
PROJECT = "doorstep-test"
PORTS = {name: 8080 + offset for name, offset in SERVICE_PORTS.items()}
READY_WITHIN_SECONDS = 120.0


class Composed:
    """A running system, and what somebody with its folder of secrets can do."""

    def __init__(self, command: tuple[str, ...], folder: Path) -> None:
        self.secrets = folder / "secrets.d"
        self._command = (*command, "--project-name", PROJECT, "--file", str(folder / "compose.yaml"))

    @property
    def credentials(self) -> dict[str, str]:
        """The header of somebody who has the system's password."""
        return {"Authorization": f"Bearer {(self.secrets / 'access' / 'password').read_text()}"}

    def secret(self, channel: str) -> str:
        """With which a channel signs."""
        drawn = (self.secrets / "channels.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in drawn)[f"DOORSTEP_CHANNELS__{channel.upper()}__SECRET"]

    def call(self, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
        """A compose command, however it ends."""
        command = [*self._command, *arguments]
        return subprocess.run(command, capture_output=True, text=True, input=said, timeout=300)

    def run(self, *arguments: str, said: str = "") -> str:
        """A compose command that must succeed; what it printed."""
        done = self.call(*arguments, said=said)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    def doorstep(self, *arguments: str, said: str = "") -> str:
        """A command, where compose has a place for them; it reads `said`."""
        return self.run("run", "--rm", "--no-TTY", "tools", "doorstep", *arguments, said=said)

    def pid(self, service: str) -> int:
        """The container's process, as the host sees it."""
        (container,) = self.run("ps", "--quiet", service).split()
        return int(docker("inspect", "--format", "{{.State.Pid}}", container))

    def is_ready(self) -> bool:
        """Whether all five are."""
        return all(_is_ready(port) for port in PORTS.values())


def _is_ready(port: int) -> bool:
    try:
        return ask(f"http://127.0.0.1:{port}/readyz").status == 200
    except OSError:
        return False


def docker(*arguments: str) -> str:
    """A docker command that must succeed; what it printed."""
    return subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, check=True, timeout=60
    ).stdout


def compose_command() -> tuple[str, ...]:
    """How compose v2 is called here. Skips where there is none, or no engine, or an image is missing."""
    if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode:
        pytest.skip("no Docker engine answers")
    for image in IMAGES:
        if subprocess.run(["docker", "image", "inspect", image], capture_output=True).returncode:
            pytest.skip(f"the image {image} is not here")
    for command in (("docker", "compose"), ("docker-compose",)):
        said = subprocess.run([*command, "version", "--short"], capture_output=True, text=True)
        if said.returncode == 0 and said.stdout.strip().lstrip("v").startswith("2."):
            return command
    pytest.skip("no compose v2")


@contextmanager
def composed_system(folder: Path) -> Iterator[Composed]:
    """From an empty machine to all five ready; nothing is left of it afterwards."""
    command = compose_command()
    shutil.copytree(ROOT / "deploy", folder, ignore=shutil.ignore_patterns("secrets.d", "__pycache__"))
    drawing = [sys.executable, "-m", "deploy.secrets", "--folder", str(folder / "secrets.d")]
    subprocess.run(drawing, check=True, cwd=ROOT, timeout=60)
    system = Composed(command, folder)
    try:
        system.run("up", "--detach")
        eventually(system.is_ready, READY_WITHIN_SECONDS, "all five are ready")
        yield system
    finally:
        system.run("down", "--volumes", "--timeout", "5")
