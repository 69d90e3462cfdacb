"""The overlay of docs/deploy.md for a shop that lost everything: all of an overlay, and no service yet."""

from __future__ import annotations

import re
import shutil
from copy import deepcopy
from pathlib import Path

import pytest

from contracts.parking import SERVICES
from tests.deploy.rendered import NAMES, OVERLAYS, manifests, objects, rendered

DOCUMENT = Path(__file__).parents[2] / "docs" / "deploy.md"
FIRST = re.compile(
    r"^```yaml\nnamespace: doorstep\nresources: \[\.\./production\].*?^```", re.DOTALL | re.MULTILINE
)
PATCH = re.compile(r"^```yaml\npatches:\n.*?--channels-from.*?^```", re.DOTALL | re.MULTILINE)


def block(pattern: re.Pattern[str]) -> str:
    """What stands in the document, once."""
    (found,) = pattern.findall(DOCUMENT.read_text())
    return found.removeprefix("```yaml\n").removesuffix("```")


@pytest.mark.parametrize("overlay", NAMES)
def test_everything_is_there_but_no_service_runs(overlay: str, tmp_path: Path) -> None:
    """Beside that only the stream of the channels may begin elsewhere."""
    shutil.copytree(OVERLAYS.parents[1], tmp_path / "deploy", ignore=shutil.ignore_patterns("secrets.d"))
    folder = tmp_path / "deploy" / "kubernetes" / "overlays" / "restore"
    folder.mkdir()
    text = block(FIRST).replace("../production", f"../{overlay}") + block(PATCH)
    (folder / "kustomization.yaml").write_text(text)
    found = {(each["kind"], each["metadata"]["name"]): each for each in objects(rendered(folder))}
    wanted = {(each["kind"], each["metadata"]["name"]): each for each in deepcopy(manifests(overlay))}
    assert found.keys() == wanted.keys()
    for service in SERVICES:
        assert found["Deployment", service]["spec"].pop("replicas") == 0
        wanted["Deployment", service]["spec"].pop("replicas", None)
    (job,) = found["Job", "bootstrap"]["spec"]["template"]["spec"]["containers"]
    assert job["command"][-2:] == ["--channels-from", "2"]
    del job["command"][-2:]
    assert found == wanted
