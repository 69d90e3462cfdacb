"""A whole system's database is killed again and again in the middle of orders: nobody ends by it, all is done once.

Not among the rows of the fault matrix, which have ten minutes: `make test-long` runs it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from contracts.parking import SERVICES
from tests.conftest import until
from tests.faults.judgement import settle_and_judge
from tests.faults.sales import STOCK, Sale, sales
from tests.faults.siege import BACK_WITHIN_SECONDS, Siege
from tests.faults.trouble import SEED, shop_in, siege_of
from tests.ops.running import Up
from tests.ops.test_cli_postgres import postmaster

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]

KILLS, ORDERS = 15, 30
THROUGH_WITHIN_SECONDS = 60.0


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that PostgreSQL may reach as another user, which pytest's own folders are not."""
    folder = Path(tempfile.mkdtemp(prefix="doorstep-killed-"))
    yield folder
    shutil.rmtree(folder)


async def test_the_database_is_killed_in_the_middle_of_orders(
    folder: Path, record_property: Callable[[str, object], None]
) -> None:
    """Each time every order that was acknowledged is through within a minute, by the same processes as before."""
    random, sold, slowest = Random(SEED + 14), list[Sale](), 0.0
    with shop_in(folder, flags=("--autopilot", "--store", "postgres")) as shop:
        shop.shelve(**STOCK)
        async with siege_of(shop) as siege:
            before = services(siege)
            for _ in range(KILLS):
                more = sales(random, 100_000 + len(sold), ORDERS)
                sold += more
                async with asyncio.TaskGroup() as channels:
                    channels.create_task(siege.deliver(more))
                    await siege.until_taken(random.randint(1, ORDERS))
                    await kill_database(shop.up)
                taken = time.monotonic()
                await siege.drain(within_seconds=THROUGH_WITHIN_SECONDS)
                slowest = max(slowest, time.monotonic() - taken)
            assert services(siege) == before, shop.up.errors()
            await settle_and_judge(siege, sold)
        assert shop.up.errors().count("postgres was killed by SIGKILL") == KILLS
    record_property(
        "tried",
        f"killed {KILLS} times under {len(sold)} orders, all through within {slowest:.0f} s, seed {SEED}",
    )


def services(siege: Siege) -> dict[str, int]:
    """The services' processes."""
    return {name: pid for name, pid in siege.pids().items() if name in SERVICES}


async def kill_database(up: Up) -> None:
    """SIGKILL it, and return once another one stands in its place."""
    os.kill(killed := postmaster(up), signal.SIGKILL)

    def is_replaced() -> bool:
        with suppress(FileNotFoundError, IndexError):  # it is just writing down which one it is
            return postmaster(up) != killed
        return False

    await until(is_replaced, BACK_WITHIN_SECONDS)
