"""Several processes of one service: whoever works is stopped, and within ten seconds another one works."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from bench.machine import children
from chassis.bus import Bus, open_bus
from chassis.migrate import migrate
from chassis.service import Assembly, Running
from chassis.settings import SERVICE_PORTS, System
from chassis.sqlite_store import SQLiteStore
from tests.chassis.test_ownership import IN_A_NAMESPACE, may_unshare
from tests.conftest import NatsServer, free_port, until
from tests.faults.shipping_crew import Crew
from tests.faults.trouble import last
from tests.ops.running import REPOSITORY, ten_free_ports
from tests.postgres import LocalPostgres, local_postgres
from tests.shipping.conftest import orders
from tests.shipping.houses import SandboxHouse

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(400)]

TAKEN_OVER_WITHIN_SECONDS = 10.0
ROUNDS = {
    "sqlite": (signal.SIGSTOP, signal.SIGKILL),
    "postgres": (signal.SIGSTOP, signal.SIGKILL, signal.SIGSTOP),
}
"""How the one that works is taken away, round by round."""
CROWD = 3
WHY_IT_WENT = (
    "the lock on doorstep_default_shipping was lost|another process wrote to doorstep_default_shipping"
)
AWAY_SECONDS = (1.0, 6.0)
"""Shorter and longer than a store waits for its database in one go."""


@pytest.fixture(params=["sqlite", "postgres"])
def postgres(request: pytest.FixtureRequest) -> Iterator[LocalPostgres | None]:
    """The database of our own that their store is in; None for a file."""
    if request.param == "sqlite":
        yield None
        return
    with local_postgres() as server:
        yield server


@pytest.fixture
async def crew(
    postgres: LocalPostgres | None, bus: Bus, nats_server: NatsServer, tmp_path: Path
) -> AsyncIterator[Crew]:
    """Nobody yet, with a carrier, and somebody who tells of orders."""
    house = SandboxHouse(tmp_path / "carrier.log")
    await house.start()
    settings = System(port_base=free_port() - SERVICE_PORTS["orders"], nats_url=nats_server.url)
    own_bus = await open_bus(nats_server.url, "teller")
    store = SQLiteStore(tmp_path / "orders.sqlite")
    teller = Running(Assembly(orders(), lambda _: []), settings, own_bus, store)
    await teller.start()
    async with aiohttp.ClientSession() as session:
        url = postgres.url if postgres else ""
        crew = Crew(tmp_path, nats_server.url, url, house, bus, teller, session)
        yield crew
    crew.end()
    await teller.stop()
    await house.stop()


async def test_three_of_everything_at_once_and_the_one_that_works_is_stopped(crew: Crew) -> None:
    """Started together, also those that migrate and make streams; stopped or killed under load; again and again."""
    async with crew.busy():
        for way in ROUNDS["postgres" if crew.database_url else "sqlite"]:
            await set_up_three_times(crew)
            three = {process.pid: process for process in (crew.start() for _ in range(CROWD))}
            first = await crew.serving()
            await crew.more_is_done()
            stopped = time.monotonic()
            os.kill(first, way)
            seconds = await crew.taken_over(stopped, but=first)
            print(f"taken over {seconds:.1f} s after {way.name}")
            assert seconds < TAKEN_OVER_WITHIN_SECONDS
            assert await until(three[first].poll) == -signal.SIGKILL, "so that it never wakes up"
            await crew.more_is_done()
            crew.end()
        crew.start()
        await crew.serving()
    await crew.assert_each_order_once()


@pytest.mark.skipif(not may_unshare(), reason="no right to make a process namespace")
@pytest.mark.parametrize("postgres", ["postgres"], indirect=True)
async def test_one_stopped_on_another_machine_wakes_up_and_goes(crew: Crew) -> None:
    """Nobody can kill it from here: it finds its lock gone, or its place taken, and does nothing any more."""
    migrate(crew.database_url, stores=("shipping",))
    here = crew.port_base
    there = ten_free_ports(but=here)  # it keeps its port for as long as it stands still
    first = crew.start(*IN_A_NAMESPACE, port_base=there)
    await crew.serving(there)
    (inner,) = children(first.pid)
    crew.start()
    async with crew.busy():
        await until(lambda: "standing_by" in crew.log(1).read_text())
        await crew.more_is_done(there)
        stopped = time.monotonic()
        os.kill(inner, signal.SIGSTOP)
        seconds = await crew.taken_over(stopped, here, but=inner)
        print(f"taken over after {seconds:.1f} s")
        assert seconds < TAKEN_OVER_WITHIN_SECONDS
        await crew.more_is_done()
        woken = time.monotonic()
        os.kill(inner, signal.SIGCONT)
        await crew.more_is_done()
        assert await until(first.poll, 30) == 1
        assert re.search(WHY_IT_WENT, crew.log(0).read_text().splitlines()[-1])
        await crew.more_is_done()
        print(f"the other one woke up, went, and more was done after {time.monotonic() - woken:.1f} s")
        assert time.monotonic() - woken < TAKEN_OVER_WITHIN_SECONDS
    await crew.assert_each_order_once()
    assert crew.processes[1].returncode == -signal.SIGKILL, "the successor worked until the end"


@pytest.mark.parametrize("postgres", ["postgres"], indirect=True)
@pytest.mark.parametrize("away_seconds", AWAY_SECONDS)
async def test_who_works_goes_on_after_a_restart_of_the_database(
    crew: Crew, postgres: LocalPostgres, away_seconds: float
) -> None:
    """Its lock is gone with the server: it takes it again, finds its store as it left it, and has not ended."""
    migrate(crew.database_url, stores=("shipping",))
    crew.start()
    works = await crew.serving()
    async with crew.busy():
        await crew.more_is_done()
        await asyncio.to_thread(postgres.kill)
        await last(away_seconds)
        assert not (await crew.status()).get("ready"), "it says that it cannot write"
        await asyncio.to_thread(postgres.start)
        assert await crew.serving() == works
        await crew.more_is_done()
    assert "lock_taken_again" in crew.log(0).read_text()
    await crew.assert_each_order_once()


async def set_up_three_times(crew: Crew) -> None:
    """Streams, and schemas where there is a database: three of each at the same moment."""
    modules = ("chassis.bootstrap", "chassis.migrate") if crew.database_url else ("chassis.bootstrap",)
    setting_up = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, cwd=REPOSITORY, env=os.environ | crew.environment()
        )
        for module in modules * CROWD
    ]
    assert {await process.wait() for process in setting_up} == {0}
