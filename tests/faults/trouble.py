"""A shop in trouble: orders keep coming while the network is taken away, and what that does to it is measured."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random

import aiohttp

from contracts.parking import SERVICES
from tests.faults.sales import STOCK, Sale, sales
from tests.faults.siege import Siege
from tests.ops.running import Up, ten_free_ports
from tests.story.shop import GATEWAY_COLLECTS, Shop

SEED = int(os.environ.get("FAULTS_SEED", "20261122"))
"""Printed by each test. Another one tries other orders, other victims and other moments."""
SETTINGS = GATEWAY_COLLECTS | {
    "DOORSTEP_SHIPPING__CARRIER": "sandbox",
    "DOORSTEP_SHIPPING__AUTOPILOT_AFTER_SECONDS": "1",
}
AT_A_TIME = 12
LOOK_SECONDS = 0.1
RETRIES_PER_SECOND_MAX = 50
"""Of all services together: practice F3."""
RETRIES = re.compile(r'"event": ?"(relay_interrupted|source_away)"')
RELAY_AGE = re.compile(r"^doorstep_relay_age_seconds\{.*\} (\S+)$", re.M)
RELAY_BEHIND = re.compile(r"^doorstep_relay_behind\{.*\} (\S+)$", re.M)

type Note = Callable[[str, object], None]
"""`record_property`: by it a test says what it has tried."""


@contextmanager
def shop_in(
    folder: Path,
    settings: Mapping[str, str] = SETTINGS,
    *,
    flags: tuple[str, ...] = ("--autopilot",),
    killable: bool = False,
) -> Iterator[Shop]:
    """A running shop in a folder of its own. It must end well. In a `killable` one kills at a point can be planted."""
    crashes = folder / "crashes"
    crashes.mkdir(parents=True)
    told = {**settings, **({"DOORSTEP_CRASH_DIR": str(crashes)} if killable else {})}
    up = Up(folder / "var", ten_free_ports(), flags, environment=told)
    try:
        up.start()
        yield Shop(up)
    finally:
        ended = up.stop()
    assert ended == 0, up.errors()


@contextmanager
def shop_on(folder: Path, nats_url: str, **settings: str) -> Iterator[Shop]:
    """One whose bus is not its own, well stocked."""
    with shop_in(folder, SETTINGS | {"DOORSTEP_NATS_URL": nats_url} | settings) as shop:
        shop.shelve(**STOCK)
        yield shop


@asynccontextmanager
async def siege_of(shop: Shop) -> AsyncIterator[Siege]:
    """The attacker of one test."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield Siege(shop, shop.up.data.parent / "crashes", session)


@dataclass
class Trade:
    """Orders that come in all the time. `sold` is every order of this shop, also of the tests before."""

    siege: Siege
    sold: list[Sale]
    random: Random
    batch: int = AT_A_TIME
    _is_over: bool = False

    async def run(self) -> None:
        """One handful after the other, each until all of it is acknowledged."""
        while not self._is_over:
            handful = sales(self.random, 100_000 + len(self.sold), self.batch)
            self.sold.extend(handful)
            await self.siege.deliver(handful)

    def close(self) -> None:
        """The handful under way is the last."""
        self._is_over = True


@dataclass
class Watch:
    """What was seen while it lasted, in seconds, events and bytes."""

    siege: Siege
    pause_seconds: float = 0.0
    """The longest time without an acknowledged webhook."""
    stalls_seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(SERVICES, 0.0))
    """By service: for how long its stream took nothing while it had something to say."""
    behind_max: int = 0
    retries_per_second: int = 0
    """At most, of all services together."""
    is_trading: bool = True
    _since: float = field(default_factory=time.time)

    @property
    def stall_seconds(self) -> float:
        """The worst of all."""
        return max(self.pause_seconds, *self.stalls_seconds.values())

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        taken, at = self.siege.taken, time.monotonic()
        while True:
            if self.siege.taken != taken or not self.is_trading:
                taken, at = self.siege.taken, time.monotonic()
            self.pause_seconds = max(self.pause_seconds, time.monotonic() - at)
            await asyncio.gather(*(self._look_at(service) for service in SERVICES))
            await asyncio.sleep(LOOK_SECONDS)

    async def _look_at(self, service: str) -> None:
        text = await self._metrics(service)
        for age in RELAY_AGE.findall(text):
            self.stalls_seconds[service] = max(self.stalls_seconds[service], float(age))
        for behind in RELAY_BEHIND.findall(text):
            self.behind_max = max(self.behind_max, int(float(behind)))

    async def _metrics(self, service: str) -> str:
        try:
            async with self.siege.session.get(f"{self.siege.shop.url(service)}/metrics") as answer:
                return await answer.text()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return ""

    def count_retries(self) -> None:
        """From the services' own logs: how many attempts they made in the worst second."""
        seconds = Counter(int(moment) for moment in retries(self.siege.shop) if moment >= self._since)
        self.retries_per_second = max(seconds.values(), default=0)


def retries(shop: Shop) -> list[float]:
    """When any service tried again to reach its stream, by its log."""
    logs = [shop.up.data / "logs" / f"{service}.log" for service in SERVICES]
    lines = (line for log in logs for line in log.read_text().splitlines() if RETRIES.search(line))
    return [datetime.fromisoformat(json.loads(line)["timestamp"]).timestamp() for line in lines]


@asynccontextmanager
async def trading(
    siege: Siege, sold: list[Sale], random: Random, batch: int = AT_A_TIME
) -> AsyncIterator[Watch]:
    """Orders come in during the block; at its end all are acknowledged, and what was seen is complete."""
    trade, watch = Trade(siege, sold, random, batch), Watch(siege)
    async with asyncio.TaskGroup() as tasks:
        looking = tasks.create_task(watch.run())
        orders = tasks.create_task(trade.run())
        await siege.until_taken(batch)
        yield watch
        trade.close()
        await orders
        looking.cancel()
    watch.count_retries()


async def last(seconds: float) -> None:
    """Let a fault go on for so long: its length is what is tried, there is nothing else to wait for."""
    await asyncio.sleep(seconds)


def memory(siege: Siege) -> dict[str, int]:
    """Resident bytes of each service."""
    found: dict[str, int] = defaultdict(int)
    for name, pid in siege.pids().items():
        if name in SERVICES:
            found[name] = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return found
