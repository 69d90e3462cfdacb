"""Files that a disk gives back wrong: a flipped bit, a lost end. It is detected, healed or said, never acted upon."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from chassis.bus import Bus
from chassis.sqlite_store import SQLiteStore
from contracts.catalogue import STREAMS
from contracts.parking import SERVICES
from ops.healing.stores import heal_store
from ops.running.nats_memory import MEMORY
from ops.system import System
from tests.conftest import NatsServer, until
from tests.faults.judgement import settle_and_judge
from tests.faults.machine import Machine, machine, stopped_bus
from tests.faults.sales import Sale, sales
from tests.faults.siege import BUS
from tests.faults.trouble import Note, siege_of
from tests.ops.house_tables import tables
from tests.ops.running import ten_free_ports
from tests.ops.true_story import history

pytestmark = pytest.mark.faults

SEED = int(os.environ.get("FAULTS_SEED", "20261122"))
ORDERS_EACH = 30
LOST_BYTES = 1024
WRITTEN_WITHIN_SECONDS, NOTICED_WITHIN_SECONDS = 60.0, 60.0


def flip_a_bit(file: Path, random: Random) -> int:
    """Somewhere in the file. Returns where."""
    content = bytearray(file.read_bytes())
    place = random.randrange(len(content))
    content[place] ^= 1 << random.randrange(8)
    file.write_bytes(content)
    return place


def cut_off(file: Path, _: Random) -> int:
    """Its last kilobyte. Returns where it ends now."""
    size = file.stat().st_size - LOST_BYTES
    os.truncate(file, size)
    return size


@pytest.fixture(scope="module")
def shaken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A system whose bus has bad luck with its disk."""
    with machine(tmp_path_factory.mktemp("shaken")) as found:
        yield found


@pytest.fixture(scope="module")
def sold() -> list[Sale]:
    """Every order of this system so far: each test judges all of them."""
    return []


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("damage", [flip_a_bit, cut_off], ids=lambda damage: damage.__name__)
async def test_a_stream_whose_file_is_damaged_is_whole_again_by_itself(
    shaken: Machine, sold: list[Sale], damage: Callable[[Path, Random], int], record_property: Note
) -> None:
    """In the streams of all services in turn, while orders come in. Their owners have another copy."""
    random, places = Random(f"{SEED} {damage.__name__}"), list[str]()
    async with siege_of(shaken.shop) as siege:
        for stream in ("ORDERS", "INVENTORY", "BILLING", "SHIPPING"):
            orders = sales(random, 1_000 + len(sold), ORDERS_EACH)
            sold += orders
            async with asyncio.TaskGroup() as channels:
                channels.create_task(siege.deliver(orders))
                await siege.until_taken(ORDERS_EACH // 2)
                await until(lambda name=stream: is_long(shaken, name), WRITTEN_WITHIN_SECONDS)
                async with stopped_bus(shaken, siege):
                    file = block_of(shaken, stream)
                    places.append(f"{stream}/{file.name}:{damage(file, random)}")
            await siege.until_ready()
        await settle_and_judge(siege, sold)
    record_property("tried", f"{damage.__name__} at {', '.join(places)}, {len(sold)} orders, seed {SEED}")


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.skipif(not MEMORY.is_dir(), reason="no memory file system here")
async def test_a_bus_whose_memory_is_emptied_under_it_is_started_anew(
    shaken: Machine, sold: list[Sale], record_property: Note
) -> None:
    """As logind does with what its user left there. Batches are refused from then on, until the supervisor sees it."""
    random = Random(f"{SEED} emptied")
    orders = sales(random, 1_000 + len(sold), ORDERS_EACH)
    sold += orders
    async with siege_of(shaken.shop) as siege:
        bus = siege.pids()[BUS]
        async with asyncio.TaskGroup() as channels:
            channels.create_task(siege.deliver(orders))
            await siege.until_taken(ORDERS_EACH // 2)
            shaken.empty_memory()
        await until(lambda: siege.pids().get(BUS, bus) != bus, NOTICED_WITHIN_SECONDS)
        await settle_and_judge(siege, sold)
    record_property("tried", f"memory emptied among {len(orders)} orders, {len(sold)} in all, seed {SEED}")


def is_long(shaken: Machine, stream: str) -> bool:
    """Whether there is something to damage."""
    return block_of(shaken, stream).stat().st_size > 2 * LOST_BYTES


def block_of(shaken: Machine, stream: str) -> Path:
    """The newest file of a stream's messages."""
    folder = shaken.shop.up.data / "nats" / "jetstream" / "$G" / "streams" / stream / "msgs"
    return max(folder.glob("*.blk"), key=lambda file: int(file.stem))


@pytest.mark.parametrize("service", SERVICES)
async def test_a_store_whose_file_is_damaged_says_where_and_gets_its_event_back(
    tmp_path: Path,
    bus: Bus,
    nats_server: NatsServer,
    service: str,
    record_property: Note,
) -> None:
    """One bit of one stored event: the chain of hashes names its place. The stream is the other copy."""
    random, house = Random(f"{SEED} {service}"), history()
    live = house.write(tmp_path)
    await house.publish(bus)
    event = random.choice(live[service].events(limit=1_000))
    live[service].close()
    file = tmp_path / "stores" / f"{service}.sqlite"
    places = flip_within(file, b"".join(event[4:7]), random)
    live[service] = SQLiteStore(file)
    verdicts = await house.judge(tmp_path, live, bus)
    found = f"at {STREAMS[service]} {event.position}: is not what was linked here"
    assert not verdicts["I2"].holds
    assert verdicts["I2"].detail.startswith(f"{event.entity} {found}")
    live[service].close()
    system = System(tmp_path, ten_free_ports(), nats_server.url, {})
    await heal_store(system, service, force=True, table_of=tables().__getitem__)
    with closing(SQLiteStore(file)) as healed:
        assert event in healed.events(limit=1_000)
    record_property("tried", f"{service}: bit flipped at {places} of its store, in event {event.position}")


def flip_within(file: Path, part: bytes, random: Random) -> list[int]:
    """One bit of these bytes, wherever they stand in a file: it keeps old copies of its pages. Returns where."""
    content = bytearray(file.read_bytes())
    offset, bit = random.randrange(len(part)), 1 << random.randrange(8)
    places = [found.start() + offset for found in re.finditer(re.escape(part), content)]
    for place in places:
        content[place] ^= bit
    file.write_bytes(content)
    return places
