"""What a service measures: right figures, labels from closed sets, and nothing about anybody."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chassis.bus import Bus
from chassis.declare import Effect
from chassis.metrics import RAW_TYPE, UNKNOWN_TYPE, Buckets, Figure, Meter
from chassis.service import Running
from contracts.catalogue import BY_TYPE, STREAMS
from contracts.orders import HoldReason
from contracts.parking import SERVICES
from tests.chassis.toys import Accept, start, toy_inventory, toy_orders
from tests.conftest import NatsServer, until

CLOSED: dict[str, set[str]] = {
    "service": set(SERVICES),
    "type": {*BY_TYPE, RAW_TYPE, UNKNOWN_TYPE},
    "stream": set(STREAMS.values()),
    "part": {"all"},
    "check": {"started", "store", "bus", "publish", "relay", "stream", "lag", "keys"},
    "kind": {"tell"},
    "state": {"open", "closed", "seen"},
    "fate": {"sent", "dropped", "refused"},
    "reason": {reason.value for reason in HoldReason},
}
"""Every value that a label of the toys' metrics may have. `le` is a number."""


def figures(running: Running) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by name and labels, the service's own name left out."""
    text = running.meter.exposition().decode()
    return {
        (sample.name, tuple(sorted((k, v) for k, v in sample.labels.items() if k != "service"))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_labels_come_from_closed_sets_and_name_nobody(
    bus: Bus, nats_server: NatsServer, tmp_path: Path
) -> None:
    """Whatever strangers write into headers, and whatever orders are called."""

    async def tell(key: str, payload: object) -> str:
        raise ConnectionError("nobody there")

    orders = await start(toy_orders(), nats_server.url, tmp_path)
    inventory = await start(toy_inventory(Effect(tell, lambda a, w: ())), nats_server.url, tmp_path)
    await orders.engine.command(Accept("toy:canary-ann.berg-call"), "command/1")
    await orders.engine.command(Accept("toy:canary-poison"), "command/2")
    await until(lambda: inventory.effects.unanswered["tell"])
    for running in (orders, inventory):
        await running.measures.refresh()
        for _, labels in figures(running):
            for name, value in labels:
                assert name == "le" or value in CLOSED[name], f"{name}={value}"
        assert b"canary" not in running.meter.exposition()
    await inventory.stop()
    await orders.stop()


async def test_what_happened_is_counted(bus: Bus, nats_server: NatsServer, tmp_path: Path) -> None:
    """Events, messages, delays, what is parked, what fails, what is late: each figure after a known history."""

    async def tell(key: str, payload: object) -> str:
        raise ConnectionError("nobody there")

    orders = await start(toy_orders(), nats_server.url, tmp_path)
    inventory = await start(toy_inventory(Effect(tell, lambda a, w: ())), nats_server.url, tmp_path)
    await orders.engine.command(Accept("toy:1"), "command/1")
    await orders.engine.command(Accept("toy:2-call"), "command/2")
    await orders.engine.command(Accept("toy:3-poison"), "command/3")
    assert (await orders.engine.command(Accept("toy:4", units=101), "command/4")).error is not None
    await until(
        lambda: inventory.reactor.last_position == 3 and inventory.effects.failing.get("tell", 0) >= 2
    )
    await inventory.measures.refresh()
    found, said = figures(inventory), figures(orders)
    await inventory.stop()
    await orders.stop()

    accepted = (("type", "orders.OrderAccepted.v1"),)
    assert said["doorstep_events_total", accepted] == 3
    assert said["doorstep_items_failed_total", ()] == 1
    assert found["doorstep_messages_total", (("stream", "ORDERS"),)] == 3
    assert found["doorstep_decision_delay_seconds_count", accepted] == 3
    assert 0 < found["doorstep_decision_delay_seconds_sum", accepted] < 60
    assert found["doorstep_events_total", (("type", "inventory.StockReserved.v1"),)] == 2
    assert found["doorstep_parked", ()] == 1
    assert found["doorstep_calls_pending", (("kind", "tell"),)] == 1
    assert found["doorstep_calls_failing", (("kind", "tell"),)] >= 2
    assert found["doorstep_calls_unanswered", (("kind", "tell"),)] >= 2
    assert found["doorstep_lag", (("stream", "ORDERS"),)] == 0
    assert found["doorstep_entities", (("state", "open"),)] == 2
    assert found["doorstep_ready", ()] == 1
    assert found["doorstep_timers_late", ()] == 0
    assert 0 < found["doorstep_disk_free_bytes", ()] <= found["doorstep_disk_size_bytes", ()]


async def test_a_timer_is_late_from_when_it_was_set(
    bus: Bus, nats_server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was set an hour over its time is due and not late; one whose time comes and that does not end is."""
    monkeypatch.setattr("chassis.measures.LATE_AFTER", timedelta(milliseconds=1))
    endless = replace(toy_inventory(), on_timer={"reservation.expiry": lambda entity, world: ()})
    orders = await start(toy_orders(), nats_server.url, tmp_path)
    inventory = await start(endless, nats_server.url, tmp_path)

    async def late(count: int) -> float:
        found, seconds = await inventory.measures.late_timers()
        return seconds if found == count else 0.0

    for number, order in enumerate(("toy:stale", "toy:soon"), 1):
        await orders.engine.command(Accept(order), f"command/{number}")
        assert await until(partial(late, number)) < 60
    await inventory.stop()
    await orders.stop()


def test_buckets_are_what_prometheus_counts() -> None:
    """Cumulative, with the bound itself inside, and a sum."""
    buckets = Buckets("seconds", "How long", (0.1, 1, 10))
    for amount in (0.1, 0.5, 1, 11):
        buckets.observe("a", amount)
    samples = {
        (sample.name, sample.labels.get("le")): sample.value
        for sample in buckets.family("orders").samples  # as a scrape would see it
    }
    assert [samples["seconds_bucket", le] for le in ("0.1", "1.0", "10.0", "+Inf")] == [1, 3, 3, 4]
    assert samples["seconds_sum", None] == pytest.approx(12.6)


def test_what_only_grows_is_told_as_a_counter() -> None:
    """So that Prometheus and whoever reads its list know that `rate` may be asked of it."""
    meter = Meter("orders")
    meter.figures = (
        Figure("doorstep_webhooks", "Deliveries", ("channel",), {("shop",): 3}, counted=True),
        Figure("doorstep_waiting", "Waiting", ("kind",), {("approval",): 1}),
    )
    told = {
        family.name: (family.type, [sample.name for sample in family.samples])
        for family in text_string_to_metric_families(meter.exposition().decode())
    }
    assert told["doorstep_webhooks"] == ("counter", ["doorstep_webhooks_total"])
    assert told["doorstep_waiting"] == ("gauge", ["doorstep_waiting"])


async def test_looking_often_costs_one_look(bus: Bus, nats_server: NatsServer, tmp_path: Path) -> None:
    """Whoever scrapes in a loop is no load: within two seconds the same figures are told again."""
    orders = await start(toy_orders(), nats_server.url, tmp_path)
    await orders.measures.refresh()
    before = orders.meter.figures
    for _ in range(50):
        await orders.measures.refresh()
    assert orders.meter.figures is before
    await orders.stop()


LOGGING = """
from chassis.logs import logger, set_up
set_up("orders")
logger().warning("message_parked", correlation="CHANNELS/17", tries=3)
"""


def test_a_log_line_is_json_with_the_service_and_the_correlation_id() -> None:
    """One object on one line, on stderr, with a time and a level."""
    done = subprocess.run([sys.executable, "-c", LOGGING], capture_output=True, text=True, check=True)
    (line,) = done.stderr.splitlines()
    said = json.loads(line)
    assert (said["service"], said["event"], said["correlation"]) == (
        "orders",
        "message_parked",
        "CHANNELS/17",
    )
    assert said["level"] == "warning"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", said["timestamp"])
    assert done.stdout == ""


async def test_what_is_parked_is_logged_with_its_correlation_id(
    bus: Bus, nats_server: NatsServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """So that one search finds every line of a story, in every service."""
    caplog.set_level(logging.ERROR)
    orders = await start(toy_orders(), nats_server.url, tmp_path)
    inventory = await start(toy_inventory(), nats_server.url, tmp_path)
    await orders.engine.command(Accept("toy:poison"), "command/of-the-story")
    await until(lambda: inventory.reactor.last_position == 1)
    assert "correlation" in caplog.text
    assert "command/of-the-story" in caplog.text
    await inventory.stop()
    await orders.stop()
