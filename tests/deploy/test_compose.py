"""The compose set-up as it is delivered: PostgreSQL, three NATS servers, five services, the page, all under lock.

Needs a Docker engine, compose v2 and the images it names (`make image`, and PostgreSQL's); skips where one is missing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.load import order
from tests.conftest import eventually

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
IMAGES = ("doorstep:0.1.0", os.environ.get("POSTGRES_IMAGE", "postgres:17.6"))
PROJECT = "doorstep-test"
CHANNEL, SKU = "market", "LAMP"
ORDERS, ON_HAND = 20, 100
SKUS = f"sku,title,barcode,price,currency,vat_class,weight_g\n{SKU},Lamp,,11.90,EUR,standard,400\n"
STOCK = f"sku,location,quantity\n{SKU},MAIN,{ON_HAND}\n"
PORTS = {"orders": 8081, "inventory": 8082, "shipping": 8083, "billing": 8084, "notify": 8085}
READY_WITHIN_SECONDS = 120.0


class Composed:
    """The system, started from a copy of `deploy/` with secrets of its own."""

    def __init__(self, command: tuple[str, ...], folder: Path) -> None:
        self._command = (*command, "--project-name", PROJECT, "--file", str(folder / "compose.yaml"))
        drawn = (folder / "secrets.d" / "channels.env").read_text().splitlines()
        self._secret = dict(line.split("=", 1) for line in drawn)[
            f"DOORSTEP_CHANNELS__{CHANNEL.upper()}__SECRET"
        ]
        password = (folder / "secrets.d" / "access" / "password").read_text()
        self._signed_in = {"Authorization": f"Bearer {password}"}

    def run(self, *arguments: str, said: str = "") -> str:
        command = [*self._command, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, input=said, timeout=300)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    def doorstep(self, *arguments: str, said: str = "") -> str:
        """A command, where compose has a place for them; it reads `said`."""
        return self.run("run", "--rm", "--no-TTY", "tools", "doorstep", *arguments, said=said)

    def pid(self, service: str) -> int:
        """The container's process, as the host sees it."""
        (container,) = self.run("ps", "--quiet", service).split()
        return int(docker("inspect", "--format", "{{.State.Pid}}", container))

    def is_ready(self) -> bool:
        return all(status(f"http://127.0.0.1:{port}/readyz") == 200 for port in PORTS.values())

    def sell(self, number: int) -> None:
        """Send the signed webhook of one order until it is taken, as a channel does."""
        placed = json.loads(order(CHANNEL, number).to_bytes())
        for line in placed["order"]["lines"]:
            line["sku"] = SKU
        body = json.dumps(placed).encode()
        headers = {
            "X-Doorstep-Hmac-Sha256": base64.b64encode(
                hmac.digest(self._secret.encode(), body, hashlib.sha256)
            ).decode(),
            "X-Doorstep-Topic": "order_placed",
            "X-Doorstep-Message-Id": f"sale-{number}",
        }
        url = f"http://127.0.0.1:8081/channels/{CHANNEL}/webhooks"
        eventually(lambda: status(url, body, headers) == 202, 60, f"order {number} is taken")

    def get(self, port: int, path: str) -> str:
        """What is there for whoever has the system's password."""
        asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=self._signed_in)
        with urllib.request.urlopen(asked, timeout=5) as answer:
            return str(answer.read().decode())

    def state(self, number: int) -> str:
        return str(json.loads(self.get(PORTS["orders"], f"/orders/{name_of(number)}"))["state"])

    def stock(self) -> tuple[int, int]:
        """(on hand, reserved)."""
        found = json.loads(self.get(PORTS["inventory"], f"/stock/{SKU}"))
        return found["on_hand"], found["reserved"]


def name_of(number: int) -> str:
    return f"{CHANNEL}:{number:09d}"


def docker(*arguments: str) -> str:
    return subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, check=True, timeout=60
    ).stdout


def status(url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> int:
    """The HTTP status; 0 where nobody answers."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers or {}), timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return 0


def compose_command() -> tuple[str, ...]:
    """How compose v2 is called here. Skips where there is none, or no engine, or an image is missing."""
    if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode:
        pytest.skip("no Docker engine answers")
    for image in IMAGES:
        if subprocess.run(["docker", "image", "inspect", image], capture_output=True).returncode:
            pytest.skip(f"the image {image} is not here")
    for command in (("docker", "compose"), ("docker-compose",)):
        said = subprocess.run([*command, "version", "--short"], capture_output=True, text=True)
        if said.returncode == 0 and said.stdout.strip().lstrip("v").startswith("2."):
            return command
    pytest.skip("no compose v2")


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    command = compose_command()
    folder = tmp_path_factory.mktemp("composed") / "deploy"
    shutil.copytree(ROOT / "deploy", folder, ignore=shutil.ignore_patterns("secrets.d", "__pycache__"))
    drawing = [sys.executable, "-m", "deploy.secrets", "--folder", str(folder / "secrets.d")]
    subprocess.run(drawing, check=True, cwd=ROOT, timeout=60)
    system = Composed(command, folder)
    try:
        system.run("up", "--detach")
        yield system
    finally:
        system.run("down", "--volumes", "--timeout", "5")


def test_orders_go_through_and_outlive_a_service_and_a_nats_server(
    composed: Composed, record_property: Any
) -> None:
    """From an empty machine to dispatched parcels; then SIGKILL for the intake and one of three NATS servers."""
    eventually(composed.is_ready, READY_WITHIN_SECONDS, "all five are ready")
    composed.doorstep("import", "skus", "/dev/stdin", said=SKUS)
    composed.doorstep("import", "stock", "/dev/stdin", said=STOCK)
    for number in range(10):
        composed.sell(number)
    for victim in ("orders", "nats-1"):
        os.kill(composed.pid(victim), signal.SIGKILL)
    for number in range(10, ORDERS):
        composed.sell(number)
    eventually(
        lambda: all(composed.state(number) == "fulfilled" for number in range(ORDERS)),
        90,
        f"{ORDERS} orders are fulfilled",
    )
    left = (ON_HAND - 3 * ORDERS, 0)
    eventually(lambda: composed.stock() == left, 60, "what left is off the stock, and nothing is reserved")
    record_property("tried", f"{ORDERS} orders, one service and one NATS server killed, in containers")


def test_people_look_after_it_from_their_own_container(composed: Composed) -> None:
    """The page and the tools: signed in, all is well; a customer who was known is forgotten, keys and all."""
    assert status("http://127.0.0.1:8080/") == 401
    assert name_of(0) in composed.get(8080, f"/orders/{name_of(0)}")
    eventually(lambda: "all is well" in composed.doorstep("doctor"), 60, "nothing is left to complain of")
    email = json.loads(composed.doorstep("export", name_of(0)))["addresses"][0]
    composed.doorstep("erase", email, "--actor", "anna", "--reason", "asked for it")
    assert email not in composed.doorstep("export", name_of(0))
    composed.doorstep("verify")
