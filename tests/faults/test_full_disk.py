"""A disk is full, of the bus or a store: it is said, nothing is acknowledged that is not kept, then it goes on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from chassis.bus import connect
from tests.conftest import until
from tests.faults.judgement import settle_and_judge
from tests.faults.machine import Machine, machine
from tests.faults.sales import Sale, sales
from tests.faults.siege import Siege
from tests.faults.small_disk import SmallDisk, small_disk, why_not
from tests.faults.trouble import Note, siege_of
from tests.story.shop import Answer

pytestmark = [
    pytest.mark.faults,
    pytest.mark.long,
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can"),
]

SEED = int(os.environ.get("FAULTS_SEED", "20261122"))
BEFORE, AT_ONCE = 15, 5
NOTICED_WITHIN_SECONDS = 90.0
SIZES_MB = {"nats": 96, "stores": 96, "postgres": 256}
"""Small, and large enough for the system to start."""


class Crowded(NamedTuple):
    """A system, its small disks by folder, and every order that it had so far: each test judges all of them."""

    machine: Machine
    disks: dict[str, SmallDisk]
    sold: list[Sale]


@contextmanager
def on_small_disks(folder: Path, store: str, *parts: str) -> Iterator[Crowded]:
    """A system with these of its folders on small disks."""
    with ExitStack() as stack:
        places = {part: folder / "var" / part for part in parts}
        disks = {
            part: stack.enter_context(small_disk(place, SIZES_MB[part])) for part, place in places.items()
        }
        yield Crowded(stack.enter_context(machine(folder, store)), disks, [])


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowded]:
    """One for all that need no database."""
    with on_small_disks(tmp_path_factory.mktemp("crowded"), "sqlite", "nats", "stores") as found:
        yield found


class Buyers:
    """Orders that come in while the disk is full, a few at a time; who is refused comes again later."""

    def __init__(self, siege: Siege, sold: list[Sale]) -> None:
        self.siege = siege
        self.sold = sold
        self.refused = 0
        self._random = Random(f"{SEED} {len(sold)}")

    async def come(self) -> None:
        """A few more, each webhook once."""
        some = sales(self._random, 1 + len(self.sold), AT_ONCE)
        self.sold += some
        taken = await asyncio.gather(*(self.siege.is_taken(sale.deliveries[0]) for sale in some))
        self.refused += taken.count(False)

    async def come_first(self) -> None:
        """Some of them, while there is room."""
        for _ in range(BEFORE // AT_ONCE):
            await self.come()

    async def come_until(self, condition: Callable[[], object]) -> None:
        """More and more, until something is so."""

        async def is_so() -> object:
            await self.come()
            return await asyncio.to_thread(condition)

        await until(is_so, NOTICED_WITHIN_SECONDS, every=0.3)

    async def come_again(self) -> None:
        """Every webhook until it is taken, those that were taken before once more."""
        await self.siege.deliver(self.sold)


def readiness(siege: Siege) -> dict[str, Answer]:
    return {service: siege.shop.fetch(service, "/readyz") for service in ("orders", "inventory", "billing")}


def is_somebody_not_ready(siege: Siege) -> bool:
    return any(answer.status == 503 for answer in readiness(siege).values())


async def test_a_full_disk_of_the_stores_is_said_and_once_there_is_room_all_goes_on(
    crowded: Crowded, record_property: Note
) -> None:
    """Webhooks that the bus keeps are acknowledged; they are decided once a store can write again. No restart."""
    await stores_are_full(crowded, "stores", record_property)


async def test_a_full_disk_of_the_database_is_said_and_once_there_is_room_all_goes_on(
    tmp_path: Path, record_property: Note
) -> None:
    """The same in PostgreSQL."""
    with on_small_disks(tmp_path, "postgres", "postgres") as crowded:
        await stores_are_full(crowded, "postgres", record_property)


async def stores_are_full(crowded: Crowded, part: str, record_property: Note) -> None:
    """Fill the disk that they are on, let people buy until it shows, make room, judge."""
    async with siege_of(crowded.machine.shop) as siege:
        buyers = Buyers(siege, crowded.sold)
        await buyers.come_first()
        filled = crowded.disks[part].fill()
        await buyers.come_until(lambda: is_somebody_not_ready(siege))
        crowded.disks[part].make_room()
        await siege.until_ready()
        await buyers.come_again()
        await settle_and_judge(siege, buyers.sold)
    record_property("tried", f"{filled} bytes filled, {len(buyers.sold)} orders, seed {SEED}")


@pytest.mark.parametrize("stream", ["CHANNELS", "ORDERS"])
async def test_a_stream_that_may_not_grow_refuses_at_once_and_goes_on_when_it_may(
    crowded: Crowded, stream: str, record_property: Note
) -> None:
    """The well-behaved form of full: error 10077, nothing dropped, no restart of anything."""
    async with siege_of(crowded.machine.shop) as siege:
        buyers = Buyers(siege, crowded.sold)
        await buyers.come_first()
        await limit(crowded.machine, stream, room_bytes=1_000)
        seen = FULL[stream]
        await buyers.come_until(lambda: seen(buyers))
        await limit(crowded.machine, stream, room_bytes=1 << 30)
        await siege.until_ready()
        await buyers.come_again()
        await settle_and_judge(siege, buyers.sold)
    record_property("tried", f"{stream} full, {buyers.refused} webhooks refused, seed {SEED}")


async def test_a_full_disk_of_the_bus_refuses_webhooks_until_there_is_room_and_a_restart(
    crowded: Crowded, record_property: Note
) -> None:
    """What nats-server does when it cannot write: it stops to take anything in, until it is started again."""
    shop, disk = crowded.machine.shop, crowded.disks["nats"]
    async with siege_of(shop) as siege:
        buyers = Buyers(siege, crowded.sold)
        await buyers.come_first()
        filled = disk.fill()
        await buyers.come_until(lambda: buyers.refused > 0)
        await until(lambda: asyncio.to_thread(is_somebody_not_ready, siege), NOTICED_WITHIN_SECONDS)
        disk.make_room()
        assert await asyncio.to_thread(shop.up.stop) == 0
        await asyncio.to_thread(shop.up.start)
        await buyers.come_again()
        await settle_and_judge(siege, buyers.sold)
    record_property("tried", f"{filled} bytes filled, {buyers.refused} webhooks refused, seed {SEED}")


def relay_is_stuck(buyers: Buyers) -> bool:
    answer = readiness(buyers.siege)["orders"]
    return answer.status == 503 and not answer.json()["checks"]["relay"]["ok"]


FULL = {"CHANNELS": lambda buyers: buyers.refused > 0, "ORDERS": relay_is_stuck}
"""How it shows that a stream is full."""


async def limit(crowded: Machine, stream: str, room_bytes: int) -> None:
    """Let a stream grow by so much and no more."""
    async with connect(str(crowded.shop.up.said["nats"]), "test") as bus:
        info = await bus.jetstream.stream_info(stream)
        await bus.jetstream.update_stream(info.config.evolve(max_bytes=info.state.bytes + room_bytes))
