"""`doorstep up` and the commands beside it, as real processes: one order's way, a kill, a restart, an orderly end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ops.demo.canonical import canonical_event
from ops.demo.orders import DemoOrder, demo_order, sample_order
from ops.demo.shop import skus_csv, stock_csv
from ops.demo.shopify import shopify_body
from ops.sample import curl_line, write_sample
from ops.system import find
from tests.ops.running import REPOSITORY, Up, doorstep, eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
A_SHOPIFY_ORDER, A_MARKET_ORDER = 0, 3


def load_shop(up: Up, folder: Path) -> None:
    """Import the demo's master data and stock with the command."""
    for sheet, text in (("skus", skus_csv()), ("stock", stock_csv())):
        (folder / f"{sheet}.csv").write_text(text)
        done = up.run("import", sheet, str(folder / f"{sheet}.csv"), "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["refused"] == []


def state_of(up: Up, order_id: str) -> dict[str, Any]:
    """`GET /orders/{id}`; empty while nobody knows it."""
    try:
        with urllib.request.urlopen(
            f"{up.said['services']['orders']['url']}/orders/{order_id}", timeout=5
        ) as answer:
            found: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError:
        return {}
    return found


def until_fulfilled(up: Up, order_id: str) -> None:
    """The order comes to its end by itself."""
    eventually(lambda: state_of(up, order_id).get("state") == "fulfilled", 30, f"{order_id} is fulfilled")


def publish(up: Up, order: DemoOrder, topic: str, body: bytes) -> subprocess.CompletedProcess[str]:
    """With the command, from standard input."""
    flags = ("--channel", order.channel, "--topic", topic, "--stdin", "--json")
    return up.run("publish", *flags, stdin=body.decode())


def test_an_order_goes_through_and_nothing_is_lost_whatever_is_killed(up: Up, tmp_path: Path) -> None:
    """The whole promise in one run: start, feed, kill a service, kill the supervisor, go on, stop with 0."""
    up.start()
    assert set(up.said) == {"ready", "page", "nats", "services"}
    assert set(up.said["services"]) == {"orders", "inventory", "shipping", "billing", "notify"}
    load_shop(up, tmp_path)

    order = demo_order(A_SHOPIFY_ORDER, NOW)
    body = json.dumps(shopify_body(order)).encode()
    assert json.loads(publish(up, order, "orders/create", body).stdout) == {"published": 1}
    until_fulfilled(up, f"shopify:{order.number}")

    orders_pid = up.said["services"]["orders"]["pid"]
    os.kill(orders_pid, signal.SIGKILL)
    eventually(
        lambda: up.status()["services"]["orders"]["pid"] not in (None, orders_pid), 30, "orders is back"
    )
    assert "orders was killed by SIGKILL" in up.errors()

    assert up.process is not None
    up.process.kill()
    up.process.wait()
    up.start()
    market = demo_order(A_MARKET_ORDER, NOW)
    publish(up, market, "order_placed", canonical_event(market).to_bytes())
    until_fulfilled(up, f"market:{market.number}")
    publish(up, order, "orders/create", body)
    assert up.status()["orders"]["by_state"] == {"fulfilled": 2}, "the repeated one changed nothing"
    assert up.stop(signal.SIGINT) == 0


def test_the_curl_line_works_and_faults_are_one_line(up: Up, tmp_path: Path) -> None:
    """What `up` prints can be pasted; what a person does wrong is said in one line with exit code 1."""
    up.start()
    load_shop(up, tmp_path)
    system = find(up.data)
    secret = (up.data / "secrets" / "shopify").read_text().strip()
    sample = write_sample(system, secret, NOW)
    sent = subprocess.run(sample.curl, shell=True, capture_output=True, text=True, timeout=20)
    assert " 202 " in sent.stdout, sent.stdout + sent.stderr
    until_fulfilled(up, f"shopify:{sample_order(NOW).number}")
    others_may = [place for place in (up.data, *up.data.iterdir()) if place.stat().st_mode & 0o077]
    assert others_may == [], "orders and mails lie there"

    (tmp_path / "bad.csv").write_text("sku,location,quantity\nMUG-OAT,main,five\nMUG-SAGE,main,7\n")
    faulty = up.run("import", "stock", str(tmp_path / "bad.csv"))
    assert faulty.returncode == 1
    assert "line 2: quantity: 'five' is not a whole number" in faulty.stderr
    assert faulty.stdout == "stock: 1 accepted, 0 unchanged, 1 refused\n"

    (tmp_path / "header.csv").write_text("sku,location,quantity\n")
    bare = up.run("import", "stock", str(tmp_path / "header.csv"))
    assert bare.returncode == 0
    assert "header.csv has no rows below its header" in bare.stderr

    topicless = up.run("publish", "--channel", "shopify", "--stdin", stdin="{}")
    assert (topicless.returncode, topicless.stderr.count("\n")) == (1, 1)
    second = subprocess.run(
        [*doorstep("up"), *up.place], cwd=REPOSITORY, capture_output=True, text=True, timeout=30
    )
    assert second.returncode == 1
    assert second.stderr.startswith("doorstep: another `doorstep up`")
    assert up.stop(signal.SIGTERM) == 0


def test_a_system_that_does_not_run_is_said_to_be_not_ready(tmp_path: Path) -> None:
    """Every service by name, as JSON too, and exit code 1."""
    done = Up(tmp_path / "var", 20_990).run("status", "--json")
    said = json.loads(done.stdout)
    assert done.returncode == 1
    assert (
        done.stderr
        == "doorstep: not ready: orders, inventory, shipping, billing, notify; `doorstep doctor` says why\n"
    )
    assert {service["ready"] for service in said["services"].values()} == {False}
    assert said["orders"] == {"by_state": {}, "on_hold": {}}


def test_a_curl_line_survives_a_shell() -> None:
    """A quote in a path must not break it."""
    line = curl_line("http://127.0.0.1:1/x", {"A": "it's"}, Path("/tmp/a b"))
    said = subprocess.run(f"printf '%s\\n' {line}", shell=True, capture_output=True, text=True, timeout=10)
    assert said.stdout.splitlines()[-3:] == ["A: it's", "--data-binary", "@/tmp/a b"]
