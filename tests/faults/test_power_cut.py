"""The power goes off in the middle of orders: what a disk was not told to sync is gone, and no acknowledged order is.

The disks are ours (`lossy_files`): they forget, or, in every other cut, keep pages of it at random, which tears writes.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from nats.js.errors import NotFoundError

from chassis.bootstrap import bootstrap
from chassis.bus import Bus, connect
from tests.conftest import NatsServer, free_port
from tests.faults.judgement import settle_and_judge
from tests.faults.lossy_files import lossy_disk, why_not
from tests.faults.machine import BUS_FILES, DISKS, Machine, machine, stopped_bus
from tests.faults.sales import Sale, sales
from tests.faults.siege import Siege
from tests.faults.trouble import Note, siege_of

pytestmark = [
    pytest.mark.faults,
    pytest.mark.long,
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can"),
]

SEED = int(os.environ.get("FAULTS_SEED", "20261122"))
CUTS, CUTS_OF_A_DATABASE, ORDERS_EACH = 3, 2, 40
MESSAGES = 200


class Dark(NamedTuple):
    """A system on disks that forget, and every order that it had so far: each test judges all of them."""

    machine: Machine
    sold: list[Sale]


@pytest.fixture(scope="module")
def dark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dark]:
    """One for all that need no database."""
    with machine(tmp_path_factory.mktemp("dark"), "sqlite", *DISKS["sqlite"]) as found:
        yield Dark(found, [])


async def test_no_acknowledged_order_is_lost_when_the_whole_machine_goes_dark(
    dark: Dark, record_property: Note
) -> None:
    """Bus and stores at the same moment, with the place linked into memory where the bus stages its batches."""
    await goes_dark(dark, CUTS, record_property)


async def test_no_acknowledged_order_is_lost_when_it_goes_dark_with_its_database(
    tmp_path: Path, record_property: Note
) -> None:
    """The same with PostgreSQL on the disk that forgets."""
    with machine(tmp_path, "postgres", *DISKS["postgres"]) as found:
        await goes_dark(Dark(found, []), CUTS_OF_A_DATABASE, record_property)


async def goes_dark(dark: Dark, cuts: int, record_property: Note) -> None:
    """Cut the power while orders come in, switch it on, again and again; then everything is judged."""
    random, lost = Random(SEED), 0
    async with siege_of(dark.machine.shop) as siege:
        for cut in range(cuts):
            async with ordering(siege, dark.sold, random):
                assert batches_are_staged_in_memory(dark.machine)
                torn_by = random.randint(1, 1000) if cut % 2 else None
                lost += await asyncio.to_thread(dark.machine.cut_power, torn_by)
                await asyncio.to_thread(dark.machine.shop.up.start)
        await settle_and_judge(siege, dark.sold)
    assert lost > 0
    record_property(
        "tried", f"{cuts} power cuts, {len(dark.sold)} orders, {lost} un-synced bytes gone, seed {SEED}"
    )


@asynccontextmanager
async def ordering(siege: Siege, sold: list[Sale], random: Random) -> AsyncIterator[None]:
    """Orders come in from before until after the block, each until it is acknowledged; then all is ready again."""
    orders = sales(random, 1_000 + len(sold), ORDERS_EACH)
    sold += orders
    async with asyncio.TaskGroup() as channels:
        channels.create_task(siege.deliver(orders))
        await siege.until_taken(random.randint(5, ORDERS_EACH // 2))
        yield
    await siege.until_ready()


def batches_are_staged_in_memory(dark: Machine) -> bool:
    """Whether the machine runs as it does in a shop (ADR 0010): every stream that is there, linked."""
    streams = list((dark.shop.up.data / "nats" / "jetstream" / "$G" / "streams").iterdir())
    return bool(streams) and all((stream / "batches").is_symlink() for stream in streams)


async def test_no_acknowledged_order_is_lost_when_the_bus_alone_goes_dark(
    dark: Dark, record_property: Note
) -> None:
    """Its disk forgets while the services go on: they publish again what it had not answered for."""
    random, lost = Random(SEED), 0
    async with siege_of(dark.machine.shop) as siege:
        for cut in range(CUTS):
            async with ordering(siege, dark.sold, random), stopped_bus(dark.machine, siege):
                torn_by = random.randint(1, 1000) if cut % 2 else None
                lost += await asyncio.to_thread(dark.machine.disks[BUS_FILES].power_cut, torn_by)
        await settle_and_judge(siege, dark.sold)
    record_property(
        "tried", f"{CUTS} power cuts of the bus, {len(dark.sold)} orders, {lost} bytes gone, seed {SEED}"
    )


class CarelessNats(NatsServer):
    """With the default: what it acknowledged is synced two minutes later."""

    def configuration(self) -> str:
        return super().configuration().replace("sync_interval: always,", "")


@pytest.mark.parametrize("server", [NatsServer, CarelessNats])
async def test_a_bus_that_does_not_sync_loses_what_it_acknowledged_and_ours_does_not(
    tmp_path: Path, server: type[NatsServer], record_property: Note
) -> None:
    """The negative control: the loss that `sync_interval: always` is there to prevent, shown by the same cut."""
    with lossy_disk(tmp_path / "nats") as disk:
        nats = server(disk.folder, free_port(), free_port())
        nats.start()
        try:
            async with connect(nats.url, "test") as bus:
                await bootstrap(bus)
                for number in range(MESSAGES):
                    await bus.jetstream.publish("evt.channels.market.order_placed", b"%d" % number)
            nats.kill()
            lost = disk.power_cut()
            nats.start()
            async with connect(nats.url, "test") as bus:
                left = await left_in(bus)
        finally:
            nats.kill()
    record_property(
        "tried", f"{server.__name__}: {left} of {MESSAGES} acknowledged messages left, {lost} bytes gone"
    )
    assert left == MESSAGES if server is NatsServer else left < MESSAGES


async def left_in(bus: Bus) -> int:
    """How many messages there are; none where the stream itself is gone."""
    try:
        return (await bus.stream_info("CHANNELS"))[0]
    except NotFoundError:
        return 0


async def test_a_bus_that_lost_everything_gets_it_back_from_the_stores(
    tmp_path: Path, record_property: Note
) -> None:
    """A careless bus again, under a whole shop: its owners publish once more, nothing is done twice.

    What the cut leaves of its files can keep it from becoming healthy at all; so they go too, which is no worse.
    """
    random = Random(SEED)
    with lossy_disk(tmp_path / "bus") as disk:
        nats = CarelessNats(disk.folder, free_port(), free_port())
        nats.start()
        try:
            with machine(tmp_path, "sqlite", DOORSTEP_NATS_URL=nats.url) as dark:
                async with siege_of(dark.shop) as siege:
                    sold = sales(random, 1, ORDERS_EACH)
                    await siege.deliver(sold)
                    await siege.drain()
                    await asyncio.to_thread(dark.kill)
                    nats.kill()
                    assert disk.power_cut() > 0
                    shutil.rmtree(disk.folder / "js", ignore_errors=True)
                    nats.start()
                    async with connect(nats.url, "test") as bus:
                        assert await left_in(bus) == 0
                    await asyncio.to_thread(dark.shop.up.start)
                    more = sales(random, 1_000, ORDERS_EACH)
                    await siege.deliver(more)
                    await settle_and_judge(siege, sold + more)
        finally:
            nats.kill()
    record_property(
        "tried", f"every stream lost after {len(sold)} orders, {len(more)} more afterwards, seed {SEED}"
    )
