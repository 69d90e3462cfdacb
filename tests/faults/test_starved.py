"""F11, F28: a service gets next to no processor time, or not one file descriptor more. The others go on, and it too,
as soon as it has again what it needs.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from random import Random

import aiohttp
import pytest

from chassis.bus import Bus, connect
from contracts.catalogue import sources_of
from contracts.parking import SERVICES
from tests.conftest import until
from tests.faults.judgement import settle_and_judge
from tests.faults.place import Place
from tests.faults.place import place as place
from tests.faults.place import siege as siege
from tests.faults.sales import Sale, sales
from tests.faults.siege import Siege
from tests.faults.trouble import SEED, Note, last, memory, trading
from tests.story.shop import Shop

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(300)]

SLOW = "notify"
"""Nobody reads what it says; and a mail costs it more than any other step of an order."""
STANDS_SECONDS, RUNS_SECONDS = 0.48, 0.02
SLOWER = round((STANDS_SECONDS + RUNS_SECONDS) / RUNS_SECONDS)
ORDERS = 100
DONE_WITHIN_SECONDS = 120.0
HELD_UP_MAX, HELD_UP_SECONDS = 1.5, 5.0
"""How much longer the others may take: by a factor, and a pause or two of a crowded machine."""
GROWN_BYTES_MAX = 64 * 1024 * 1024
WITHOUT_DESCRIPTORS_SECONDS = 10.0
DEAF_SECONDS = 1.0


async def test_a_service_that_takes_its_time_holds_nobody_up(
    place: Place, siege: Siege, record_property: Note
) -> None:
    """F11: whatever it handles takes it many times as long. Its lag says so, the others are done as soon as ever."""
    random = Random(SEED + 11)
    usual = await seconds_for(siege, place.sold, random)
    await siege.drain()
    before = memory(siege)[SLOW]
    async with connect(str(place.shop.up.said["nats"]), "test") as bus, slowed(siege.pids()[SLOW]):
        beside = await seconds_for(siege, place.sold, random)
        lag = await lag_of(bus, SLOW)
    await settle_and_judge(siege, place.sold)
    grown = memory(siege)[SLOW] - before
    said = (
        f"{ORDERS} orders took the others {beside:.1f} s beside a {SLOW} {SLOWER} times as slow, {usual:.1f} s else;"
        f" it was {lag} messages behind, and grew by {grown >> 20} MiB; seed {SEED}"
    )
    print(said)
    record_property("tried", said)
    assert lag > 0, "it was not slow enough to be behind"
    assert beside < HELD_UP_MAX * usual + HELD_UP_SECONDS
    assert grown < GROWN_BYTES_MAX


async def seconds_for(siege: Siege, sold: list[Sale], random: Random) -> float:
    """How long orders take from their webhooks until nothing of them is left to do, but for the slow one."""
    orders = sales(random, 100_000 + len(sold), ORDERS)
    sold += orders
    began = time.monotonic()
    await siege.deliver(orders)
    await siege.drain(set(SERVICES) - {SLOW}, DONE_WITHIN_SECONDS)
    return time.monotonic() - began


@asynccontextmanager
async def slowed(pid: int) -> AsyncIterator[None]:
    """During the block it stands still for most of every half second."""

    async def hold_back() -> None:
        while True:
            os.kill(pid, signal.SIGSTOP)
            await last(STANDS_SECONDS)
            os.kill(pid, signal.SIGCONT)
            await last(RUNS_SECONDS)

    holding = asyncio.create_task(hold_back())
    try:
        yield
    finally:
        holding.cancel()
        with suppress(asyncio.CancelledError):
            await holding
        os.kill(pid, signal.SIGCONT)


async def lag_of(bus: Bus, service: str) -> int:
    """Messages that it has still to get or to acknowledge, of all its sources; asked of the bus, as it is slow."""
    return sum([await bus.consumer_lag(source, bus.names.durable(service)) for source in sources_of(service)])


async def test_services_without_a_file_descriptor_to_spare_take_no_harm(
    place: Place, siege: Siege, record_property: Note
) -> None:
    """F28: not one connection, not one file more, in any of them. What that keeps them from doing they do later."""
    pids = {service: pid for service, pid in siege.pids().items() if service in SERVICES}
    async with trading(siege, place.sold, Random(SEED + 28)):
        with without_descriptors(pids.values()):
            assert all(await asyncio.gather(*(is_deaf(siege, service) for service in pids)))
            await last(WITHOUT_DESCRIPTORS_SECONDS)
        await until(lambda: is_told(place.shop), DONE_WITHIN_SECONDS)
    await settle_and_judge(siege, place.sold)
    assert {name: pid for name, pid in siege.pids().items() if name in SERVICES} == pids, "nobody ended by it"
    record_property(
        "tried",
        f"no descriptor to spare for {WITHOUT_DESCRIPTORS_SECONDS:.0f} s, {len(place.sold)} orders, seed {SEED}",
    )


@contextmanager
def without_descriptors(pids: Iterable[int]) -> Iterator[None]:
    """During the block these processes keep what they have open, and whatever they want to open fails (EMFILE)."""
    before = {pid: resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in pids}
    for pid, (_, most) in before.items():
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (first_free(pid), most))
    try:
        yield
    finally:
        for pid, limits in before.items():
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


def first_free(pid: int) -> int:
    """The lowest number that is no open descriptor of the process: its next one."""
    used = {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    return next(number for number in range(len(used) + 1) if number not in used)


async def is_deaf(siege: Siege, service: str) -> bool:
    """Whether a new connection is not answered: the kernel takes it, the service cannot."""
    timeout = aiohttp.ClientTimeout(total=DEAF_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as stranger:
        try:
            async with stranger.get(f"{siege.shop.url(service)}/livez") as answer:
                return answer.status != 200
        except TimeoutError:
            return True


def is_told(shop: Shop) -> bool:
    """Whether a call to the outside failed for want of a descriptor, by the log of whoever wanted to make it."""
    logs = [shop.up.data / "logs" / f"{service}.log" for service in SERVICES]
    return any("Too many open files" in log.read_text() for log in logs)
