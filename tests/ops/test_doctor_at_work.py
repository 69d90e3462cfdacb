"""`doorstep doctor` at a real system: what is broken on purpose is found, and is gone when it is mended."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from ops.doctor.complaints import Complaint
from tests.conftest import free_port
from tests.ops.running import Up, eventually, ten_free_ports
from tests.ops.test_cli_restore import feed
from tests.ops.test_cli_up import load_shop

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(300)]


def asked(up: Up) -> tuple[int, list[Complaint]]:
    """The exit code of `doorstep doctor --json`, and its complaints."""
    done = up.run("doctor", "--json")
    said = json.loads(done.stdout)
    assert said["healthy"] == (done.returncode == 0) == (said["complaints"] == [])
    return done.returncode, [Complaint(**complaint) for complaint in said["complaints"]]


def about(up: Up, part: str, words: str) -> Callable[[], bool]:
    """Whether there is such a complaint by now."""

    def look() -> bool:
        return any(c.part == part and words in c.what for c in asked(up)[1])

    return look


def test_what_is_broken_on_purpose_is_found_in_a_real_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message nobody can read, a mail server that is not there, a service and a bus that hang; and well again."""
    monkeypatch.setenv("DOORSTEP_NOTIFY__TRANSPORT", "smtp")
    monkeypatch.setenv("DOORSTEP_NOTIFY__SMTP__HOST", "127.0.0.1")
    monkeypatch.setenv("DOORSTEP_NOTIFY__SMTP__PORT", str(free_port()))
    up = Up(tmp_path / "var", ten_free_ports())
    try:
        up.start()
        assert asked(up) == (0, [])
        load_shop(up, tmp_path)
        feed(up, range(3, 4))
        nonsense = up.run(
            "publish", "--channel", "shopify", "--topic", "orders/create", "--stdin", stdin="{}"
        )
        assert nonsense.returncode == 0, nonsense.stderr
        eventually(about(up, "orders", "1 message is parked"), 60, "the parked message is named")
        eventually(about(up, "notify", "`send` fail"), 60, "the mail server is missed")

        hanging = up.said["services"]["inventory"]["pid"]
        os.kill(hanging, signal.SIGSTOP)
        try:
            assert about(up, "inventory", "does not answer")()
        finally:
            os.kill(hanging, signal.SIGCONT)

        bus = pid_of_nats(up.data)
        os.kill(bus, signal.SIGSTOP)
        try:
            code, complaints = asked(up)
            assert code == 1
            assert complaints[0].severity == "severe"
            assert any(c.part == "nats" and c.runbook == "nats-unhealthy" for c in complaints)
        finally:
            os.kill(bus, signal.SIGCONT)

        eventually(
            lambda: {c.part for c in asked(up)[1]} == {"orders", "notify"},
            60,
            "only the first two are left",
        )
    finally:
        up.stop()


UNKNOWN_SKU = {
    "channel_order_id": "strange-1",
    "placed_at": "2026-11-21T12:00:00Z",
    "currency": "EUR",
    "total_minor": 1000,
    "customer": {"name": "Ada", "email": "ada@example.com"},
    "ship_to": {
        "name": "Ada",
        "line1": "Long Way 1",
        "city": "Berlin",
        "postcode": "10115",
        "country": "DE",
    },
    "lines": [
        {
            "line_id": "1",
            "sku": "NOBODY-HAS-IT",
            "title": "A riddle",
            "quantity": 1,
            "unit_price_minor": 1000,
            "total_minor": 1000,
        }
    ],
    "payment": {"state": "paid"},
}
GHOST = {"kind": "charge", "reference": "ghost", "gross_minor": 2975, "fee_minor": 116, "net_minor": 2859}
STATEMENT = {
    "provider": "shopify",
    "payout_id": "po_1",
    "currency": "EUR",
    "total_minor": 2859,
    "lines": [GHOST],
}


def ask(url: str, body: object) -> None:
    """A command of a person."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    with urlopen(Request(url, data, {"Content-Type": "application/json"}), timeout=10) as answer:
        assert answer.status < 300


def test_what_waits_for_people_is_told_in_a_real_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An article nobody knows, a write-off above the limit, and a payout of somebody else's money."""
    monkeypatch.setenv("DOORSTEP_INVENTORY__WRITE_OFF_LIMIT_UNITS", "5")
    up = Up(tmp_path / "var", ten_free_ports())
    try:
        up.start()
        load_shop(up, tmp_path)
        services = {name: service["url"] for name, service in up.said["services"].items()}
        ask(f"{services['orders']}/orders", UNKNOWN_SKU)
        stock = json.loads(urlopen(f"{services['inventory']}/stock", timeout=10).read())["stock"]
        lost = next(line for line in stock if line["on_hand"] > 6)
        ask(
            f"{services['inventory']}/stock/adjustments",
            {
                "sku": lost["sku"],
                "location": lost["locations"][0]["location"],
                "quantity": -6,
                "reason": "broken",
                "actor": "bob",
                "reference": "count-1",
            },
        )
        eventually(lambda: len(informed(up)) == 2, 60, "the hold and the write-off are told")
        assert asked(up) == (0, [])
        assert {entry["part"] for entry in informed(up)} == {"orders", "inventory"}
        assert "1 order is on hold, as an article is not in the catalogue" in informed(up)[0]["what"]

        ask(f"{services['billing']}/payouts", STATEMENT)
        code, complaints = asked(up)
        assert (code, [c.runbook for c in complaints]) == (1, ["money-unexplained"])
        assert "payout shopify:po_1 has 28.59 EUR in 1 line" in complaints[0].what
    finally:
        up.stop()


def informed(up: Up) -> list[dict[str, Any]]:
    """What only informs."""
    entries: list[dict[str, Any]] = json.loads(up.run("doctor", "--json").stdout)["information"]
    return entries


def pid_of_nats(data: Path) -> int:
    """The nats-server that keeps its streams in this folder."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except FileNotFoundError:
            continue
        if b"nats-server" in command.split(b"\0")[0] and str(data).encode() in command:
            return int(process.name)
    raise AssertionError("no nats-server runs on this folder")
