"""The overlays, run: every pod as its manifest has it, and an order as docs/deploy.md sends it.

Needs a Docker engine with the image (`make image`), and root, to whom files of Secrets belong; skips where one is
missing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from contracts.services import SERVICES
from deploy.certificates import issue
from deploy.secret_forms import as_list
from deploy.secrets import drawn
from tests.conftest import eventually
from tests.deploy import database_operator
from tests.deploy.node import API_SERVER, NAMESPACE, Node, docker
from tests.deploy.rendered import NAMES, ON_POSTGRES, containers, manifests, of_kind
from tests.deploy.secrets_server import Live, SecretsServer
from tests.story.shop import ask

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

DOCUMENT = Path(__file__).parents[2] / "docs" / "deploy.md"
READY_WITHIN_SECONDS = 90.0
"""From nothing, with the image there; `production` has less than it is for, one node for all of its pods."""
EXTERNAL = "production-external"
NOT_THERE = {"small": set[str](), "production": {"notify"}, EXTERNAL: {"notify"}}
"""Whose other side is nowhere here: the mail server of the delivered settings."""
SERVICE_WITHIN_SECONDS, STARTS = 3.0, 3


def require_engine(overlay: str) -> None:
    """Skips where the pods cannot be run as they are."""
    if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode:
        pytest.skip("no Docker engine answers")
    images = {container["image"] for _, container in containers(overlay)}
    for image in images | ({database_operator.IMAGE} if overlay in ON_POSTGRES else set()):
        if subprocess.run(["docker", "image", "inspect", image], capture_output=True).returncode:
            pytest.skip(f"the image {image} is not here")
    if os.geteuid():
        pytest.skip("only root can give files of Secrets to root")


@pytest.fixture(scope="module", params=NAMES)
def node(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node on which nothing runs yet but the database, if there is one. No Secret is there that the job draws."""
    overlay, folder = request.param, tmp_path_factory.mktemp("node")
    require_engine(overlay)
    server = SecretsServer(folder / "api-server", manifests(overlay), names=(API_SERVER,))
    server.start("0.0.0.0")
    node = Node(overlay, manifests(overlay), Live(server), folder, server)
    with ThreadPoolExecutor(1) as operator:
        try:
            node.open()
            for secret in as_list(of_the_database(overlay, folder), NAMESPACE)["items"]:
                server.put(secret)
            managed = [
                operator.submit(database_operator.manage, each, node.secret)
                for each in of_kind(overlay, "Cluster")
            ]
            yield node
            for each in managed:
                each.result()
        finally:
            node.stop()
            server.stop()


def of_the_database(overlay: str, folder: Path) -> dict[str, dict[str, str]]:
    """Where an overlay has one it serves from now on; the Secrets that its operator or its owner brings."""
    proof = issue(database_operator.NAMES)
    if overlay == EXTERNAL:
        server = database_operator.serve_ones_own(proof, folder)
        return drawn("default", NAMESPACE, parts=["postgres-owner", "postgres-logins"], database=server)
    for cluster in of_kind(overlay, "Cluster"):
        database_operator.serve(cluster, proof, folder)
        return {"postgres-ca": {"ca.crt": proof.authority}}
    return {}


def in_the_document(pattern: str) -> str:
    """What stands there, once."""
    (found,) = re.findall(pattern, DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    return str(found)


def test_every_pod_is_ready_and_an_order_goes_through(node: Node, record_property: Any) -> None:
    """From nothing: streams, services and the page; articles, stock and an order by the commands of the document."""
    began = time.monotonic()
    node.start()
    seconds = time.monotonic() - began
    record_property("tried", f"{len(node.pods)} pods ready after {seconds:.0f} s")
    assert seconds < READY_WITHIN_SECONDS
    assert node.restarts() == {}, "a kubelet lets a container that ended wait, longer every time"
    node.scale_to_one("tools")
    for sheet in ("skus", "stock"):
        text = in_the_document(rf"^printf '([^']+)' \| tools import {sheet}").replace("\\n", "\n")
        docker("exec", "-i", "tools-1", "doorstep", "import", sheet, "/dev/stdin", said=text)
    body = in_the_document(r"^cat > order\.json <<'ORDER'\n(.*?)^ORDER$").encode()
    secret = node.secrets["channels"]["DOORSTEP_CHANNELS__MARKET__SECRET"]
    signature = base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()
    headers = dict(re.findall(r'-H "(X-Doorstep-(?:Topic|Message-Id)): ([^"]+)"', DOCUMENT.read_text()))
    address = node.address("service-orders")
    answer = ask(
        f"http://{address}/channels/market/webhooks", body, headers | {"X-Doorstep-Hmac-Sha256": signature}
    )
    assert answer.status == 202, answer
    eventually(lambda: steps() >= {"orders.OrderReleased.v1", "shipping.LabelBought.v1"}, 60, "it is packed")
    said = json.loads(docker("exec", "tools-1", "doorstep", "doctor", "--json", fails=True))
    assert {complaint["part"] for complaint in said["complaints"]} <= NOT_THERE[node.overlay], said


def steps() -> set[str]:
    """What happened to the order so far."""
    said = docker("exec", "tools-1", "doorstep", "timeline", "market:1", "--json", fails=True)
    return {event["type"] for event in json.loads(said)["events"]} if said else set()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_ready_soon_after_it_was_started(node: Node, service: str, record_property: Any) -> None:
    """Without what it waits for on an empty cluster; the best of some starts, as machines are busy."""
    if node.overlay != "small":
        pytest.skip("seventeen pods on one machine leave a service no time of its own")
    pod, took = next(pod for pod in node.pods if pod.name == f"{service}-1"), list[float]()
    for _ in range(STARTS):
        docker("stop", pod.name)
        began = time.monotonic()
        docker("start", pod.name)
        node.until_ready(pod)
        took.append(time.monotonic() - began)
    record_property("tried", f"{service}: {STARTS} starts, ready after {min(took):.2f} to {max(took):.2f} s")
    assert min(took) < SERVICE_WITHIN_SECONDS


def test_a_service_that_is_started_while_nats_is_away_waits_for_it(node: Node) -> None:
    """Alone, without its init container, as when it was out of memory: ended again and again it would be late."""
    if node.overlay != "small":
        pytest.skip("three servers are not away by one")
    pod = next(pod for pod in node.pods if pod.name == "orders-1")
    docker("stop", "nats-0")
    docker("kill", pod.name)
    docker("start", pod.name)
    readyz = f"http://{node.address(pod.name)}:{pod.port('http')}/readyz"
    eventually(lambda: b"waits for NATS" in said_at(readyz), 30, "it says what it waits for")
    docker("start", "nats-0")
    node.until_ready(pod)
    assert node.restarts() == {}


def said_at(url: str) -> bytes:
    """The answer's body; nothing where nobody listens."""
    try:
        return ask(url).body
    except OSError:
        return b""


def test_the_page_asks_who_somebody_is(node: Node) -> None:
    """From wherever: to a pod nobody is at its own machine."""
    page = f"http://{node.address('page-1')}:8080"
    host = {"Host": "ops.shop.example"}
    password = node.secrets["access"]["password"]
    assert ask(page, headers=host).status == 401
    assert ask(page, headers=host | {"Authorization": f"Bearer {password}"}).status == 200
