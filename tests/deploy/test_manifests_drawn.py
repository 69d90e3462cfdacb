"""Who draws secrets in a cluster: a job with just enough rights, for what pods name, or nobody if told so."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from deploy.draw_secrets import DRAWING
from deploy.secrets import PARTS, drawn
from tests.deploy.rendered import (
    NAMES,
    OVERLAYS,
    Manifest,
    manifests,
    objects,
    of_kind,
    pods,
    rendered,
    selects,
)

NAME = "draw-secrets"
RIGHTS = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
API_SERVER_PORTS = {443, 6443, 8443, 16443}
NOT_DRAWN = {
    "small": set[str](),
    "production": {"postgres-ca"},
    "production-external": {
        "postgres-ca",
        *drawn("default", "doorstep", parts=["postgres-owner", "postgres-logins"]),
    },
}
"""What the operator makes of its servers, and what leads to a server of one's own."""
WAITS_FOR_THE_OPERATOR = "migrate"
"""The only file that it mounts is the operator's."""
LOOKED_AT = {"small": 2, "production": 9, "production-external": 2}

every_overlay = pytest.mark.parametrize("overlay", NAMES)


def job(overlay: str) -> Manifest:
    (found,) = (each for each in of_kind(overlay, "Job") if each["metadata"]["name"] == NAME)
    return found


def parts_of_the_job(overlay: str) -> list[str]:
    (container,) = job(overlay)["spec"]["template"]["spec"]["containers"]
    return [part for part in container["command"] if part in PARTS]


def named_secrets(overlay: str) -> set[str]:
    """Those without which a pod does not start."""
    specs = [template["spec"] for _, template in pods(overlay)]
    return {name for spec in specs for name in (*_mounted(spec), *_variables(spec))}


def _mounted(spec: Manifest) -> set[str]:
    projected = [each["projected"]["sources"] for each in spec.get("volumes", ()) if "projected" in each]
    return {each["secret"]["secretName"] for each in spec.get("volumes", ()) if "secret" in each} | {
        source["secret"]["name"] for sources in projected for source in sources
    }


def _variables(spec: Manifest) -> set[str]:
    references = list[Manifest]()
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        references += [source["secretRef"] for source in container.get("envFrom", ())]
        references += [each.get("valueFrom", {}).get("secretKeyRef", {}) for each in container.get("env", ())]
    return {each["name"] for each in references if each and not each.get("optional")}


@every_overlay
def test_what_pods_name_is_drawn(overlay: str) -> None:
    """And no part of which they name nothing: who has no database needs no logins to it."""
    by_part = {part: set(drawn("default", "doorstep", parts=[part])) for part in PARTS}
    wanted = named_secrets(overlay) - NOT_DRAWN[overlay]
    assert named_secrets(overlay) >= NOT_DRAWN[overlay]
    assert wanted <= set().union(*(by_part[part] for part in parts_of_the_job(overlay)))
    assert set(parts_of_the_job(overlay)) == {part for part, names in by_part.items() if names & wanted}


@pytest.mark.parametrize("overlay", [name for name in NAMES if name != "small"])
def test_who_has_a_vault_takes_one_line_out(overlay: str, tmp_path: Path) -> None:
    """The one that names the component: then nobody draws, and no account has any right."""
    shutil.copytree(OVERLAYS.parents[1], tmp_path / "deploy", ignore=shutil.ignore_patterns("secrets.d"))
    overlays = tmp_path / "deploy" / "kubernetes" / "overlays"
    file = overlays / "production" / "kustomization.yaml"
    before = file.read_text()
    line = "components: [../../drawn-secrets-and-logins]\n"
    file.write_text(before.replace(line, ""))
    assert line in before
    found = {(each["kind"], each["metadata"]["name"]) for each in objects(rendered(overlays / overlay))}
    delivered = {(each["kind"], each["metadata"]["name"]) for each in manifests(overlay)}
    assert {name for _, name in delivered - found} == {NAME}
    assert not {kind for kind, _ in found} & set(RIGHTS)


@every_overlay
def test_a_secret_of_variables_is_there_before_its_pod_has_its_files(overlay: str) -> None:
    """A kubelet that misses a file looks again within a second, one that misses a variable after ten."""
    made = list(drawn("default", "doorstep", parts=parts_of_the_job(overlay)))
    looked_at = 0
    for name, template in pods(overlay):
        files = _mounted(template["spec"]) & set(made)
        for secret in _variables(template["spec"]) & set(made):
            assert name == WAITS_FOR_THE_OPERATOR or made.index(secret) < max(map(made.index, files)), (
                name,
                secret,
            )
            looked_at += 1
    assert looked_at == LOOKED_AT[overlay], "NATS servers' public keys, orders' channels, logins"


@every_overlay
def test_one_account_has_rights_and_few(overlay: str) -> None:
    """To make Secrets, and to read and take away the one of its draws."""
    (role, binding) = of_kind(overlay, *RIGHTS)
    assert (role["kind"], binding["kind"]) == ("Role", "RoleBinding")
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "delete"], "resourceNames": [DRAWING]},
    ]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": NAME, "namespace": "doorstep"}]
    users = {name for name, template in pods(overlay) if template["spec"]["serviceAccountName"] == NAME}
    assert users == {NAME}


@every_overlay
def test_it_alone_reaches_the_api_server(overlay: str) -> None:
    """By its ports, as its address is another in every cluster; no other pod is chosen by that rule."""
    (rule,) = (each["spec"] for each in of_kind(overlay, "NetworkPolicy") if each["metadata"]["name"] == NAME)
    (egress,) = rule["egress"]
    assert {port["port"] for port in egress["ports"]} == API_SERVER_PORTS
    assert {
        name for name, template in pods(overlay) if selects(rule["podSelector"]["matchLabels"], template)
    } == {NAME}


@every_overlay
def test_an_overlay_of_another_namespace_binds_its_own_account(overlay: str, tmp_path: Path) -> None:
    """The subject of a binding has the namespace in itself."""
    made = tmp_path / "overlay"
    made.mkdir()
    base = Path("/".join([".."] * len(made.parts[1:]))) / (OVERLAYS / overlay).relative_to("/")
    (made / "kustomization.yaml").write_text(f"namespace: shop\nresources: [{base}]\n")
    (binding,) = (each for each in objects(rendered(made)) if each["kind"] == "RoleBinding")
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": NAME, "namespace": "shop"}]
