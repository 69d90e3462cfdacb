"""What pods ask of a node: enough to run, little enough to be let in, and jobs before those who wait for them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.deploy.rendered import NAMES, ON_POSTGRES, Manifest, asked, containers, of_kind

every_overlay = pytest.mark.parametrize("overlay", NAMES)
DOCUMENT = Path(__file__).parents[2] / "docs" / "deploy.md"
WORKLOADS = ("Deployment", "StatefulSet", "Job")


@every_overlay
def test_every_container_says_what_it_needs(overlay: str) -> None:
    """Requests for the scheduler, limits for the neighbours."""
    for name, container in containers(overlay):
        for bound in ("requests", "limits"):
            assert container["resources"][bound].keys() == {"cpu", "memory"}, name


def test_a_small_node_has_room() -> None:
    """Two processors, of which a cluster's own parts ask for nearly one, and four gibibytes."""
    pods = [pod for each in of_kind("small", *WORKLOADS) for pod in _replicas_of(each)]
    assert sum(asked(pod)[0] for pod in pods) <= 1000
    assert sum(asked(pod)[1] for pod in pods) <= 3 * 1024


@pytest.mark.parametrize("overlay", ON_POSTGRES)
def test_production_fits_on_one_node_without_its_database(overlay: str) -> None:
    """Four processors, of which a cluster's own parts ask for one and a half at most, and eight gibibytes; also while
    a release comes, when each service has one process more.
    """
    pods = [pod for each in of_kind(overlay, *WORKLOADS) for pod in _replicas_of(each)]
    pods += [each["spec"]["template"] for each in of_kind(overlay, "Deployment") if _comes_before(each)]
    assert sum(asked(pod)[0] for pod in pods) <= 2600
    assert sum(asked(pod)[1] for pod in pods) <= 6.5 * 1024


def test_the_document_says_what_is_asked() -> None:
    """Whoever orders a node reads it there first."""
    said = re.search(
        r"for ([\d.]+) processors and ([\d.]+) GiB \(`small`\), or ([\d.]+) and ([\d.]+)",
        DOCUMENT.read_text(),
    )
    assert said
    found = []
    for overlay in ("small", "production"):
        pods = [asked(pod) for each in of_kind(overlay, *WORKLOADS) for pod in _replicas_of(each)]
        found += [sum(cpu for cpu, _ in pods) / 1000, sum(mebibytes for _, mebibytes in pods) / 1024]
    assert [float(figure) for figure in said.groups()] == [round(figure, 1) for figure in found]


def _comes_before(each: Manifest) -> bool:
    strategy = each["spec"].get("strategy", {})
    return bool(strategy.get("rollingUpdate", {}).get("maxSurge"))


@every_overlay
def test_jobs_do_not_wait_for_those_who_wait_for_them(overlay: str) -> None:
    """Where processors are scarce, they are given out by what was asked for."""
    jobs = [asked(each["spec"]["template"])[0] for each in of_kind(overlay, "Job")]
    assert min(jobs) >= max(asked(each["spec"]["template"])[0] for each in of_kind(overlay, "Deployment"))


@every_overlay
def test_what_deploys_by_itself_makes_jobs_again(overlay: str) -> None:
    """Argo CD as hooks, so that one that is gone is no difference to what is wanted; Flux by force."""
    for each in of_kind(overlay, "Job"):
        assert each["metadata"]["annotations"] == {
            "argocd.argoproj.io/hook": "Sync",
            "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation",
            "kustomize.toolkit.fluxcd.io/force": "enabled",
        }, each["metadata"]["name"]


@every_overlay
def test_jobs_are_gone_when_the_next_release_comes(overlay: str) -> None:
    """A job cannot be changed: one that is still there with another image would stop `apply`, and run no migration."""
    for each in of_kind(overlay, "Job"):
        assert each["spec"]["ttlSecondsAfterFinished"] <= 300, each["metadata"]["name"]


def _replicas_of(each: Manifest) -> list[Manifest]:
    return [each["spec"]["template"]] * int(each["spec"].get("replicas", 1))
