"""Each measure, on a system that is already running. After each load, `doorstep verify` must hold."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import aiohttp

from bench.load import bodies, fill, open_loop, order, percentile
from bench.system import SERVICES, System
from chassis.bus import connect
from contracts.placed_order import PaymentState

type Figures = dict[str, Any]
type Say = Callable[[str], None]

WEBHOOK_SECRET = "bench-secret"
CHANNEL = "bench"
GATEWAY_CHANNEL = "benchgateway"
"""Its orders are not paid yet: our gateway collects for it."""
NAIVE_SECONDS = 15.0
SETTLE_SECONDS = 4.0


def events_stored(system: System) -> int:
    """Events in all five stores."""
    return sum(system.status(service)["position"] for service in SERVICES)


def throughput(system: System, first: int, count: int) -> Figures:
    """A backlog of orders, from the moment all services may run to the end of every step."""
    before_events, before_done = events_stored(system), system.done()["fulfilled"]
    system.pause()
    asyncio.run(_fill(system, first, count))
    cpu = system.cpu()
    start = time.time()
    system.resume()
    seconds = system.wait_decided(before_done + count) - start
    cpu = system.cpu() - cpu
    made = events_stored(system) - before_events
    return {
        "orders_per_s": count / seconds,
        "events_per_s": made / seconds,
        "cpu_us_per_order": cpu / count * 1e6,
        "events_per_order": made / count,
    }


async def _fill(system: System, first: int, count: int) -> None:
    async with connect(system.nats_url, "bench") as bus:
        await fill(bus, CHANNEL, bodies(CHANNEL, first, count))


def naive(system: System, first: int) -> Figures:
    """The naive twin, on the same nats-server, copies of the same stores, and a backlog of the same orders.

    It starts at the positions where the fast services stopped, with consumers of its own; the fast services are
    paused meanwhile, and all is thrown away afterwards with the system.
    """
    count = 4000
    system.pause()
    folder = system.folder / "naive"
    folder.mkdir()
    for service in SERVICES:
        source = system.folder / "stores" / f"{service}.sqlite"
        shutil.copy(source, folder / source.name)
        for suffix in ("-wal", "-shm"):
            if source.with_name(source.name + suffix).exists():
                shutil.copy(source.with_name(source.name + suffix), folder / (source.name + suffix))
    asyncio.run(_fill(system, first, count))
    env = (
        os.environ
        | system.settings
        | {
            "DOORSTEP_SYSTEM__DATA": str(system.folder),
            "DOORSTEP_SHIPPING__AUTOPILOT": "true",
            "DOORSTEP_SHIPPING__AUTOPILOT_AFTER_SECONDS": "0",
        }
    )
    env |= {"DOORSTEP_SYSTEM__PORT_BASE": str(system.port_base)}
    twins = [
        subprocess.Popen(
            [sys.executable, "-m", "bench.naive", service, "--url", system.nats_url, "--folder", str(folder)],
            env=env,
        )
        for service in SERVICES
    ]
    try:
        return {"orders_per_s": _naive_rate(folder)}
    finally:
        for twin in twins:
            twin.send_signal(signal.SIGKILL)
            twin.wait()


def _naive_rate(folder: Any) -> float:
    """Orders per second through the last step, over a window that begins once the chain is warm."""
    from chassis.sqlite_store import SQLiteStore

    stores = {
        name: SQLiteStore(folder / f"{name}.sqlite", read_only=True)
        for name in ("orders", "notify", "billing")
    }

    def fulfilled() -> int:
        return stores["orders"].counts("state").get("fulfilled", 0)

    base = fulfilled()
    deadline = time.monotonic() + 60
    while fulfilled() < base + 20:
        if time.monotonic() > deadline:
            raise RuntimeError("the naive twin does not move")
        time.sleep(0.1)
    start, at_start = time.time(), fulfilled()
    time.sleep(NAIVE_SECONDS)
    rate = (fulfilled() - at_start) / (time.time() - start)
    for store in stores.values():
        store.close()
    return rate


def settle() -> None:
    """Let the disk finish what the measure before left to be written back."""
    os.sync()
    time.sleep(SETTLE_SECONDS)


def dispatch_latency(
    system: System,
    first: int,
    per_second: int,
    seconds: int,
    state: PaymentState = "paid",
    channel: str = CHANNEL,
) -> Figures:
    """Placed -> dispatched, open loop: from when an order was due to be sent to its ParcelDispatched on the stream.

    The publisher does not wait for acknowledgements: it shares the processors with what it measures. A lost order
    would still be missed, as every one of them is waited for.
    """
    count = per_second * seconds
    settle()
    before = system.done()["fulfilled"]
    due, dispatched = asyncio.run(_latency(system, first, count, per_second, before, state, channel))
    delays = [
        (dispatched[f"{channel}:{first + number:09d}"] - moment) * 1000 for number, moment in enumerate(due)
    ]
    last = max(dispatched[f"{channel}:{first + number:09d}"] for number in range(count))
    return {
        "p50_ms": percentile(delays, 0.5),
        "p99_ms": percentile(delays, 0.99),
        "orders": count,
        "orders_per_s": count / (last - due[0]),
    }


async def _latency(
    system: System,
    first: int,
    count: int,
    per_second: int,
    before: int,
    state: PaymentState,
    channel: str,
) -> tuple[list[float], dict[str, float]]:
    async with connect(system.nats_url, "bench") as bus:
        made = {number: order(channel, number, state).to_bytes() for number in range(first, first + count)}
        _, _, last = await bus.stream_info("SHIPPING")

        async def send(number: int) -> None:
            await bus.client.publish(f"evt.channels.{channel}.order_placed", made[number])

        due = await open_loop(send, first, count, per_second)
        await asyncio.to_thread(system.wait_decided, before + count)
        dispatched = {}
        async for message in bus.read("SHIPPING", last + 1):
            if message.headers["ce-type"] == "shipping.ParcelDispatched.v1":
                dispatched[json.loads(message.data)["order_id"]] = message.time.timestamp()
        return due, dispatched


def webhook_latency(system: System, first: int, per_second: int, seconds: int) -> Figures:
    """Signed webhooks, open loop: from the moment one was due to its 2xx."""
    settle()
    before = system.done()["fulfilled"]
    delays = asyncio.run(_webhooks(system, first, per_second, seconds))
    system.wait_decided(before + per_second * seconds)
    return {"p50_ms": percentile(delays, 0.5), "p99_ms": percentile(delays, 0.99)}


async def _webhooks(system: System, first: int, per_second: int, seconds: int) -> list[float]:
    url = f"{system.url('orders')}/channels/{CHANNEL}/webhooks"
    delays: list[float] = []
    start = time.time() + 0.2
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def send(number: int) -> None:
            body = made[number]
            signature = base64.b64encode(hmac.digest(WEBHOOK_SECRET.encode(), body, hashlib.sha256)).decode()
            headers = {
                "X-Doorstep-Hmac-Sha256": signature,
                "X-Doorstep-Topic": "order_placed",
                "X-Doorstep-Message-Id": f"bench-{number}",
            }
            async with session.post(url, data=body, headers=headers) as answer:
                if answer.status >= 300:
                    raise RuntimeError(f"webhook answered {answer.status}: {await answer.text()}")
            delays.append((time.time() - (start + (number - first) / per_second)) * 1000)

        made = {
            number: order(CHANNEL, number).to_bytes() for number in range(first, first + per_second * seconds)
        }
        start = time.time() + 0.2
        await open_loop(send, first, per_second * seconds, per_second)
    return delays


def rebuild(system: System) -> Figures:
    """`doorstep replay` of each service; the slowest counts."""
    rates = {}
    for service in SERVICES:
        found = json.loads(system.doorstep("replay", service))
        if not found["equal"]:
            raise RuntimeError(f"replay of {service} differs: {found}")
        rates[service] = found["events"] / found["seconds"]
    return {"events_per_s": min(rates.values()), **rates}


def proof(system: System) -> Figures:
    """`doorstep verify` of everything that is stored: I1-I13, each store against its stream, and the chains."""
    events, start = events_stored(system), time.time()
    system.verify()
    return {"events_per_s": events / (time.time() - start)}


def catch_up(system: System, first: int, per_second: int, away_seconds: int, saturation: float) -> Figures:
    """One service is away while orders go on; then its backlog's rate, against the whole chain's at saturation."""
    before = system.done()["fulfilled"]
    count = per_second * away_seconds
    system.pause("shipping")
    asyncio.run(_paced(system, first, count, per_second))
    start = time.time()
    system.resume("shipping")
    seconds = system.wait_decided(before + count) - start
    return {"orders_per_s": count / seconds, "ratio": count / seconds / saturation}


async def _paced(system: System, first: int, count: int, per_second: int) -> None:
    async with connect(system.nats_url, "bench") as bus:
        made = {number: order(CHANNEL, number).to_bytes() for number in range(first, first + count)}

        async def send(number: int) -> None:
            await bus.publish(f"evt.channels.{CHANNEL}.order_placed", made[number])

        await open_loop(send, first, count, per_second)


def idle(system: System, seconds: float) -> Figures:
    """CPU of the whole system while nothing happens, in percent of one core."""
    time.sleep(3)
    before, start = system.cpu(), time.time()
    time.sleep(seconds)
    return {"cpu_percent": (system.cpu() - before) / (time.time() - start) * 100}
