"""Who is erased is found in no file of the system any more, nor in a backup made before (F31)."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from contracts.orders import CustomerForgotten
from ops.console import CannotDo
from ops.demo.orders import DemoOrder, demo_order
from ops.demo.shopify import shopify_body
from ops.personal.exporting import export_customer
from ops.personal.keys import keys_of
from ops.system import find
from services.orders.intake.signatures import signature
from tests.chassis.collector import Collector
from tests.ops.running import Up, doorstep, eventually, ten_free_ports
from tests.ops.test_cli_up import A_SHOPIFY_ORDER, NOW, load_shop, publish, state_of, until_fulfilled

pytestmark = [pytest.mark.long, pytest.mark.timeout(420)]

ORDER = demo_order(A_SHOPIFY_ORDER, NOW)
CANARY, NEIGHBOUR = "Zyxwanda", "Qrstulf"
"""Names that stand in no other word of the system."""


def customer_named(order: DemoOrder, name: str) -> DemoOrder:
    """The order, of somebody whose every personal field carries the name."""
    details = {
        "first_name": name, "last_name": f"{name}son", "email": f"{name.lower()}@shop.example", "city": f"{name}stadt",
        "street": f"{name}weg 3", "postcode": f"{name}99",
    }  # fmt: skip
    return replace(order, customer=replace(order.customer, **details))


def traces_of(name: str, *folders: Path) -> Iterator[str]:
    """Files in which the name stands, as it is, in small letters, or inside base64, and files named so."""
    for folder in folders:
        for file in (path for path in folder.rglob("*") if path.is_file()):
            if names(name, file.read_bytes() + str(file).encode()):
                yield str(file.relative_to(folder))


def names(name: str, content: bytes) -> bool:
    return any(form in content for text in (name, name.lower()) for form in forms_of(text))


def forms_of(text: str) -> Iterator[bytes]:
    """The text, and what is certain of it in base64 wherever it begins."""
    yield text.encode()
    for shift in range(3):
        yield base64.b64encode(b"\0" * shift + text.encode())[(shift * 4 + 2) // 3 : -4]


def sell(up: Up, number: int, name: str) -> str:
    """An order of this person, from the channel's own body to the parcel; returns its id."""
    order = replace(customer_named(ORDER, name), number=number)
    publish(up, order, "orders/create", json.dumps(shopify_body(order)).encode())
    until_fulfilled(up, f"shopify:{order.number}")
    return f"shopify:{order.number}"


def deliver(up: Up, topic: str, body: bytes) -> None:
    """As Shopify does: at once, where a command would take its time to start."""
    secret = (up.data / "secrets" / "shopify").read_text().strip()
    proof = {"X-Shopify-Hmac-Sha256": signature(secret, body).decode(), "X-Shopify-Topic": topic}
    url = f"{up.said['services']['orders']['url']}/channels/shopify/webhooks"
    with urllib.request.urlopen(urllib.request.Request(url, body, proof), timeout=10) as answer:
        assert answer.status == 202


def mails_settled(up: Up) -> bool:
    status = up.status()["services"]["notify"]
    return bool(status["effects_pending"] == 0 and sum(status["lag"].values()) == 0)


def exported(up: Up, customer: str) -> dict[str, Any]:
    return asyncio.run(export_customer(find(up.data), customer))


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """Takes in every trace, beside the test."""
    loop, collector = asyncio.new_event_loop(), Collector()
    beside = Thread(target=loop.run_forever, daemon=True)
    beside.start()
    asyncio.run_coroutine_threadsafe(collector.__aenter__(), loop).result(10)
    monkeypatch.setenv("DOORSTEP_TRACES__URL", collector.url)
    monkeypatch.setenv("DOORSTEP_TRACES__SHARE", "1")
    monkeypatch.setenv("DOORSTEP_TRACES__EVERY_SECONDS", "0.2")
    yield collector
    asyncio.run_coroutine_threadsafe(collector.__aexit__(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    beside.join(10)
    loop.close()


@pytest.fixture(params=["sqlite", "postgres"])
def up(request: pytest.FixtureRequest) -> Iterator[Up]:
    """A system whose stores and keys are in one place or the other; its path is short, as a socket of it must be."""
    folder = Path(tempfile.mkdtemp(prefix="doorstep-personal-"))
    system = Up(folder / "var", ten_free_ports(), ("--autopilot", "--store", request.param))
    yield system
    if system.process is not None and system.process.poll() is None:
        system.process.kill()
        system.process.wait()
    shutil.rmtree(folder, ignore_errors=True)


def metrics_of(up: Up) -> bytes:
    said = b""
    for service in up.said["services"].values():
        with urllib.request.urlopen(f"{service['url']}/metrics", timeout=10) as answer:
            said += answer.read()
    return said


def test_who_is_erased_is_nowhere_and_everything_else_holds(
    up: Up, tmp_path: Path, collector: Collector
) -> None:
    """Not in stores, streams, logs, parks, mails, nor in a backup; sums, replay and neighbours stay as they were."""
    up.start()
    load_shop(up, tmp_path)
    theirs, other = sell(up, 5001, CANARY), sell(up, 5002, NEIGHBOUR)
    odd = customer_named(ORDER, CANARY)
    publish(up, odd, "orders/create", json.dumps({"line_items": 5, "email": odd.customer.email}).encode())
    refund = {"id": 9, "order_id": 5001, "note": f"{CANARY} sent it back"}
    publish(up, odd, "refunds/create", json.dumps(refund).encode())
    eventually(lambda: up.status()["services"]["orders"]["parked"] == 1, 20, "the odd message is parked")
    eventually(lambda: mails_settled(up), 20, "mails are sent")

    readable = {trace.partition("/")[0] for trace in traces_of(CANARY, up.data)}
    assert readable == {"mail"}, "everything else is sealed from the start"
    told = metrics_of(up) + b"".join(collector.raw)
    assert b"OrderReceived" in told, "metrics and traces were looked at"
    assert not names(CANARY, told)
    known = exported(up, odd.customer.email)
    assert [order["order_id"] for order in known["orders"]] == [theirs]
    assert f"{CANARY}weg 3" in json.dumps(known["orders"], ensure_ascii=False)
    assert len(known["mails"]) == 2
    topics = ["orders_create", "orders_create", "refunds_create"]
    assert [message["topic"] for message in known["messages"]] == topics
    assert f"{CANARY} sent it back" in json.dumps(known["messages"])
    assert not names(NEIGHBOUR, json.dumps(known, default=str).encode())
    assert up.run("backup", str(tmp_path / "copy")).returncode == 0

    done = up.run("erase", odd.customer.email, "--actor", "dpo", "--reason", "asked to", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["orders"], said["bodies"], said["mails"], said["plain"]) == ([theirs], 3, 2, [])
    assert list(traces_of(CANARY, up.data, tmp_path / "copy")) == []

    verdicts = json.loads(up.run("verify", "--json").stdout)["invariants"]
    assert [verdict for verdict in verdicts if not verdict["holds"]] == []
    for service in ("orders", "notify"):
        assert json.loads(up.run("replay", service, "--json").stdout)["equal"], service
    assert state_of(up, theirs)["state"] == "fulfilled"
    assert f"{NEIGHBOUR}weg 3" in json.dumps(exported(up, other), default=str)
    assert "(erased)" in json.dumps(exported(up, theirs)["orders"])

    newer = replace(customer_named(ORDER, CANARY), number=5001, placed_at=NOW + timedelta(days=1))
    publish(up, newer, "orders/updated", json.dumps(shopify_body(newer)).encode())
    eventually(lambda: len(exported(up, theirs)["messages"]) == 1, 20, "the later version is read")
    assert not names(CANARY, json.dumps(exported(up, theirs)["orders"], default=str).encode())

    again = up.run("erase", theirs, "--actor", "dpo", "--reason", "asked to", "--json")
    assert json.loads(again.stdout)["mails"] == 0
    with pytest.raises(CannotDo, match="nothing personal is kept"):
        exported(up, f"nobody-{odd.customer.email}")
    slips_erase_nobody(up)
    later = sell(up, 5003, CANARY)
    assert f"{CANARY}weg 3" in json.dumps(exported(up, later)), "who comes back is known anew, with a new key"
    assert up.stop() == 0


LEFT = "Vuxhofia"
"""Somebody who left a basket behind, and never ordered."""


def slips_erase_nobody(up: Up) -> None:
    """Half of an address stands in the messages of many, the shop's own in all of them."""
    for mistaken, why in {
        "@shop.example": "no whole e-mail address",
        "orders@linden-and-lark.example": "shop's own",
    }.items():
        refused = up.run("erase", mistaken, "--actor", "dpo", "--reason", "a slip")
        assert (refused.returncode, why in refused.stderr) == (1, True), refused.stderr


@pytest.mark.parametrize("up", ["sqlite"], indirect=True)
def test_who_never_ordered_is_told_and_erased_too_wherever_it_was_cut_off(up: Up, tmp_path: Path) -> None:
    """Messages that brought no order name them; killed after the keys are gone, the same command ends it, and an older
    copy of the keys brings nobody back.
    """
    up.start()
    load_shop(up, tmp_path)
    left = customer_named(ORDER, LEFT)
    basket = {"id": 1, "email": left.customer.email.upper(), "name": LEFT}
    publish(up, left, "checkouts/create", json.dumps(basket).encode())
    theirs = sell(up, 5001, CANARY)
    eventually(lambda: mails_settled(up), 20, "mails are sent")
    assert up.run("backup-keys", str(tmp_path / "keys")).returncode == 0
    (known,) = exported(up, left.customer.email)["messages"]
    assert known["body"] == basket

    with erasing_until_the_keys_are_gone(up, left.customer.email) as erasing:
        deliver(up, "checkouts/update", json.dumps(basket | {"note": "once more"}).encode())
        assert erasing.wait(60) == 0
    assert exported(up, left.customer.email)["messages"] == [], "what came meanwhile is gone, too"
    publish(up, left, "checkouts/create", json.dumps(basket | {"id": 2}).encode())
    killed_after_the_keys(up, left.customer.email)
    assert exported(up, left.customer.email)["messages"] == []
    told = json.loads(erased(up, left.customer.email).stdout)
    assert (told["keys"], told["bodies"]) == ([], 3)
    killed_after_the_keys(up, customer_named(ORDER, CANARY).customer.email)
    assert {trace.partition("/")[0] for trace in traces_of(CANARY, up.data)} == {"mail"}
    ended = json.loads(erased(up, theirs).stdout)
    assert (ended["bodies"], ended["mails"]) == (1, 2)
    assert list(traces_of(CANARY, up.data)) == []
    forgotten = recorded(up)
    assert {*ended["keys"]} < {key for key, _ in forgotten}
    assert len({key for key, _ in forgotten}) == 2
    baskets = [body for _, bodies in forgotten for body in bodies]
    assert len(set(baskets)) == len(baskets) == 3, "each is recorded once"
    assert up.stop() == 0

    shutil.rmtree(up.data / "keys")
    restored = up.run("restore-keys", str(tmp_path / "keys"), "--json")
    assert json.loads(restored.stdout)["forgotten_again"] == 2, restored.stderr
    assert all(wrapped is None for _, _, _, wrapped, *_ in keys_of(find(up.data)).contents()["keys"])


@contextmanager
def erasing_until_the_keys_are_gone(up: Up, customer: str) -> Iterator[subprocess.Popen[str]]:
    """`doorstep erase`, as soon as it says that the keys are gone."""
    command = doorstep("erase", customer, "--actor", "dpo", "--reason", "asked to", "--data", str(up.data))
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as erasing:
        assert erasing.stderr is not None
        assert "destroyed" in erasing.stderr.readline()
        yield erasing


def killed_after_the_keys(up: Up, customer: str) -> None:
    """And no further."""
    with erasing_until_the_keys_are_gone(up, customer) as erasing:
        erasing.kill()


def erased(up: Up, customer: str) -> subprocess.CompletedProcess[str]:
    done = up.run("erase", customer, "--actor", "dpo", "--reason", "asked to", "--json")
    assert done.returncode == 0, done.stderr
    return done


def recorded(up: Up) -> list[tuple[str, list[str]]]:
    """Each time that orders says that a customer was forgotten: their key, and those of messages that named them."""
    url = f"{up.said['services']['orders']['url']}/ops/recent?type={CustomerForgotten.TYPE}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return [(event["data"]["key"], event["data"]["bodies"]) for event in json.load(answer)["events"]]
