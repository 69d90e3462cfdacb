"""Every service killed at every point and at random, in the middle of hundreds of orders: nothing lost, nothing twice.

A kill is SIGKILL: no handler runs, no buffer is flushed. Each test proves that its kills happened, lets the system
come back by itself, drains it, and judges every order by a model of its own and by the logs of the outside.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from chassis.crashpoints import POINTS
from contracts.parking import SERVICES
from tests.faults.judgement import judge
from tests.faults.sales import STOCK, Sale, one_of_each, sales
from tests.faults.siege import BUS, SANDBOXES, Siege
from tests.faults.trouble import shop_in, siege_of
from tests.story.shop import Shop

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(420)]

SEED = int(os.environ.get("FAULTS_SEED", "20261121"))
"""Printed by the test. Another one tries other orders, other victims and other moments."""
ORDERS = int(os.environ.get("FAULTS_ORDERS", "2000"))
"""As many as kill its victims in their turn; `make soak` takes thousands."""
VICTIMS = {**dict.fromkeys(SERVICES, 3), BUS: 3, **dict.fromkeys(SANDBOXES, 1)}
"""Who is killed how often while they come in."""
CALLERS = ("shipping", "billing", "notify")
ONLY_IN = {"before_call": CALLERS, "after_call": CALLERS, "after_webhook_stored": ("orders",)}
"""Points that not every service comes by: labels, charges and mails are called for, webhooks come to orders."""
STRUCK_WITHIN_SECONDS = 60.0


def services_at(point: str) -> tuple[str, ...]:
    """The services that get to a point."""
    return ONLY_IN.get(point, SERVICES)


@pytest.fixture(scope="module")
def besieged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One system that buys its labels over HTTP and lets its parcels stand for a second, so that some are cancelled.

    Its gateway and its carrier lose an answer now and then, after the effect.
    """
    with shop_in(tmp_path_factory.mktemp("siege"), killable=True) as shop:
        shop.shelve(**STOCK)
        shop.behave("gateway", mode="timeout_after_effect", every=7)
        shop.behave("carrier", mode="timeout_after_effect", every=11)
        yield shop
        assert shop.verdicts() == {}


@pytest.fixture
async def siege(besieged: Shop) -> AsyncIterator[Siege]:
    """The attacker of one test."""
    async with siege_of(besieged) as attacker:
        yield attacker


@pytest.fixture(scope="module")
def sold() -> list[Sale]:
    """Every order of this system so far: each test judges all of them."""
    return []


async def test_killed_at_every_point_in_every_service_at_once(
    siege: Siege, sold: list[Sale], record_property: Callable[[str, object], None]
) -> None:
    """The worst moments, each in all services that know it at the same time: they come back, every order ends right."""
    random, kills = Random(SEED), 0
    for point in POINTS:
        await siege.until_ready()
        before = siege.pids()
        plants = {service: siege.plant(service, point) for service in services_at(point)}
        await strike(siege, sold, random, plants)
        await siege.until_ready()
        after = siege.pids()
        assert all(after[service] != before[service] for service in plants), point
        kills += len(plants)
    await siege.drain()
    await judge(siege, sold)
    record_property("tried", f"{kills} killed at {len(POINTS)} points, {len(sold)} orders, seed {SEED}")


async def strike(siege: Siege, sold: list[Sale], random: Random, plants: dict[str, Path]) -> None:
    """Let orders come in until every service has got to where it dies."""
    deadline = time.monotonic() + STRUCK_WITHIN_SECONDS
    while any(plant.exists() for plant in plants.values()):
        assert time.monotonic() < deadline, f"not everybody got there: {plants}"
        orders = one_of_each(random, 100_000 + len(sold))
        sold.extend(orders)
        await siege.deliver(orders)
        await siege.let_work(plants.values())


async def test_hundreds_of_orders_survive_kills_at_random(
    siege: Siege, sold: list[Sale], record_property: Callable[[str, object], None]
) -> None:
    """While they come in, services and the bus are killed one after the other, and die at planted points."""
    random = Random(SEED)
    orders, victims = sales(random, 500_000, ORDERS), _in_random_order(random)
    print(f"seed {SEED}: {ORDERS} orders; killed one after the other: {', '.join(victims)}")
    sold.extend(orders)
    plants: list[Path] = []
    started = time.monotonic()
    async with asyncio.TaskGroup() as channels:
        for n, victim in enumerate(victims):
            portion = orders[n :: len(victims)]
            channels.create_task(siege.deliver(portion))
            await siege.until_taken(random.randint(1, len(portion) // 2))
            await siege.kill(victim)
            point = random.choice(POINTS)
            standing = set(services_at(point)) & siege.pids().keys() - {victim}
            plants += [siege.plant(service, point, random.randint(1, 50)) for service in sorted(standing)]
    struck = sum(not plant.exists() for plant in plants)
    for plant in plants:
        plant.unlink(missing_ok=True)
    print(f"{len(victims)} kills and {struck} at planted points within {time.monotonic() - started:.0f} s")
    assert struck > 0
    record_property(
        "tried", f"{ORDERS} orders, {len(victims)} kills and {struck} at planted points, seed {SEED}"
    )
    await siege.until_ready()
    await siege.drain()
    print(f"drained after {time.monotonic() - started:.0f} s")
    await judge(siege, sold)


def _in_random_order(random: Random) -> list[str]:
    return random.sample(list(VICTIMS), k=sum(VICTIMS.values()), counts=list(VICTIMS.values()))
