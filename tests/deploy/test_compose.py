"""The compose set-up as it is delivered: PostgreSQL, three NATS servers, five services, the page, all under lock.

Needs a Docker engine, compose v2 and the images it names (`make image`, and PostgreSQL's); skips where one is missing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from bench.load import order
from tests.conftest import eventually
from tests.deploy.composed import PORTS, Composed, composed_system
from tests.story.shop import ask

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

CHANNEL, SKU = "market", "LAMP"
ORDERS, ON_HAND = 20, 100
SKUS = f"sku,title,barcode,price,currency,vat_class,weight_g\n{SKU},Lamp,,11.90,EUR,standard,400\n"
STOCK = f"sku,location,quantity\n{SKU},MAIN,{ON_HAND}\n"


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """The system, ready."""
    with composed_system(tmp_path_factory.mktemp("composed") / "deploy") as system:
        yield system


def status(url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> int:
    """The HTTP status; 0 where nobody answers."""
    try:
        return ask(url, body, headers).status
    except OSError:
        return 0


def sell(composed: Composed, number: int) -> None:
    """Send the signed webhook of one order until it is taken, as a channel does."""
    placed = json.loads(order(CHANNEL, number).to_bytes())
    for line in placed["order"]["lines"]:
        line["sku"] = SKU
    body = json.dumps(placed).encode()
    digest = hmac.digest(composed.secret(CHANNEL).encode(), body, hashlib.sha256)
    headers = {
        "X-Doorstep-Hmac-Sha256": base64.b64encode(digest).decode(),
        "X-Doorstep-Topic": "order_placed",
        "X-Doorstep-Message-Id": f"sale-{number}",
    }
    url = f"http://127.0.0.1:{PORTS['orders']}/channels/{CHANNEL}/webhooks"
    eventually(lambda: status(url, body, headers) == 202, 60, f"order {number} is taken")


def get(composed: Composed, port: int, path: str) -> str:
    """What is there for whoever has the system's password."""
    answer = ask(f"http://127.0.0.1:{port}{path}", headers=composed.credentials)
    assert answer.status == 200, answer
    return answer.body.decode()


def state(composed: Composed, number: int) -> str:
    return str(json.loads(get(composed, PORTS["orders"], f"/orders/{name_of(number)}"))["state"])


def stock(composed: Composed) -> tuple[int, int]:
    """(on hand, reserved)."""
    found = json.loads(get(composed, PORTS["inventory"], f"/stock/{SKU}"))
    return found["on_hand"], found["reserved"]


def name_of(number: int) -> str:
    return f"{CHANNEL}:{number:09d}"


def test_orders_go_through_and_outlive_a_service_and_a_nats_server(
    composed: Composed, record_property: Any
) -> None:
    """From an empty machine to dispatched parcels; then SIGKILL for the intake and one of three NATS servers."""
    composed.doorstep("import", "skus", "/dev/stdin", said=SKUS)
    composed.doorstep("import", "stock", "/dev/stdin", said=STOCK)
    for number in range(10):
        sell(composed, number)
    for victim in ("orders", "nats-1"):
        os.kill(composed.pid(victim), signal.SIGKILL)
    for number in range(10, ORDERS):
        sell(composed, number)
    eventually(
        lambda: all(state(composed, number) == "fulfilled" for number in range(ORDERS)),
        90,
        f"{ORDERS} orders are fulfilled",
    )
    left = (ON_HAND - 3 * ORDERS, 0)
    eventually(lambda: stock(composed) == left, 60, "what left is off the stock, and nothing is reserved")
    record_property("tried", f"{ORDERS} orders, one service and one NATS server killed, in containers")


def test_people_look_after_it_from_their_own_container(composed: Composed) -> None:
    """The page and the tools: signed in, all is well; a customer who was known is forgotten, keys and all."""
    assert status("http://127.0.0.1:8080/") == 401
    assert name_of(0) in get(composed, 8080, f"/orders/{name_of(0)}")
    eventually(lambda: "all is well" in composed.doorstep("doctor"), 60, "nothing is left to complain of")
    email = json.loads(composed.doorstep("export", name_of(0)))["addresses"][0]
    composed.doorstep("erase", email, "--actor", "anna", "--reason", "asked for it")
    assert email not in composed.doorstep("export", name_of(0))
    composed.doorstep("verify")
