"""A replay beside a working system: equal hashes, and neither an effect nor a message comes of it.

Proved from outside twice: the replaying process dies if it opens a connection to anybody; and of a system at rest the
streams, the gateway's own log and the mail folder are the same before and after.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest

from chassis.bus import connect
from contracts.catalogue import STREAMS
from contracts.parking import SERVICES
from tests.conftest import until
from tests.faults.sales import STOCK, Kind, sales
from tests.faults.siege import Siege
from tests.ops.running import REPOSITORY, Up, ten_free_ports
from tests.story.shop import GATEWAY_COLLECTS, Shop

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]

AT_A_TIME = 10
ORDERS_EACH_MAX = 400
"""While one service is replayed."""
SEALED = """
import os, sys

def seal(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        os._exit(97)

sys.addaudithook(seal)
from ops.__main__ import main
main(prog_name="doorstep")
"""
"""`doorstep` in a process that ends on the spot, with 97, as soon as it tries to reach anybody."""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A system with plenty in stock and a channel whose money the gateway collects."""
    up = Up(tmp_path / "var", ten_free_ports())
    for name, value in GATEWAY_COLLECTS.items():
        monkeypatch.setenv(name, value)
    try:
        up.start()
        running = Shop(up)
        running.stock_up(tmp_path, **STOCK)
        yield running
    finally:
        ended = up.stop()
    assert ended == 0, up.errors()


async def replayed(shop: Shop, service: str, *more: str) -> dict[str, Any]:
    """What `doorstep replay --json` says, from a process that can reach nobody."""
    command = [sys.executable, "-c", SEALED, "replay", service, *more, "--data", str(shop.up.data), "--json"]
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, (service, done.returncode, done.stderr)
    said: dict[str, Any] = json.loads(done.stdout)
    return said


async def outside(shop: Shop) -> dict[str, Any]:
    """Everything that others have of this system: the streams' last messages, the gateway's log, the mails."""
    async with connect(str(shop.up.said["nats"]), "outside") as bus:
        streams = {stream: await bus.stream_info(stream) for stream in STREAMS.values()}
    mails = sorted(file.name for file in (shop.up.data / "mail" / "new").iterdir())
    return {"streams": streams, "gateway": shop.truth("gateway"), "mails": mails}


async def trade(siege: Siege, start: int, closed: asyncio.Event) -> None:
    """Orders come in until the shop closes, a few at a time: the next when one of these is fulfilled."""
    random = Random(start)
    for first in range(start, start + ORDERS_EACH_MAX, AT_A_TIME):
        sold = sales(random, first, AT_A_TIME)
        await siege.deliver(sold)
        if closed.is_set():
            return
        paid = next(sale.order_id for sale in sold if sale.kind is Kind.PAID)
        await until(lambda paid=paid: is_fulfilled(siege, paid), seconds=60.0, every=0.05)


async def is_fulfilled(siege: Siege, order_id: str) -> bool:
    """Whether the order went the whole way."""
    return (await siege.ask("orders", f"/orders/{order_id}")).get("state") == "fulfilled"


async def test_a_replay_beside_traffic_is_equal_and_reaches_nobody(shop: Shop, tmp_path: Path) -> None:
    """All five while orders come in, then again at rest, then as of a past time into a folder."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        siege = Siege(shop, tmp_path, session)
        seen, middles = [], []
        for turn, service in enumerate(SERVICES):
            closed = asyncio.Event()
            traffic = asyncio.create_task(trade(siege, 1 + turn * ORDERS_EACH_MAX, closed))
            await siege.until_taken(AT_A_TIME)
            said = await replayed(shop, service)
            assert (said["equal"], said["effects_run"]) == (True, 0), said
            seen.append(said["events"])
            closed.set()
            await traffic
            middles.append(datetime.now(UTC))
        await siege.drain()
        at_rest = await outside(shop)
        for service, before in zip(SERVICES, seen, strict=True):
            said = await replayed(shop, service)
            assert said["equal"]
            assert said["events"] > before, f"{service} had nothing to do while it was replayed: no traffic"
            past = await replayed(
                shop, service, "--until", middles[0].isoformat(), "--into", str(tmp_path / service)
            )
            assert (past["effects_run"], past["published"]) == (0, 0)
            assert 0 < past["events"] < said["events"]
        assert await outside(shop) == at_rest
    assert shop.verdicts() == {}
