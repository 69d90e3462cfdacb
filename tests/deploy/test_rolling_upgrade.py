"""F21: services go to the next release and back one by one, consumers first, while orders come in."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from itertools import count, cycle, islice
from pathlib import Path
from random import Random

import aiohttp
import pytest

from chassis.sqlite_store import SQLiteStore
from tests.conftest import until
from tests.deploy.two_releases import SAYS_MORE, Release, Releases, is_a_repository
from tests.faults.judgement import judge
from tests.faults.sales import STOCK, Sale, sales
from tests.faults.siege import Siege
from tests.faults.test_killed_anywhere import SEED
from tests.faults.trouble import SETTINGS
from tests.ops.running import Up, ten_free_ports
from tests.story.shop import Shop

pytestmark = [
    pytest.mark.faults,
    pytest.mark.long,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not is_a_repository(), reason="no commit to upgrade from"),
]

CONSUMERS_FIRST = ("notify", "shipping", "billing", "inventory", "orders")
ROLLS = 3
"""There, back, there."""
STALL_SECONDS_MAX = 15.0
PORTION = 8
"""Orders that come in while one service is restarted."""


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    releases = Releases(tmp_path / "releases")
    (tmp_path / "releases").mkdir()
    releases.make()
    return releases


@pytest.fixture
def up(releases: Releases, tmp_path: Path) -> Iterator[Up]:
    told = SETTINGS | releases.environment
    up = Up(tmp_path / "var", ten_free_ports(), started_in=releases.folder / "nowhere", environment=told)
    try:
        up.start()
        yield up
    finally:
        ended = up.stop()
    assert ended == 0, up.errors()


@pytest.fixture
async def siege(up: Up, tmp_path: Path) -> AsyncIterator[Siege]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield Siege(Shop(up), tmp_path, session)


async def test_services_go_to_the_next_release_and_back_under_load(
    siege: Siege, releases: Releases, tmp_path: Path
) -> None:
    """Both releases read what both write: every order ends right, nothing is parked, no restart takes long."""
    siege.shop.shelve(**STOCK)
    random, first = Random(SEED), count(700_000, PORTION)
    sold: list[Sale] = []
    stalls: dict[str, float] = {}
    for roll, release in enumerate(islice(cycle((Release.NEXT, Release.BEFORE)), ROLLS)):
        for service in CONSUMERS_FIRST if release is Release.NEXT else reversed(CONSUMERS_FIRST):
            portion = sales(random, next(first), PORTION)
            sold += portion
            delivering = asyncio.create_task(siege.deliver(portion))
            stalls[f"{roll} {service}"] = await restart(siege, releases, service, release)
            await delivering
        await siege.drain()
    print(f"seed {SEED}; {len(stalls)} restarts, the longest took {max(stalls.values()):.1f} s")
    assert max(stalls.values()) < STALL_SECONDS_MAX, stalls
    await judge(siege, sold)
    assert siege.shop.verdicts() == {}
    said = what_orders_said(siege.shop.up.data)
    assert {said[0], said[-1]} == {False, True}, "the one before began, the next one ended"
    assert said != sorted(said), "and the one before worked again in between"


async def restart(siege: Siege, releases: Releases, service: str, release: Release) -> float:
    """Seconds until it serves again, from the other tree."""
    pid = siege.pids()[service]
    releases.choose(service, release)
    began = time.monotonic()
    os.kill(pid, signal.SIGTERM)

    async def serves() -> int:
        status = await siege.status(service)
        return int(status["pid"]) if status.get("ready") and status["pid"] != pid else 0

    now = await until(serves, 60, every=0.05)
    seconds = time.monotonic() - began
    assert releases.of(int(now)) is release
    return seconds


def what_orders_said(data: Path) -> list[bool]:
    """For each released order, in order: whether the next release said so."""
    with closing(SQLiteStore(data / "stores" / "orders.sqlite", read_only=True)) as store:
        events = [event for event in store.events(limit=100_000) if event.type == "orders.OrderReleased.v1"]
    return [bool(json.loads(event.data).get(SAYS_MORE)) for event in events]
