"""A backup taken while orders come in, brought back on an empty machine: the whole system, to the last invariant."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ops.demo.canonical import canonical_event
from ops.demo.orders import DemoOrder, demo_order, sample_order
from ops.demo.shopify import shopify_body
from ops.sample import write_sample
from ops.system import find
from tests.ops.running import Up, eventually, ten_free_ports
from tests.ops.test_cli_up import NOW, load_shop, publish, until_fulfilled

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]


def feed(up: Up, numbers: range) -> list[str]:
    """Orders of two channels, each sent again until it is taken, as channels do; returns the ids of those."""
    sent = []
    for order in (demo_order(number, NOW) for number in numbers):
        if order.channel == "shopify":
            insist(up, order, "orders/create", json.dumps(shopify_body(order)).encode())
        elif order.channel == "market":
            insist(up, order, "order_placed", canonical_event(order).to_bytes())
        else:
            continue
        sent.append(f"{order.channel}:{order.number}")
    return sent


def insist(up: Up, order: DemoOrder, topic: str, body: bytes) -> None:
    """Publish until the exit code says that it is stored: a refused order is nobody's but its channel's."""
    eventually(lambda: publish(up, order, topic, body).returncode == 0, 30, f"{order.number} is taken")


def broken(up: Up) -> list[str]:
    """The invariants that do not hold, each with its detail."""
    verdicts = json.loads(up.run("verify", "--json").stdout)["invariants"]
    return [f"{verdict['id']}: {verdict['detail']}" for verdict in verdicts if not verdict["holds"]]


def test_a_backup_of_a_running_system_becomes_a_whole_one_elsewhere(up: Up, tmp_path: Path) -> None:
    """Every invariant holds afterwards, the channel's secret still fits, and the next order goes through."""
    up.start()
    load_shop(up, tmp_path)
    for order_id in (early := feed(up, range(4))):
        until_fulfilled(up, order_id)
    late = feed(up, range(4, 8))
    done = up.run("backup", str(tmp_path / "copy"), "--json")
    assert done.returncode == 0, done.stderr
    manifest = json.loads(done.stdout)
    assert manifest["channels"]["messages"] == len(early) + len(late) >= 4
    kept = up.run("backup-keys", str(tmp_path / "keys"))
    assert kept.returncode == 0, kept.stderr
    assert up.stop() == 0

    other = Up(tmp_path / "elsewhere" / "var", ten_free_ports())
    other.data.mkdir(parents=True)
    assert other.run("restore-keys", str(tmp_path / "keys")).returncode == 0, (
        "a backup of the stores has no keys"
    )
    restored = other.run("restore", str(tmp_path / "copy"))
    assert restored.returncode == 0, restored.stderr
    try:
        other.start()
        assert not (other.data / "restore" / "channels.jsonl").exists()
        for order_id in (*early, *late):
            until_fulfilled(other, order_id)
        eventually(lambda: not broken(other), 30, f"all invariants hold: {broken(other)}", every=1)
        secret = (up.data / "secrets" / "shopify").read_text().strip()
        sample = write_sample(find(other.data), secret, NOW)
        sent = subprocess.run(sample.curl, shell=True, capture_output=True, text=True, timeout=20)
        assert " 202 " in sent.stdout, sent.stdout + sent.stderr
        until_fulfilled(other, f"shopify:{sample_order(NOW).number}")
    finally:
        assert other.process is None or other.stop() == 0
