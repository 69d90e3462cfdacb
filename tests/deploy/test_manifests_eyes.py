"""What an overlay gets with the components for metrics and traces, and who may speak to whom because of it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml
from yarl import URL

from chassis.addresses import with_own_host
from chassis.tracing import Traces
from contracts.parking import SERVICES
from deploy.observability.rules import OBJECT, as_object
from tests.deploy.rendered import Manifest, objects, rendered, selects

DEPLOY = Path(__file__).parents[2] / "deploy"
DOCUMENT = DEPLOY.parent / "docs" / "deploy.md"


@pytest.fixture(scope="module", params=["small", "production"])
def watched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, ...]:
    """An overlay with the line that docs/deploy.md has."""
    copied = tmp_path_factory.mktemp("watched") / "deploy"
    shutil.copytree(DEPLOY, copied, ignore=shutil.ignore_patterns("secrets.d", "__pycache__"))
    overlay = copied / "kubernetes" / "overlays" / request.param
    (line,) = re.findall(r"^components: .*monitoring.*$", DOCUMENT.read_text(), re.MULTILINE)
    with (overlay / "kustomization.yaml").open("a") as file:
        file.write(f"{line}\n")
    return objects(rendered(overlay))


def of(watched: tuple[Manifest, ...], kind: str, name: str) -> Manifest:
    """The one object of a kind with this name."""
    (found,) = (each for each in watched if (each["kind"], each["metadata"]["name"]) == (kind, name))
    return found


def services(watched: tuple[Manifest, ...]) -> list[Manifest]:
    """The pod templates of the five."""
    return [of(watched, "Deployment", name)["spec"]["template"] for name in SERVICES]


def test_prometheus_asks_every_pod_of_every_service(watched: tuple[Manifest, ...]) -> None:
    """By a port that they have, under the job's name that the rules look for, from a namespace that is let in."""
    monitor = of(watched, "PodMonitor", "doorstep")["spec"]
    (endpoint,) = monitor["podMetricsEndpoints"]
    for template in services(watched):
        assert selects(monitor["selector"]["matchLabels"], template)
        assert endpoint["port"] in {port["name"] for port in template["spec"]["containers"][0]["ports"]}
        assert template["metadata"]["labels"][monitor["jobLabel"]] == "doorstep"
    (rule,) = of(watched, "NetworkPolicy", "services")["spec"]["ingress"]
    assert {"kubernetes.io/metadata.name": "monitoring"} in [
        source["namespaceSelector"]["matchLabels"] for source in rule["from"] if "namespaceSelector" in source
    ]


def test_prometheus_asks_the_servers_of_postgresql_where_an_operator_keeps_them(
    watched: tuple[Manifest, ...],
) -> None:
    """Under the job's name that the rule looks for, at the port that CloudNativePG opens and the policy lets in."""
    monitor = of(watched, "PodMonitor", "postgres")["spec"]
    (endpoint,) = monitor["podMetricsEndpoints"]
    (job,) = endpoint["relabelings"]
    rules = (DEPLOY / "observability" / "alerts.yaml").read_text()
    assert f'cnpg_pg_replication_in_recovery{{{job["targetLabel"]}="{job["replacement"]}"}}' in rules
    clusters = [each["metadata"]["name"] for each in watched if each["kind"] == "Cluster"]
    if not clusters:
        return
    assert monitor["selector"]["matchLabels"] == {"cnpg.io/cluster": clusters[0]}
    policy = of(watched, "NetworkPolicy", "postgres")["spec"]
    (ports,) = (
        rule["ports"]
        for rule in policy["ingress"]
        for source in rule["from"]
        if source.get("namespaceSelector", {}).get("matchLabels")
        == {"kubernetes.io/metadata.name": "monitoring"}
    )
    assert (endpoint["port"], ports) == ("metrics", [{"protocol": "TCP", "port": 9187}])


def test_the_alerts_in_the_cluster_are_those_that_promtool_tries(watched: tuple[Manifest, ...]) -> None:
    """One text, in two places."""
    assert OBJECT.read_text() == as_object(), "python -m deploy.observability.rules --write"
    alerts = yaml.safe_load((DEPLOY / "observability" / "alerts.yaml").read_text())
    assert of(watched, "PrometheusRule", "doorstep")["spec"] == alerts


def test_runbooks_are_links_for_who_has_them_at_an_address() -> None:
    """Each one, and nothing else is other than as delivered: alerts without a runbook get no link."""
    address = "https://git.example/doorstep/docs/runbooks"
    rules = [
        rule for group in yaml.safe_load(as_object(address))["spec"]["groups"] for rule in group["rules"]
    ]
    links = [rule["annotations"].pop("runbook_url", "") for rule in rules]
    assert links == [
        rule["annotations"].get("runbook", "").replace("docs/runbooks", address) for rule in rules
    ]
    delivered = yaml.safe_load(as_object())["spec"]["groups"]
    assert rules == [rule for group in delivered for rule in group["rules"]]


def test_the_dashboards_come_along(watched: tuple[Manifest, ...]) -> None:
    """Whole, where Grafana's sidecar finds them."""
    (boards,) = (each for each in watched if "grafana_dashboard" in each["metadata"].get("labels", {}))
    files = sorted((DEPLOY / "observability" / "dashboards").glob("*.json"))
    assert boards["data"] == {file.name: file.read_text() for file in files}


def test_services_tell_the_collector_and_may(watched: tuple[Manifest, ...]) -> None:
    """The address that they are told is the port that they may reach, and only in that namespace."""
    policy = of(watched, "NetworkPolicy", "to-the-collector")["spec"]
    (egress,) = policy["egress"]
    (to,), (port,) = egress["to"], egress["ports"]
    assert to["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "monitoring"}
    for template in services(watched):
        assert selects(policy["podSelector"]["matchLabels"], template)
        said = {v["name"]: v.get("value") for v in template["spec"]["containers"][0]["env"]}
        url = Traces(url=said["DOORSTEP_TRACES__URL"]).url
        assert url.endswith(f".monitoring.svc:{port['port']}/v1/traces")
        host = URL(url).host or ""
        assert with_own_host(host, frozenset()) == {host}, "it is inside, and no setting has to say so"
