"""Who draws secrets in a cluster: in `small` a job with just enough rights, for what its pods name, else nobody."""

from __future__ import annotations

from pathlib import Path

from deploy.draw_secrets import DRAWING
from deploy.secrets import PARTS, drawn
from tests.deploy.rendered import OVERLAYS, Manifest, objects, of_kind, pods, rendered, selects

NAME = "draw-secrets"
RIGHTS = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
API_SERVER_PORTS = {443, 6443, 8443, 16443}


def job() -> Manifest:
    (found,) = (each for each in of_kind("small", "Job") if each["metadata"]["name"] == NAME)
    return found


def parts_of_the_job() -> set[str]:
    (container,) = job()["spec"]["template"]["spec"]["containers"]
    return set(container["command"]) & set(PARTS)


def named_secrets(overlay: str) -> set[str]:
    """Those without which a pod does not start."""
    specs = [template["spec"] for _, template in pods(overlay)]
    return {name for spec in specs for name in (*_mounted(spec), *_variables(spec))}


def _mounted(spec: Manifest) -> set[str]:
    return {each["secret"]["secretName"] for each in spec.get("volumes", ()) if "secret" in each}


def _variables(spec: Manifest) -> set[str]:
    references = list[Manifest]()
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        references += [source["secretRef"] for source in container.get("envFrom", ())]
        references += [each.get("valueFrom", {}).get("secretKeyRef", {}) for each in container.get("env", ())]
    return {each["name"] for each in references if each and not each.get("optional")}


def over(folder: Path, overlay: str, line: str) -> Path:
    """An overlay on one of ours, with this line. `ROOT` in it is `deploy/kubernetes`."""
    made = folder / "overlay"
    made.mkdir()
    root = Path("/".join([".."] * len(made.parts[1:]))) / OVERLAYS.parent.relative_to("/")
    text = f"resources: [ROOT/overlays/{overlay}]\n{line}\n".replace("ROOT", str(root))
    (made / "kustomization.yaml").write_text(text)
    return made


def test_what_pods_of_small_name_is_drawn_there() -> None:
    """And no part of which they name nothing: who has no database needs no logins to it."""
    by_part = {part: set(drawn("default", "doorstep", parts=[part])) for part in PARTS}
    needed = named_secrets("small")
    assert needed <= set().union(*(by_part[part] for part in parts_of_the_job()))
    assert parts_of_the_job() == {part for part, names in by_part.items() if names & needed}


def test_one_line_more_draws_all_that_production_names(tmp_path: Path) -> None:
    """What is missing is the operator's own: the authority of its servers."""
    found = objects(rendered(over(tmp_path, "production", "components: [ROOT/drawn-secrets-and-logins]")))
    (job,) = (each for each in found if each["kind"] == "Job" and each["metadata"]["name"] == NAME)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    parts = [part for part in container["command"] if part in PARTS]
    made = drawn("default", "doorstep", parts=parts)
    assert named_secrets("production") - made.keys() == {"postgres-ca"}
    assert {each["kind"] for each in found} >= {"Role", "RoleBinding"}


def test_a_secret_of_variables_is_there_before_its_pod_has_its_files() -> None:
    """A kubelet that misses a file looks again within a second, one that misses a variable after ten."""
    (container,) = job()["spec"]["template"]["spec"]["containers"]
    made = list(drawn("default", "doorstep", parts=[part for part in container["command"] if part in PARTS]))
    looked_at = 0
    for name, template in pods("small"):
        last_file = max((made.index(secret) for secret in _mounted(template["spec"])), default=-1)
        for secret in _variables(template["spec"]):
            assert made.index(secret) < last_file, (name, secret)
            looked_at += 1
    assert looked_at == 2, "the public keys of the NATS servers, the channels' secrets of orders"


def test_one_account_has_rights_and_few() -> None:
    """To make Secrets, and to read and take away the one of its draws; in production no account has any."""
    assert of_kind("production", *RIGHTS) == []
    (role, binding) = of_kind("small", *RIGHTS)
    assert (role["kind"], binding["kind"]) == ("Role", "RoleBinding")
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "delete"], "resourceNames": [DRAWING]},
    ]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": NAME, "namespace": "doorstep"}]
    users = {name for name, template in pods("small") if template["spec"]["serviceAccountName"] == NAME}
    assert users == {NAME}


def test_it_alone_reaches_the_api_server() -> None:
    """By its ports, as its address is another in every cluster; no other pod is chosen by that rule."""
    (rule,) = (each["spec"] for each in of_kind("small", "NetworkPolicy") if each["metadata"]["name"] == NAME)
    (egress,) = rule["egress"]
    assert {port["port"] for port in egress["ports"]} == API_SERVER_PORTS
    assert {
        name for name, template in pods("small") if selects(rule["podSelector"]["matchLabels"], template)
    } == {NAME}


def test_an_overlay_of_another_namespace_binds_its_own_account(tmp_path: Path) -> None:
    """The subject of a binding has the namespace in itself."""
    found = objects(rendered(over(tmp_path, "small", "namespace: shop")))
    (binding,) = (each for each in found if each["kind"] == "RoleBinding")
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": NAME, "namespace": "shop"}]
