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
from tests.faults.sales import STOCK, sales
from tests.faults.siege import Siege
from tests.ops.running import REPOSITORY, Up, ten_free_ports
from tests.story.shop import GATEWAY_COLLECTS, Shop

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]

AT_A_TIME = 20
ORDERS_EACH_MAX = 400
"""While one service is replayed."""
FIRST = 1_000_000
"""Orders before any replay are numbered from here."""
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
    """Orders come in until the shop closes, a few at a time: the next when these are through the whole house."""
    random = Random(start)
    for first in range(start, start + ORDERS_EACH_MAX, AT_A_TIME):
        sold = sales(random, first, AT_A_TIME)
        await siege.deliver(sold)
        if closed.is_set():
            return
        await siege.drain()


async def test_a_replay_beside_traffic_is_equal_and_reaches_nobody(shop: Shop, tmp_path: Path) -> None:
    """All five while orders come in, then again at rest, then as of a past time into a folder."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        siege = Siege(shop, tmp_path, session)
        await siege.deliver(sales(Random(0), FIRST, AT_A_TIME))
        await siege.drain()
        middle, seen = datetime.now(UTC), []
        for turn, service in enumerate(SERVICES):
            closed = asyncio.Event()
            traffic = asyncio.create_task(trade(siege, 1 + turn * ORDERS_EACH_MAX, closed))
            await siege.until_taken(AT_A_TIME)
            said = await replayed(shop, service)
            assert (said["equal"], said["effects_run"]) == (True, 0), said
            seen.append(said["events"])
            closed.set()
            await traffic
        await siege.drain()
        at_rest = await outside(shop)
        for service, before in zip(SERVICES, seen, strict=True):
            said = await replayed(shop, service)
            assert said["equal"]
            assert said["events"] > before, f"{service} had nothing to do while it was replayed: no traffic"
            past = await replayed(
                shop, service, "--until", middle.isoformat(), "--into", str(tmp_path / service)
            )
            assert (past["effects_run"], past["published"]) == (0, 0)
            assert 0 < past["events"] < said["events"]
        assert await outside(shop) == at_rest
    assert shop.verdicts() == {}
