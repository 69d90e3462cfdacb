"""F22: one service's clock is five minutes off, and jumps back by an hour: nothing goes by the time of day.

The clock of a real process is bent by libfaketime (Debian: `apt install faketime`); its monotonic clock is not. It
gets its place as a standby does: the second process of a service takes over when the first one is killed.
"""

from __future__ import annotations

import glob
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from chassis.clock import from_rfc3339
from ops.stores import open_stores
from ops.system import find
from tests.conftest import until
from tests.faults.judgement import settle_and_judge
from tests.faults.sales import STOCK, Kind, Sale
from tests.faults.siege import Siege
from tests.faults.trouble import SEED, Note, shop_in, siege_of, trading
from tests.ops.running import REPOSITORY
from tests.story.shop import Shop

LIBRARIES = sorted(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1"))
pytestmark = [
    pytest.mark.faults,
    pytest.mark.long,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not LIBRARIES, reason="libfaketime is not here: apt install faketime"),
]

MINUTE = 60
FIVE_MINUTES, AN_HOUR = 5 * MINUTE, 60 * MINUTE
TAKES_OVER_WITHIN_SECONDS = 60.0
WEBHOOKS_EACH = 24


class Bent:
    """A process of a service whose clock is off by as much as we say, from one moment to the next."""

    def __init__(self, siege: Siege, service: str, folder: Path) -> None:
        self.service = service
        self._siege = siege
        self._clock, self._log = folder / f"{service}.clock", folder / f"{service}.bent.log"
        self.set(0)
        self.process = self._start(siege.pids()[service])

    def set(self, seconds: int) -> None:
        """From now on its clock is so many seconds ahead (or, below zero, behind)."""
        written = self._clock.with_suffix(".new")
        written.write_text(f"{seconds:+d}\n")
        written.rename(self._clock)

    async def take_over(self) -> None:
        """It waits, the first one is killed, and it serves."""
        await until(lambda: "standing_by" in self._log.read_text(), TAKES_OVER_WITHIN_SECONDS)
        await self._siege.kill(self.service)
        await until(self._serves, TAKES_OVER_WITHIN_SECONDS)

    async def _serves(self) -> bool:
        status = await self._siege.status(self.service)
        return bool(status.get("ready")) and status["pid"] == self.process.pid

    def _start(self, twin: int) -> subprocess.Popen[bytes]:
        told = Path(f"/proc/{twin}/environ").read_bytes().decode().strip("\0").split("\0")
        environment = dict(line.split("=", 1) for line in told) | {
            "LD_PRELOAD": LIBRARIES[0],
            "FAKETIME_TIMESTAMP_FILE": str(self._clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
        command = [sys.executable, "-m", f"services.{self.service}"]
        with self._log.open("wb") as log:
            return subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=log, stderr=log)


@contextmanager
def bent(siege: Siege, folder: Path, *services: str) -> Iterator[list[Bent]]:
    """Such a process of each; they drain at the end, and those of the supervisor take over again."""
    processes = [Bent(siege, service, folder) for service in services]
    try:
        yield processes
    finally:
        for each in processes:
            each.process.terminate()
        codes = [each.process.wait(30) for each in processes]
    assert codes == [0] * len(codes)


@pytest.fixture
async def siege(tmp_path: Path) -> AsyncIterator[Siege]:
    """A whole system with its own bus."""
    with shop_in(tmp_path) as shop:
        shop.shelve(**STOCK)
        async with siege_of(shop) as attacker:
            yield attacker


async def test_clocks_that_are_wrong_and_jump(siege: Siege, tmp_path: Path, record_property: Note) -> None:
    """Orders' clock is behind, shipping's ahead and then an hour back; set forth, what was due comes."""
    sold: list[Sale] = []
    with bent(siege, tmp_path, "orders", "shipping") as (orders, shipping):
        for each in (orders, shipping):
            await each.take_over()
        async with trading(siege, sold, Random(SEED + 22)):
            orders.set(-FIVE_MINUTES)
            shipping.set(FIVE_MINUTES)
            await siege.until_taken(WEBHOOKS_EACH)
            orders.set(FIVE_MINUTES)
            await siege.until_taken(WEBHOOKS_EACH)
            orders.set(FIVE_MINUTES - AN_HOUR)
            shipping.set(FIVE_MINUTES - AN_HOUR)
            await siege.until_taken(WEBHOOKS_EACH)
        for each in (orders, shipping):
            each.set(FIVE_MINUTES)
        await settle_and_judge(siege, sold)
        for each in (orders, shipping):
            each.set(0)
        seen = jumps(siege.shop, sold)
        assert min(seen.values()) > AN_HOUR - MINUTE, "their clocks did go back"
        await webhooks_count_once_whatever_the_clock_says(siege, orders, sold)
    said = f"{len(sold)} orders, two clocks 5 min off and back by 1 h, up to {max(seen.values())} s between events"
    print(said)
    record_property("tried", f"{said}, seed {SEED}")
    await settle_and_judge(siege, sold)


async def webhooks_count_once_whatever_the_clock_says(siege: Siege, orders: Bent, sold: list[Sale]) -> None:
    """The same delivery again, five minutes later and an hour earlier: it is known by its id, not by its time."""
    known = next(sale for sale in sold if sale.kind is Kind.PAID)
    before = siege.shop.order(known.order_id)
    for seconds in (FIVE_MINUTES, -AN_HOUR):
        orders.set(seconds)
        await siege.deliver([known])
        await siege.drain()
        assert siege.shop.order(known.order_id) == before
    orders.set(0)


def jumps(shop: Shop, sold: list[Sale]) -> dict[str, int]:
    """By service: the furthest that its clock went back from one of its own events to the next, in seconds."""
    found = {}
    for service in ("orders", "shipping"):
        moments = moments_of(shop, service)
        steps = (later - earlier for earlier, later in pairwise(moments))
        found[service] = -int(min(steps).total_seconds())
    return found


def moments_of(shop: Shop, service: str) -> list[datetime]:
    """When each event of a service happened, as it says, in the order of its log."""
    stores = open_stores(find(shop.up.data), (service,))
    try:
        events = stores[service].events(limit=1_000_000)
        return [from_rfc3339(event.headers["ce-time"]) for event in events]
    finally:
        stores[service].close()
