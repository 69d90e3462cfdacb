"""What a cluster is told to run: valid for every supported version, and locked down everywhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from chassis.access_settings import Access
from chassis.service import DRAIN_SECONDS
from chassis.settings import SERVICE_PORTS
from deploy.database import POSTGRES_AUTHORITY
from deploy.secrets import drawn
from tests.deploy.rendered import (
    NAMES,
    ON_POSTGRES,
    Manifest,
    containers,
    manifests,
    of_kind,
    pods,
    selects,
    text_of,
)

VERSIONS = ("1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37")
READ_BY_ALL, READ_BY_GROUP = 0o644, 0o440
MADE_BY_OPERATORS = {"postgres-ca": {"ca.crt": ""}}
LONG_RUNNING = ("Deployment", "StatefulSet")

every_overlay = pytest.mark.parametrize("overlay", NAMES)
on_postgres = pytest.mark.parametrize("overlay", ON_POSTGRES)


@pytest.mark.long
@every_overlay
@pytest.mark.parametrize("version", VERSIONS)
def test_the_schemas_accept_everything(overlay: str, version: str, tmp_path: Path) -> None:
    """Strictly: a field that the version does not know is a mistake, not decoration."""
    assert _faults(overlay, version, tmp_path) == ""


def _faults(overlay: str, version: str, folder: Path) -> str:
    validate = shutil.which("kubernetes-validate", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if validate is None:
        pytest.skip("kubernetes-validate is missing: pip install kubernetes-validate==1.37.0")
    file = folder / "all.yaml"
    file.write_text(text_of(overlay))
    done = subprocess.run(
        [validate, "-k", version, "--strict", str(file)], capture_output=True, text=True, timeout=110
    )
    lines = (done.stdout + done.stderr).splitlines()
    unknown = [line for line in lines if "Couldn't find schema" in line and "kind Cluster" not in line]
    return "\n".join(unknown) if done.returncode == 0 else "\n".join(lines)


def running(overlay: str) -> list[Manifest]:
    """What runs for long; the tools do only while somebody uses them."""
    return [each for each in of_kind(overlay, *LONG_RUNNING) if each["spec"]["replicas"]]


@every_overlay
def test_every_container_is_locked(overlay: str) -> None:
    """What Pod Security calls restricted, and a root file system that nobody writes to."""
    for name, container in containers(overlay):
        said = container["securityContext"]
        assert said["readOnlyRootFilesystem"] is True, name
        assert said["allowPrivilegeEscalation"] is False, name
        assert said["capabilities"] == {"drop": ["ALL"]}, name


@every_overlay
def test_every_pod_is_nobody_in_particular(overlay: str) -> None:
    """A fixed user without rights, the default system call filter; a token is with who draws secrets alone."""
    for name, template in pods(overlay):
        spec = template["spec"]
        assert spec["automountServiceAccountToken"] is (name == "draw-secrets"), name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] == 10001, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not any("hostPath" in volume for volume in spec.get("volumes", ())), name
    accounts = {each["metadata"]["name"]: each for each in of_kind(overlay, "ServiceAccount")}
    assert {template["spec"]["serviceAccountName"] for _, template in pods(overlay)} <= accounts.keys()
    assert all(each["automountServiceAccountToken"] is False for each in accounts.values())


@every_overlay
def test_a_secret_can_be_read_by_its_pod_and_by_no_other_user(overlay: str) -> None:
    """Files of a Secret are root's: its group reads them where the pod has given it one, as everybody may do else."""
    looked_at = 0
    for name, template in pods(overlay):
        spec = template["spec"]
        for volume in spec.get("volumes", ()):
            mode = volume.get("secret", volume.get("projected", {})).get("defaultMode", READ_BY_ALL)
            if mode != READ_BY_ALL:
                assert (mode, spec["securityContext"].get("fsGroup")) == (READ_BY_GROUP, 10001), name
                looked_at += 1
    assert looked_at > 10


@every_overlay
def test_what_runs_for_long_is_looked_at(overlay: str) -> None:
    """Three probes, and an end that leaves time for the drain."""
    for each in running(overlay):
        spec = each["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys(), each["metadata"][
            "name"
        ]
        alone = each["kind"] == "StatefulSet" and each["spec"]["replicas"] == 1
        assert alone != ("preStop" in container.get("lifecycle", ())), each["metadata"]["name"]
        if spec["serviceAccountName"] in SERVICE_PORTS:
            before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
            assert spec["terminationGracePeriodSeconds"] > before + DRAIN_SECONDS + DRAIN_SECONDS / 2
            assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
            assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


@every_overlay
def test_every_service_leads_somewhere(overlay: str) -> None:
    """A Service selects the pods of one workload, and names a port that they have."""
    workloads = of_kind(overlay, *LONG_RUNNING)
    for service in of_kind(overlay, "Service"):
        name = service["metadata"]["name"]
        chosen = [
            each for each in workloads if selects(service["spec"]["selector"], each["spec"]["template"])
        ]
        assert len(chosen) == 1, name
        ports = {port["name"] for port in chosen[0]["spec"]["template"]["spec"]["containers"][0]["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports, name


@every_overlay
def test_services_listen_where_their_settings_say(overlay: str) -> None:
    for each in of_kind(overlay, "Deployment"):
        name = each["metadata"]["name"]
        if name in SERVICE_PORTS:
            (port,) = each["spec"]["template"]["spec"]["containers"][0]["ports"]
            assert port["containerPort"] == 8080 + SERVICE_PORTS[name]


@every_overlay
def test_every_image_has_a_version(overlay: str) -> None:
    """Neither `latest` nor nothing: what ran yesterday can be run again."""
    for name, container in containers(overlay):
        assert re.fullmatch(r"[\w./:-]+:(?!latest$)[\w.-]+|.+@sha256:[0-9a-f]{64}", container["image"]), name


@every_overlay
def test_nobody_speaks_unless_allowed(overlay: str) -> None:
    """The rule that chooses every pod allows nothing; services may not reach the world, but for three."""
    rules = {each["metadata"]["name"]: each["spec"] for each in of_kind(overlay, "NetworkPolicy")}
    assert rules["nobody"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert rules["names"]["egress"][0]["to"][1:] == [
        {"ipBlock": {"cidr": "169.254.0.0/16", "except": ["169.254.169.254/32"]}}
    ]
    outward = {name for name, rule in rules.items() if "ipBlock" in str(rule.get("egress"))} - {"names"}
    assert outward == {"to-providers", "to-mail-server"}
    to_any_443 = {
        name
        for name, rule in rules.items()
        for each in rule.get("egress", ())
        if "to" not in each and 443 in {port["port"] for port in each["ports"]}
    }
    assert to_any_443 == {"draw-secrets"} | ({"postgres"} if overlay == "production" else set())
    for name in outward:
        (egress,) = rules[name]["egress"]
        four, six = (to["ipBlock"] for to in egress["to"])
        assert {"169.254.0.0/16", "10.0.0.0/8"} <= set(four["except"])
        assert (six["cidr"], set(six["except"])) == ("::/0", {"fc00::/7", "fe80::/10"})


@every_overlay
def test_everything_that_runs_for_long_may_be_disrupted_one_at_a_time(overlay: str) -> None:
    """A node that is emptied takes one of each away, and never all."""
    budgets = of_kind(overlay, "PodDisruptionBudget")
    for each in running(overlay):
        template = each["spec"]["template"]
        mine = [b["spec"] for b in budgets if selects(b["spec"]["selector"]["matchLabels"], template)]
        assert [budget["maxUnavailable"] for budget in mine] == [1], each["metadata"]["name"]


@every_overlay
def test_what_runs_for_long_is_spread_over_nodes(overlay: str) -> None:
    """By a selector that chooses its own pods."""
    for each in running(overlay):
        template = each["spec"]["template"]
        (spread,) = template["spec"]["topologySpreadConstraints"]
        assert spread["topologyKey"] == "kubernetes.io/hostname"
        assert selects(spread["labelSelector"]["matchLabels"], template), each["metadata"]["name"]


def test_who_shares_a_volume_is_on_one_node() -> None:
    """A disk of a cloud is on one node at a time: a pod on another one would wait for it for ever."""
    sharing = 0
    for each in of_kind("small", "Deployment"):
        template = each["spec"]["template"]
        if "doorstep-data" in str(template["spec"]["volumes"]):
            (term,) = template["spec"]["affinity"]["podAffinity"][
                "requiredDuringSchedulingIgnoredDuringExecution"
            ]
            assert term["topologyKey"] == "kubernetes.io/hostname"
            assert selects(term["labelSelector"]["matchLabels"], template), each["metadata"]["name"]
            sharing += 1
    assert sharing == len(SERVICE_PORTS) + 1


@every_overlay
def test_a_service_waits_for_its_bus_itself(overlay: str) -> None:
    """Who ends is started again after ever longer pauses, five minutes in the end; a job that gave up never."""
    for each in of_kind(overlay, "Deployment"):
        (container,) = each["spec"]["template"]["spec"]["containers"]
        if each["metadata"]["name"] in SERVICE_PORTS:
            said = {variable["name"]: variable.get("value") for variable in container["env"]}
            assert float(said["DOORSTEP_SYSTEM__BUS_WITHIN_SECONDS"] or 0) >= 3600
    assert not [each for each in of_kind(overlay, "Job") if "activeDeadlineSeconds" in each["spec"]]


@every_overlay
def test_secrets_are_named_and_never_given(overlay: str) -> None:
    """Every Secret that a pod names is one that `deploy.secrets` draws, with the key, or the operator; none is in the
    manifests.
    """
    assert of_kind(overlay, "Secret") == []
    given = drawn("default", "doorstep") | MADE_BY_OPERATORS
    for name, template in pods(overlay):
        for secret, key in _secrets_of(template["spec"]):
            assert secret in given, (name, secret)
            assert key is None or key in given[secret], (name, secret, key)


@every_overlay
def test_files_of_secrets_are_keys_of_what_is_mounted(overlay: str) -> None:
    """A setting that names a file which no Secret has would stop the pod, and only in a cluster."""
    given, looked_at = drawn("default", "doorstep"), 0
    for name, template in pods(overlay):
        volumes = {volume["name"]: volume for volume in template["spec"].get("volumes", ())}
        for container in template["spec"]["containers"]:
            mounted = container.get("volumeMounts", ())
            mounts = {mount["mountPath"]: volumes.get(mount["name"]) for mount in mounted}
            for variable in container.get("env", ()):
                folder, _, key = variable.get("value", "").rpartition("/")
                if folder.startswith("/run/secrets"):
                    assert key in given[mounts[folder]["secret"]["secretName"]], (name, variable)
                    looked_at += 1
    assert looked_at > 20


@every_overlay
def test_what_providers_give_us_may_come_later(overlay: str) -> None:
    """The mail server's password and carriers' tokens: a Secret each, whose own service alone has it."""
    found = {
        (name, source["secretRef"]["name"])
        for name, template in pods(overlay)
        for container in template["spec"]["containers"]
        for source in container.get("envFrom", ())
        if source["secretRef"].get("optional")
    }
    assert found == {("notify", "mail"), ("shipping", "carriers")}


def _secrets_of(spec: dict[str, Any]) -> list[tuple[str, str | None]]:
    volumes = spec.get("volumes", ())
    found = [(v["secret"]["secretName"], None) for v in volumes if "secret" in v]
    together = [v["projected"]["sources"] for v in volumes if "projected" in v]
    found += [
        (s["secret"]["name"], i["key"]) for sources in together for s in sources for i in s["secret"]["items"]
    ]
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        sources = [source["secretRef"] for source in container.get("envFrom", ())]
        found += [(source["name"], None) for source in sources if not source.get("optional")]
        for variable in container.get("env", ()):
            if "secretKeyRef" in variable.get("valueFrom", {}):
                reference = variable["valueFrom"]["secretKeyRef"]
                found.append((reference["name"], reference["key"]))
    return found


@on_postgres
def test_the_database_has_to_prove_that_it_is_ours(overlay: str) -> None:
    """Every URL says by which file, and every container that is given one has it."""
    authority = Path(POSTGRES_AUTHORITY)
    found = drawn("default", "doorstep", parts=["postgres-owner", "postgres-logins"])
    assert all(f"sslmode=verify-full&sslrootcert={authority}" in secret["uri"] for secret in found.values())
    askers = 0
    for name, template in pods(overlay):
        spec = template["spec"]
        volumes = spec.get("volumes", ())
        sources = {volume["name"]: volume.get("secret", {}).get("secretName") for volume in volumes}
        for container in (*spec.get("initContainers", ()), *spec["containers"]):
            if "DOORSTEP_DATABASE_URL" in {variable["name"] for variable in container.get("env", ())}:
                mounts = {mount["mountPath"]: sources[mount["name"]] for mount in container["volumeMounts"]}
                assert mounts[str(authority.parent)] == "postgres-ca", name
                askers += 1
    assert askers == 2 * len(SERVICE_PORTS) + 2


@every_overlay
def test_nobody_may_anything_without_signing_in(overlay: str) -> None:
    """To a pod a port-forward comes from its own machine: whoever may open one is no operator by that."""
    (text,) = (
        each["data"]["doorstep.toml"]
        for each in of_kind(overlay, "ConfigMap")
        if "doorstep.toml" in each["data"]
    )
    assert Access.model_validate(tomllib.loads(text)["access"]).loopback == frozenset()


@every_overlay
def test_the_namespace_is_restricted(overlay: str) -> None:
    (namespace,) = of_kind(overlay, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    inside = {each["metadata"].get("namespace") for each in manifests(overlay)} - {None}
    assert inside == {namespace["metadata"]["name"]}
