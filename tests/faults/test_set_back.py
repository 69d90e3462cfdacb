"""F24: one service's store is put back to what it was half a minute and many orders ago, while its peers know more."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from contracts.parking import SERVICES
from tests.faults.judgement import settle_and_judge
from tests.faults.machine import Machine, machine
from tests.faults.sales import Sale, sales
from tests.faults.trouble import SEED, last, siege_of, trading

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(400)]

OLDER_SECONDS = float(os.environ.get("FAULTS_OLDER_SECONDS", "30"))
SET_BACK = int(os.environ.get("FAULTS_SET_BACK", "2"))
"""How many of the services, drawn by the seed: each needs a start of the whole system."""
ORDERS_EACH = 10
CAUGHT_UP = "caught_up_with_own_stream"


async def test_one_service_after_another_is_put_back_and_catches_up(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """From a backup of the running system. Nobody helps; every order ends right, and nothing was done twice."""
    random, sold, caught_up = Random(SEED + 24), list[Sale](), dict[str, int]()
    with machine(tmp_path) as running:
        up = running.shop.up
        async with siege_of(running.shop) as siege:
            async with trading(siege, sold, random):
                copied = await asyncio.to_thread(up.run, "backup", str(tmp_path / "copy"))
                assert copied.returncode == 0, copied.stderr
                await last(OLDER_SECONDS)
            for service in random.sample(SERVICES, SET_BACK):
                await siege.drain()
                assert await asyncio.to_thread(up.stop) == 0
                put_back(running, service, tmp_path / "copy")
                await asyncio.to_thread(up.start)
                await siege.until_ready()
                caught_up[service] = events_taken_over(running, service)
                orders = sales(random, 100_000 + len(sold), ORDERS_EACH)
                sold += orders
                await siege.deliver(orders)
            await settle_and_judge(siege, sold)
    assert all(caught_up.values()), caught_up
    told = ", ".join(f"{service} by {events} events" for service, events in caught_up.items())
    record_property("tried", f"{OLDER_SECONDS:g} s and more back, caught up: {told}, seed {SEED}")


def put_back(running: Machine, service: str, backup: Path) -> None:
    """What a person does who thinks that the newest store is lost."""
    store = running.shop.up.data / "stores" / f"{service}.sqlite"
    for left in store.parent.glob(f"{service}.sqlite*"):
        left.unlink()
    shutil.copy(backup / f"{service}.sqlite", store)


def events_taken_over(running: Machine, service: str) -> int:
    """By its own log."""
    log = (running.shop.up.data / "logs" / f"{service}.log").read_text()
    return sum(json.loads(line)["events"] for line in log.splitlines() if CAUGHT_UP in line)
