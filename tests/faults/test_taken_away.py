"""F1, F2, F28: one process is killed, or all are told to stop, in the middle of orders: how soon it is as before.

Not whether: that is `test_killed_anywhere.py`, with many more kills.
"""

from __future__ import annotations

import asyncio
import signal
import time
from random import Random

import pytest

from contracts.parking import SERVICES
from tests.faults.judgement import settle_and_judge
from tests.faults.place import Place
from tests.faults.place import place as place
from tests.faults.place import siege as siege
from tests.faults.sales import Sale, sales
from tests.faults.siege import BUS, Siege
from tests.faults.trouble import SEED, Note

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(300)]

ORDERS = 30
BACK_WITHIN_SECONDS = 15.0
SLOWER_MAX, PAUSE_SECONDS = 1.5, 2.0
"""Full speed again: by a factor, and a pause of a crowded machine."""
STOPS = 3
DRAINED_WITHIN_SECONDS = 20.0


async def test_whoever_is_killed_is_back_at_full_speed_in_time(
    place: Place, siege: Siege, record_property: Note
) -> None:
    """From the kill until every order that was under way is through, and the next ones take no longer than ever."""
    random, took = Random(SEED + 1), dict[str, float]()
    usual = await seconds_for(siege, place.sold, random)
    for victim in (*SERVICES, BUS):
        async with asyncio.TaskGroup() as channels:
            channels.create_task(siege.deliver(some_more(place.sold, random)))
            await siege.until_taken(ORDERS // 3)
            killed = time.monotonic()
            await siege.kill(victim)
        await siege.drain()
        took[victim] = time.monotonic() - killed
        again = await seconds_for(siege, place.sold, random)
        assert took[victim] < BACK_WITHIN_SECONDS, victim
        assert again < SLOWER_MAX * usual + PAUSE_SECONDS, victim
    await settle_and_judge(siege, place.sold)
    told = ", ".join(f"{victim} after {seconds:.1f} s" for victim, seconds in took.items())
    print(told)
    record_property(
        "tried", f"all orders through again: {told}; {ORDERS} orders take {usual:.1f} s, seed {SEED}"
    )


async def test_told_to_stop_in_the_middle_of_orders_it_drains_and_ends_well(
    place: Place, siege: Siege, record_property: Note
) -> None:
    """SIGTERM, as a host says it: exit code 0 in time, and nothing is acknowledged that is not kept."""
    random, up, longest = Random(SEED + 28), place.shop.up, 0.0
    for _ in range(STOPS):
        async with asyncio.TaskGroup() as channels:
            channels.create_task(siege.deliver(some_more(place.sold, random)))
            await siege.until_taken(random.randint(1, ORDERS // 2))
            told = time.monotonic()
            assert await asyncio.to_thread(up.stop, signal.SIGTERM) == 0, up.errors()
            longest = max(longest, time.monotonic() - told)
            await asyncio.to_thread(up.start)
    assert longest < DRAINED_WITHIN_SECONDS
    await settle_and_judge(siege, place.sold)
    record_property(
        "tried", f"{STOPS} times, ended within {longest:.1f} s, {len(place.sold)} orders, seed {SEED}"
    )


def some_more(sold: list[Sale], random: Random) -> list[Sale]:
    """The next orders of this shop."""
    orders = sales(random, 100_000 + len(sold), ORDERS)
    sold += orders
    return orders


async def seconds_for(siege: Siege, sold: list[Sale], random: Random) -> float:
    """How long orders take from their webhooks until nothing of them is left to do."""
    began = time.monotonic()
    await siege.deliver(some_more(sold, random))
    await siege.drain()
    return time.monotonic() - began
