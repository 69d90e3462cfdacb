"""Traces: every step of a story is told to a real OTLP/HTTP receiver, in one trace, each below the step before."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from chassis.bus import Bus
from chassis.declare import Effect
from chassis.ids import span_id, trace_of
from chassis.rebuild import all_events
from chassis.tracing import WAITING_MAX, Traces
from tests.chassis.collector import Collector, Span
from tests.chassis.toys import Accept, start, toy_inventory, toy_orders
from tests.conftest import NatsServer, until
from tests.ops.running import Up, ten_free_ports
from tests.ops.test_cli_restore import feed
from tests.ops.test_cli_up import load_shop, state_of

FOREIGN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def tell_everything(monkeypatch: pytest.MonkeyPatch, url: str, share: float = 1.0) -> None:
    monkeypatch.setenv("DOORSTEP_TRACES__URL", url)
    monkeypatch.setenv("DOORSTEP_TRACES__SHARE", str(share))
    monkeypatch.setenv("DOORSTEP_TRACES__EVERY_SECONDS", "0.2")


def require_a_tree(spans: list[Span]) -> None:
    """One span without a parent, the others below a span of the same trace, which did not begin later."""
    by_id = {span.id: span for span in spans}
    assert len(by_id) == len(spans), "span ids are unique within a trace"
    assert [span.parent for span in spans].count("") == 1
    for span in spans:
        assert span.began <= span.ended
        if span.parent:
            assert by_id[span.parent].began <= span.began


@pytest.mark.parametrize(
    "odd",
    ["", "nonsense", "00-" + "0" * 32 + "-b7ad6b7169203331-01", FOREIGN + "\r\nx: y", FOREIGN.upper()],
)
def test_what_is_no_trace_context_begins_a_trace_of_the_storys_own(odd: str) -> None:
    """A stranger's header becomes no header of ours, and the same story always gets the same trace."""
    trace, parent = trace_of("CHANNELS/17", odd)
    assert (trace, parent) == trace_of("CHANNELS/17")
    assert re.fullmatch("[0-9a-f]{32}", trace)
    assert parent == ""


def test_a_trace_that_came_along_goes_on() -> None:
    """A channel that traces its own calls finds ours below them."""
    assert trace_of("CHANNELS/17", FOREIGN) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


def test_a_span_is_derived_from_what_caused_it() -> None:
    """Deciding again tells the same span; another service, step or cause has another."""
    ours = span_id("orders", "Incoming", "CHANNELS/17")
    assert ours == span_id("orders", "Incoming", "CHANNELS/17")
    others = {span_id("billing", "Incoming", "CHANNELS/17"), span_id("orders", "Retried", "CHANNELS/17")}
    assert len({ours, *others}) == 3


async def test_steps_of_two_services_are_one_trace_and_calls_and_timers_belong_to_it(
    bus: Bus, nats_server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what is decided later, by a timer or an answer: the story is that of the entity's first event."""

    async def tell(key: str, payload: object) -> str:
        return "told"

    effect = Effect(tell, lambda answer, world: _released(answer))
    async with Collector() as collector:
        tell_everything(monkeypatch, collector.url)
        orders = await start(toy_orders(), nats_server.url, tmp_path)
        inventory = await start(toy_inventory(effect), nats_server.url, tmp_path)
        await orders.engine.command(Accept("toy:soon-call-1"), "command/1")
        await until(lambda: inventory.reactor.last_position == 3)
        await until(lambda: len(collector.steps()) == 4)
        stored = list(all_events(inventory.store))
        batches = {span.id for span in collector.spans if span.name.endswith(" batch")}
        await inventory.stop()
        await orders.stop()

    assert {span.trace for span in collector.steps()} == {trace_of("command/1")[0]}
    require_a_tree(collector.steps())
    assert {span.name for span in collector.steps()} == {
        "orders asked",
        "inventory orders.OrderAccepted.v1",
        "inventory due",
        "inventory answered",
    }
    assert all(set(span.links) <= batches and len(span.links) == 1 for span in collector.steps())
    assert {event.headers["ce-correlationid"] for event in stored} == {"command/1"}


def _released(answer):
    from contracts.inventory import ReservationReleased

    return (ReservationReleased(order_id=answer.payload.order_id, lines=(), reason=str(answer.answer)),)


async def test_the_story_is_found_again_after_a_restart(
    bus: Bus, nats_server: NatsServer, tmp_path: Path
) -> None:
    """It is read from the log, not remembered: an answer that comes after a restart belongs to the same story."""
    waits = asyncio.Event()

    async def tell(key: str, payload: object) -> str:
        await waits.wait()
        return "told"

    effect = Effect(tell, lambda answer, world: _released(answer))
    orders = await start(toy_orders(), nats_server.url, tmp_path)
    inventory = await start(toy_inventory(effect), nats_server.url, tmp_path)
    await orders.engine.command(Accept("toy:call-1"), "command/1")
    await until(lambda: inventory.effects.pending)
    inventory._tasks[0].cancel()  # it goes without draining, as when it is killed
    for task in inventory.effects._tasks:
        task.cancel()
    await inventory.stop()
    waits.set()
    inventory = await start(toy_inventory(effect), nats_server.url, tmp_path)
    await until(lambda: inventory.reactor.last_position == 2)
    stored = list(all_events(inventory.store))
    await inventory.stop()
    await orders.stop()

    assert [event.headers["ce-correlationid"] for event in stored] == ["command/1", "command/1"]
    assert {event.headers["traceparent"][3:35] for event in stored} == {trace_of("command/1")[0]}


async def test_nothing_is_told_where_no_url_is_set(bus: Bus, nats_server: NatsServer, tmp_path: Path) -> None:
    """Off by default, and then nothing of OpenTelemetry is even listening."""
    orders = await start(toy_orders(), nats_server.url, tmp_path)
    await orders.engine.command(Accept("toy:1"), "command/1")
    assert not orders.tracer.on
    assert orders.tracer.batch not in orders.engine.observers
    assert len(orders.tracer._waiting) == 0
    await orders.stop()


async def test_a_share_of_the_stories_is_told_by_every_service_or_by_none(
    bus: Bus, nats_server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule looks at the trace id alone, so nobody has to tell anybody."""
    async with Collector() as collector:
        tell_everything(monkeypatch, collector.url, share=0.25)
        orders = await start(toy_orders(), nats_server.url, tmp_path)
        inventory = await start(toy_inventory(), nats_server.url, tmp_path)
        for number in range(200):
            await orders.engine.command(Accept(f"toy:{number}"), f"command/{number}")
        expected = {
            trace
            for trace in (trace_of(f"command/{number}")[0] for number in range(200))
            if int(trace[16:], 16) < 2**62
        }
        await until(lambda: len(collector.steps()) == 2 * len(expected))
        await inventory.stop()
        await orders.stop()

    assert 20 < len(expected) < 80
    for service in ("doorstep-orders", "doorstep-inventory"):
        assert {span.trace for span in collector.steps() if span.service == service} == expected


@pytest.mark.parametrize("status", [500, 400])
async def test_a_collector_that_refuses_stops_nothing_and_is_counted(
    status: int, bus: Bus, nats_server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shop goes on; what was not taken is in `doorstep_spans_total`."""
    async with Collector(status=status) as collector:
        tell_everything(monkeypatch, collector.url)
        orders = await start(toy_orders(), nats_server.url, tmp_path)
        await orders.engine.command(Accept("toy:1"), "command/1")
        await until(lambda: collector.requests)
        outcome = await orders.engine.command(Accept("toy:2"), "command/2")
        await until(lambda: 'fate="refused",service="orders"} 0' not in _spans(orders))
        await orders.stop()
    assert len(outcome.events) == 1
    assert collector.spans == []


async def test_the_queue_is_bounded_and_what_finds_no_room_is_counted(
    bus: Bus, nats_server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collector that is slow costs memory up to a bound, and spans beyond it."""
    tell_everything(monkeypatch, "http://127.0.0.1:9/v1/traces")
    orders = await start(toy_orders(), nats_server.url, tmp_path)
    (sender,) = (task for task in orders._tasks if task.get_name() == "traces")
    sender.cancel()
    tracer, told = orders.tracer, orders.tracer._waiting
    await orders.engine.command(Accept("toy:0"), "command/0")
    told.extend([told[0]] * (WAITING_MAX - len(told)))
    for number in range(1, 4):
        await orders.engine.command(Accept(f"toy:{number}"), f"command/{number}")
    assert len(told) == WAITING_MAX
    assert 'doorstep_spans_total{fate="dropped",service="orders"} 3.0' in _spans(orders)
    told.clear()
    await tracer.stop()
    await orders.stop()


def _spans(running) -> str:
    return "\n".join(
        line for line in running.meter.exposition().decode().splitlines() if line.startswith("doorstep_spans")
    )


def test_settings_that_cannot_be_are_refused() -> None:
    """More than everything cannot be told."""
    with pytest.raises(ValueError, match="share"):
        Traces(url="http://collector:4318/v1/traces", share=1.5)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.long
async def test_one_orders_spans_from_all_five_services_are_one_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real system, a real order: a trace that begins with the channel's message and ends with mails and invoice."""
    async with Collector() as collector:
        tell_everything(monkeypatch, collector.url)
        up = Up(tmp_path / "var", ten_free_ports())
        try:
            await asyncio.to_thread(up.start)
            await asyncio.to_thread(load_shop, up, tmp_path)
            (order_id,) = await asyncio.to_thread(feed, up, range(3, 4))
            steps = await until(lambda: whole(collector, order_id), 120, every=0.2)
            personal = people(up, order_id)
        finally:
            await asyncio.to_thread(up.stop)
    assert {span.service for span in steps} == {
        f"doorstep-{name}" for name in ("orders", "inventory", "shipping", "billing", "notify")
    }
    require_a_tree(steps)
    (first,) = (span for span in steps if not span.parent)
    assert first.name == "orders channel_message"
    assert personal, "the order has a person in it"
    for word in personal:
        assert not any(word.encode() in body for body in collector.raw), f"{word} is in a trace"


LAST_STEPS = {
    "orders.OrderFulfilled.v1",
    "orders.InvoiceNoted.v1",
    "inventory.StockDispatched.v1",
    "shipping.ParcelDispatched.v1",
    "billing.InvoiceIssued.v1",
}
"""Every service tells its spans when it likes: nothing is missing any more once these are there."""


def whole(collector: Collector, order_id: str) -> list[Span]:
    """The spans of the order's trace, once it has gone out, was invoiced, and both mails were sent."""
    begun = [s for s in collector.steps() if "orders.OrderAccepted.v1" in s.attributes["doorstep.events"]]
    steps = [span for span in collector.steps() if begun and span.trace == begun[0].trace]
    said = [event for span in steps for event in span.attributes["doorstep.events"]]
    done = {*said} >= LAST_STEPS
    return steps if done and said.count("notify.NotificationSent.v1") >= 2 else []


def people(up: Up, order_id: str) -> set[str]:
    """Names and addresses of the customer, as the events have them."""
    assert state_of(up, order_id)["state"] == "fulfilled"
    timeline = json.loads(up.run("timeline", order_id, "--json").stdout)
    found: set[str] = set()
    for event in timeline["events"]:
        recipient = event["data"].get("recipient") or {}
        found |= {recipient[key] for key in ("name", "email") if recipient.get(key)}
    return found
