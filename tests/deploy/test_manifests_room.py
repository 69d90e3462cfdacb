"""What pods ask of a node: enough to run, little enough to be let in, and jobs before those who wait for them."""

from __future__ import annotations

import pytest

from tests.deploy.rendered import NAMES, Manifest, asked, containers, of_kind

every_overlay = pytest.mark.parametrize("overlay", NAMES)
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


@every_overlay
def test_jobs_do_not_wait_for_those_who_wait_for_them(overlay: str) -> None:
    """Where processors are scarce, they are given out by what was asked for."""
    jobs = [asked(each["spec"]["template"])[0] for each in of_kind(overlay, "Job")]
    assert min(jobs) >= max(asked(each["spec"]["template"])[0] for each in of_kind(overlay, "Deployment"))


def _replicas_of(each: Manifest) -> list[Manifest]:
    return [each["spec"]["template"]] * int(each["spec"].get("replicas", 1))
