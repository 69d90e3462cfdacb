"""The image as it is built from this tree: small rights, nothing to build with, and it says that it lives."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.test_sbom import require_cyclonedx

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
BASE = "python:3.13-slim"
TAG = "doorstep:test"
OURS_BYTES_MAX = 120_000_000
"""What may stand on the base image: with the official slim Python below it, under 250 MB."""
DRAWS_DOCUMENTS = """
from datetime import UTC, datetime
from pathlib import Path
from contracts.billing import InvoiceIssued
from services.billing.documents.invoice import render_invoice
from services.shipping.documents.label import ShippingLabel
from services.shipping.documents.pdf import pdf
golden = Path("contracts/golden/billing.InvoiceIssued.v1/complete.json").read_bytes()
assert render_invoice(InvoiceIssued.model_validate_json(golden)).startswith(b"%PDF-")
at = datetime(2026, 11, 21, tzinfo=UTC)
label = ShippingLabel("doorstep", "DS000000014DE", "Berlin", ("Łódź 東京",), "PL", "shop:1", "shop:1-p1", 1, 1, 500, at)
assert pdf(label).startswith(b"%PDF-")
"""
COMPILED = """
import sys
from pathlib import Path
import services.billing.wiring
looked_for = [getattr(module, "__cached__", None) for module in list(sys.modules.values())]
assert [path for path in looked_for if path and not Path(path).exists()] == []
"""
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
    installers = ("find", "/usr", "/opt", "-name", "pip", "-o", "-name", "pip3", "-o", "-name", "ensurepip")
    assert docker("run", "--rm", *LOCKED, image, *installers).stdout == ""


@pytest.mark.timeout(1000)
def test_it_says_what_it_is(image: str) -> None:
    """Labels, a user, and a probe for engines that know no other."""
    (found,) = json.loads(docker("image", "inspect", image).stdout)
    config = found["Config"]
    assert config["User"] == "10001:10001"
    said = {name.removeprefix("org.opencontainers.image."): text for name, text in config["Labels"].items()}
    assert (said["title"], said["licenses"], said["base.name"]) == ("Doorstep", "Apache-2.0", BASE)
    assert said.keys() >= {"description", "version", "revision", "created", "source"}
    assert config["Healthcheck"]["Test"] == ["CMD", "python", "-m", "deploy.health"]


@pytest.mark.timeout(1000)
def test_it_draws_invoices_and_labels(image: str) -> None:
    """What was taken out of its packages is not missed."""
    done = docker("run", "--rm", *LOCKED, image, "python", "-c", DRAWS_DOCUMENTS)
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(1000)
def test_a_service_starts_from_bytecode(image: str) -> None:
    """Also of Python's own library: nothing can be written in the container, so it would be compiled at each start."""
    done = docker("run", "--rm", *LOCKED, image, "python", "-c", COMPILED)
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(1000)
def test_it_is_small(image: str) -> None:
    """Every node that runs a service downloads it."""
    ours, base = (json.loads(docker("image", "inspect", name).stdout)[0]["Size"] for name in (image, BASE))
    assert ours - base < OURS_BYTES_MAX


@pytest.mark.timeout(1000)
def test_it_says_what_it_is_made_of(image: str) -> None:
    """Every package that dpkg has installed, every Python package that we pinned and left in, and valid CycloneDX."""
    done = docker("run", "--rm", *LOCKED, image, "python", "-m", "deploy.sbom", "--version", "0.1.0")
    assert done.returncode == 0, done.stderr
    require_cyclonedx(done.stdout)
    listed = json.loads(done.stdout)["components"]
    named = {each["purl"].partition("?")[0]: each["name"] for each in listed if "purl" in each}
    asked = docker("run", "--rm", *LOCKED, image, "dpkg-query", "--show", "--showformat", "${Package} ")
    debian = {name for purl, name in named.items() if purl.startswith("pkg:deb/")}
    assert debian == set(asked.stdout.split())
    pinned = re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    missing = {name for name, version in pinned if f"pkg:pypi/{name}@{version}" not in named}
    assert missing <= {"rich", "pygments", "markdown-it-py", "mdurl"}
    assert "pkg:golang/github.com/nats-io/nats-server/v2@v2.15.1" in named
