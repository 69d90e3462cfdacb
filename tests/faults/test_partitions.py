"""F9: the network falls apart between services and bus, in one direction, too.

Whoever is cut off takes nothing on: a webhook is answered 503 and comes again. Afterwards everything was done once.
Between the nodes of a cluster it does in `test_cluster.py`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from itertools import cycle, islice
from random import Random
from typing import NamedTuple

import pytest

from chassis.bus import PUBLISH_TIMEOUT_SECONDS
from contracts.parking import SERVICES
from tests.conftest import NatsServer, free_port, until
from tests.faults.judgement import settle_and_judge
from tests.faults.sales import Sale, one_of_each
from tests.faults.siege import Siege
from tests.faults.tcp_proxy import CUT_OFF, Proxy, Way, Weather, proxy_before
from tests.faults.trouble import SEED, Note, Watch, last, shop_on, siege_of, trading
from tests.story.shop import Shop

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(300)]

ROUNDS = int(os.environ.get("FAULTS_PARTITION_ROUNDS", "2"))
PARTED_SECONDS = 1.2 * PUBLISH_TIMEOUT_SECONDS
"""Long enough for a publisher to give up and try again what was stored without its knowing."""
HELD_WITHIN_SECONDS = 30.0
KINDS = {
    "cut off": CUT_OFF,
    "not heard": Weather(silent=frozenset({Way.THERE})),
    "deaf": Weather(silent=frozenset({Way.BACK})),
}


class Place(NamedTuple):
    """A shop, the road from its services to the bus, and every order that it had so far."""

    shop: Shop
    proxy: Proxy
    sold: list[Sale]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One server behind a proxy."""
    folder = tmp_path_factory.mktemp("partitions")
    server = NatsServer(folder / "nats", free_port(), free_port())
    server.start()
    try:
        with proxy_before(server.port, seed=SEED) as proxy, shop_on(folder / "shop", proxy.url) as shop:
            yield Place(shop, proxy, [])
    finally:
        server.stop()


@pytest.fixture
async def siege(place: Place) -> AsyncIterator[Siege]:
    async with siege_of(place.shop) as attacker:
        yield attacker
    place.proxy.heal()


async def test_services_are_cut_off_in_every_way(place: Place, siege: Siege, record_property: Note) -> None:
    """Three at a time, each in its own way: one hears nothing, one is not heard, one neither; everybody has a turn."""
    random = Random(SEED + 9)
    done: list[str] = []
    turns = cycle(random.sample(SERVICES, len(SERVICES)))
    async with trading(siege, place.sold, random) as watch:
        for _ in range(ROUNDS):
            victims = dict(zip(islice(turns, len(KINDS)), KINDS, strict=True))
            for service, kind in victims.items():
                before = place.proxy.seen.held_pieces.copy()
                place.proxy.let(KINDS[kind], f"doorstep-{service}")
                await _until_felt(place.proxy, before, kind)
                done.append(f"{service} {kind}")
            await last(PARTED_SECONDS)
            place.proxy.heal()
            await siege.until_taken(1)
    assert watch.stall_seconds > PARTED_SECONDS / 2, "somebody had to wait"
    _tell(watch, ", ".join(done), record_property)
    await settle_and_judge(siege, place.sold)


async def test_swizzle(place: Place, siege: Siege, record_property: Note) -> None:
    """A random few are cut off one by one, and come back in another order: every pair of outages overlaps somehow."""
    random = Random(SEED + 99)
    gone = random.sample(SERVICES, random.randint(2, len(SERVICES)))
    back = random.sample(gone, len(gone))
    async with trading(siege, place.sold, random) as watch:
        for service in gone:
            before = place.proxy.seen.held_pieces.copy()
            place.proxy.let(CUT_OFF, f"doorstep-{service}")
            await _until_felt(place.proxy, before, "cut off")
            await last(random.uniform(0.5, 2.0))
        for service in back:
            await last(random.uniform(0.5, 2.0))
            place.proxy.heal(f"doorstep-{service}")
        await siege.until_taken(1)
    _tell(watch, f"{' '.join(gone)} cut off one by one, back as {' '.join(back)}", record_property)
    await settle_and_judge(siege, place.sold)


async def test_a_service_without_its_bus_takes_no_order(place: Place, siege: Siege) -> None:
    """503, and try again: what JetStream has not stored is not acknowledged; and then it is, once."""
    kept = one_of_each(Random(SEED), 900_000)[0]
    place.sold.append(kept)
    place.proxy.let(CUT_OFF, "doorstep-orders")
    assert await siege.is_turned_away(kept.deliveries[0])
    place.proxy.heal()
    await siege.deliver([kept])
    await settle_and_judge(siege, place.sold)


async def _until_felt(proxy: Proxy, before: dict[Way, int], kind: str) -> None:
    """The silence is one only when something was said into it, in each of its directions."""
    ways = KINDS[kind].silent
    await until(lambda: all(proxy.seen.held_pieces[way] > before[way] for way in ways), HELD_WITHIN_SECONDS)


def _tell(watch: Watch, what: str, record_property: Note) -> None:
    said = f"{what}; worst stall {watch.stall_seconds:.1f} s, seed {SEED}"
    print(said)
    record_property("tried", said)
