"""Who gets the keys to personal data, who gets into the database as whom, and what another cell changes of it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from chassis.migrate import STORES, roles_of
from chassis.migrations import KEYS
from chassis.postgres_connections import schema_of
from contracts.parking import SERVICES
from deploy.nats.users_file import configuration
from tests.deploy.rendered import (
    NAMES,
    ON_POSTGRES,
    OVERLAYS,
    Manifest,
    manifests,
    objects,
    of_kind,
    pods,
    rendered,
    text_of,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "deploy.md"
MEET_PEOPLE = {"orders", "shipping", "billing", "notify"}
AUTHORITY = {"postgres-ca", "postgres-authority"}
OWNER, CELL = "doorstep", "eu"

every_overlay = pytest.mark.parametrize("overlay", NAMES)


@every_overlay
def test_the_master_key_is_with_those_who_meet_people(overlay: str) -> None:
    """And with the tools, which nobody is in as delivered: not with inventory, the page, the bus or a job."""
    holders = {
        name for name, template in pods(overlay) if "master-key" in str(template["spec"].get("volumes"))
    }
    assert holders == MEET_PEOPLE | {"tools"}
    (tools,) = (each for each in of_kind(overlay, "Deployment") if each["metadata"]["name"] == "tools")
    assert tools["spec"]["replicas"] == 0


@every_overlay
def test_the_key_that_signs_the_history_outlives_the_tools(overlay: str) -> None:
    """Its series is worth what it is long: one that began anew with each use would prove nothing."""
    (tools,) = (template["spec"] for name, template in pods(overlay) if name == "tools")
    volumes = {volume["name"]: volume for volume in tools["volumes"]}
    (mount,) = (m for m in tools["containers"][0]["volumeMounts"] if m["mountPath"] == "/srv/doorstep/var")
    claim = volumes[mount["name"]]["persistentVolumeClaim"]["claimName"]
    assert claim in {each["metadata"]["name"] for each in of_kind(overlay, "PersistentVolumeClaim")}


@pytest.mark.parametrize("overlay", ON_POSTGRES)
def test_the_owner_of_the_database_is_with_the_migrations_and_the_tools(overlay: str) -> None:
    """A service logs in as itself, and waits for its schema as itself. Without an operator migrations give logins, and
    nobody draws them; the job that does reads none.
    """
    given = {f"postgres-{service}" for service in SERVICES if overlay == "production-external"}
    made = {"postgres-owner", "postgres-logins"} if overlay == "production" else set[str]()
    for name, template in pods(overlay):
        secrets = set(re.findall(r"postgres-\w+", str(template["spec"]))) - AUTHORITY
        assert secrets == {
            "nats": set(),
            "page": set(),
            "bootstrap": set(),
            "draw-secrets": made,
            "migrate": {"postgres-owner"} | given,
            "tools": {"postgres-owner"},
        }.get(name, {f"postgres-{name}"}), name


def test_the_operator_makes_the_roles_that_migrations_need() -> None:
    """All of them, before those who are in them; and it takes nothing away that the owner needs."""
    (cluster,) = of_kind("production", "Cluster")
    assert logins_of(cluster) == expected("default")
    names = [role["name"] for role in cluster["spec"]["managed"]["roles"]]
    every = [role for store in STORES for role in roles_of("default", store)]
    assert set(names[: len(every)]) == set(every)
    assert not [role for role in cluster["spec"]["managed"]["roles"] if role.get("createrole")]


def test_a_server_of_ones_own_needs_no_operator() -> None:
    """Nothing of CloudNativePG is left; whoever needs the database reaches its port, and nobody else does."""
    ours, theirs = manifests("production-external"), manifests("production")
    assert "cnpg" not in text_of("production-external")
    assert {named(each) for each in theirs} - {named(each) for each in ours} == {
        ("Cluster", "postgres"),
        ("NetworkPolicy", "postgres"),
    }
    assert {named(each) for each in ours} <= {named(each) for each in theirs}
    rules = {
        each["metadata"]["name"]: each["spec"] for each in of_kind("production-external", "NetworkPolicy")
    }
    assert rules["users-of-postgres"] == {
        "podSelector": {"matchLabels": {"doorstep/uses-postgres": "yes"}},
        "policyTypes": ["Egress"],
        "egress": [{"ports": [{"protocol": "TCP", "port": 5432}]}],
    }
    assert {
        name for name, rule in rules.items() if any("to" not in out for out in rule.get("egress", ()))
    } == {"draw-secrets", "users-of-postgres"}


def named(each: Manifest) -> tuple[str, str]:
    """What an object is called."""
    return each["kind"], each["metadata"]["name"]


def test_a_cell_is_an_overlay_with_a_few_lines(tmp_path: Path) -> None:
    """As docs/deploy.md has it: namespace, streams, users and roles are the cell's, and the Secrets' names stay."""
    shutil.copytree(OVERLAYS.parents[1], tmp_path / "deploy", ignore=shutil.ignore_patterns("secrets.d"))
    overlay = tmp_path / "deploy" / "kubernetes" / "overlays" / CELL
    overlay.mkdir()
    (overlay / "kustomization.yaml").write_text(cell_in_the_document())
    (overlay / "users.conf").write_text(configuration((CELL,)))
    found = objects(rendered(overlay))
    (cluster,) = (each for each in found if each["kind"] == "Cluster")
    assert logins_of(cluster) == expected(CELL)
    assert {each["metadata"].get("namespace", "doorstep-eu") for each in found} == {"doorstep-eu"}
    maps = {
        each["metadata"]["name"].rpartition("-")[0]: each["data"]
        for each in found
        if each["kind"] == "ConfigMap"
    }
    assert maps["doorstep-place"]["cell"] == CELL
    assert maps["nats-config"]["users.conf"] == configuration((CELL,))


def cell_in_the_document() -> str:
    (block,) = re.findall(r"```yaml\n(namespace: doorstep-eu\n.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return str(block)


def logins_of(cluster: Manifest) -> dict[str, set[str]]:
    """Who may log in, and which roles they are in."""
    roles = cluster["spec"]["managed"]["roles"]
    return {role["name"]: set(role["inRoles"]) for role in roles if role.get("login")}


def expected(cell: str) -> dict[str, set[str]]:
    keys = schema_of(cell, KEYS)
    services = {
        name: {schema_of(cell, name)} | ({keys} if name in MEET_PEOPLE else set()) for name in SERVICES
    }
    return services | {OWNER: {role for store in STORES for role in roles_of(cell, store)}}
