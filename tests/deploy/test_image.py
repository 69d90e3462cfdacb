"""The image as it is built from this tree: small rights, nothing to build with, and it says that it lives."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
BASE = "python:3.13-slim"
TAG = "doorstep:test"
LOCKED = ("--read-only", "--cap-drop", "ALL", "--network", "none", "--tmpfs", "/tmp")


def docker(*arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=timeout)


@pytest.fixture(scope="module")
def image() -> str:
    """The image's name. Skips, with the reason, where it cannot be built."""
    if shutil.which("docker") is None or docker("info").returncode != 0:
        pytest.skip("no Docker engine answers")
    if docker("image", "inspect", BASE).returncode != 0 and docker("pull", BASE, timeout=110).returncode != 0:
        pytest.skip(f"the base image {BASE} is neither here nor to be had")
    built = docker("build", "--tag", TAG, ".", timeout=900)
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
    return TAG


@pytest.mark.timeout(1000)
def test_it_runs_as_nobody_on_a_file_system_it_cannot_write(image: str) -> None:
    """Every part starts under the same locks as in the cluster."""
    for command in (
        ["nats-server", "--version"],
        ["doorstep", "--help"],
        ["python", "-m", "deploy.wait", "--help"],
    ):
        done = docker("run", "--rm", *LOCKED, image, *command)
        assert done.returncode == 0, done.stderr
    assert docker("run", "--rm", *LOCKED, image, "id", "-u").stdout.strip() == "10001"


@pytest.mark.timeout(1000)
def test_it_carries_nothing_to_build_with(image: str) -> None:
    """What is not there cannot be used by somebody who got in."""
    said = "import importlib.util as u, sys; sys.exit(any(map(u.find_spec, ('pip', 'pytest', 'mypy', 'hypothesis'))))"
    assert docker("run", "--rm", *LOCKED, image, "python", "-c", said).returncode == 0


@pytest.mark.timeout(1000)
def test_it_says_what_it_is(image: str) -> None:
    """Labels, a user, and a probe for engines that know no other."""
    (found,) = json.loads(docker("image", "inspect", image).stdout)
    config = found["Config"]
    assert config["User"] == "10001:10001"
    assert config["Labels"]["org.opencontainers.image.title"] == "Doorstep"
    assert config["Healthcheck"]["Test"] == ["CMD", "python", "-m", "deploy.health"]
