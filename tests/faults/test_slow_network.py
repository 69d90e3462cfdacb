"""F10: the network between services and bus is slow, lossy, thin or lies: queues stay short, all arrives, once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from random import Random
from typing import NamedTuple

import pytest

from chassis.relay import UNPUBLISHED_MAX
from contracts.parking import SERVICES
from tests.conftest import NatsServer, free_port, until
from tests.faults.judgement import settle_and_judge
from tests.faults.sales import Sale
from tests.faults.siege import Siege
from tests.faults.tcp_proxy import Proxy, Weather, proxy_before
from tests.faults.trouble import SEED, Note, memory, shop_on, siege_of, trading
from tests.story.shop import Shop

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(300)]

DELAY_SECONDS = (0.05, 0.5)
THIN_BYTES_PER_SECOND = 20_000
RESETS = 5
WEBHOOKS_EACH = 24
"""So many are acknowledged in each kind of weather."""
GROWN_BYTES_MAX = 64 * 1024 * 1024
NOTICED_WITHIN_SECONDS = 60.0
FORGOTTEN = "doorstep-notify"


class Place(NamedTuple):
    """A shop, and the road from its services to the bus."""

    shop: Shop
    proxy: Proxy


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One server behind a proxy."""
    folder = tmp_path_factory.mktemp("slow")
    server = NatsServer(folder / "nats", free_port(), free_port())
    server.start()
    try:
        with proxy_before(server.port, seed=SEED) as proxy, shop_on(folder / "shop", proxy.url) as shop:
            yield Place(shop, proxy)
    finally:
        server.stop()


@pytest.fixture
async def siege(place: Place) -> AsyncIterator[Siege]:
    async with siege_of(place.shop) as attacker:
        yield attacker


async def test_bad_weather_of_every_kind(place: Place, siege: Siege, record_property: Note) -> None:
    """One kind after the other, each while orders come in; and all the time one service talks to nobody at all."""
    proxy, sold = place.proxy, list[Sale]()
    before = memory(siege)
    async with trading(siege, sold, Random(SEED + 10)) as watch:
        assert proxy.abandon(FORGOTTEN) == 1
        assert proxy.standing(FORGOTTEN) == 0
        told = [await weather(siege, proxy) for weather in WEATHERS]
        proxy.heal()
        await until(lambda: proxy.standing(FORGOTTEN) == 1, NOTICED_WITHIN_SECONDS, every=0.1)
    await settle_and_judge(siege, sold)
    grown = max(memory(siege)[service] - before[service] for service in SERVICES)
    said = (
        f"{len(sold)} orders through {', '.join(told)} and a half-open connection; "
        f"at most {watch.behind_max} events waited, grown by {grown >> 20} MiB, seed {SEED}"
    )
    print(said)
    record_property("tried", said)
    assert 0 < watch.behind_max < UNPUBLISHED_MAX
    assert grown < GROWN_BYTES_MAX


async def delay(siege: Siege, proxy: Proxy) -> str:
    """Nobody gets an answer in less than the way there and back."""
    proxy.let(Weather(delay_seconds=DELAY_SECONDS))
    started = time.monotonic()
    status = await siege.status("orders")
    assert status["ready"]
    assert time.monotonic() - started >= 2 * DELAY_SECONDS[0], "its lag is asked for over the bus"
    await siege.until_taken(WEBHOOKS_EACH)
    return f"delays of {DELAY_SECONDS[0] * 1000:.0f}-{DELAY_SECONDS[1] * 1000:.0f} ms"


async def resets(siege: Siege, proxy: Proxy) -> str:
    """Every connection, again and again; each comes back by itself."""
    proxy.heal()
    cut = 0
    for _ in range(RESETS):
        links = proxy.seen.links
        cut += (now := proxy.cut())
        await until(lambda links=links, now=now: proxy.seen.links >= links + now, NOTICED_WITHIN_SECONDS)
        await siege.until_taken(WEBHOOKS_EACH // RESETS)
    assert cut >= RESETS * (len(SERVICES) - 1)
    return f"{cut} resets"


async def slices(siege: Siege, proxy: Proxy) -> str:
    """One byte at a time."""
    before = proxy.seen.slices
    proxy.let(Weather(slice_bytes=1))
    await siege.until_taken(WEBHOOKS_EACH)
    sliced = proxy.seen.slices - before
    assert sliced > 1_000 * WEBHOOKS_EACH, "an order is thousands of bytes on the bus"
    return f"{sliced} slices of 1 byte"


async def thin(siege: Siege, proxy: Proxy) -> str:
    """So many bytes a second and no more, on each connection and each way."""
    proxy.let(Weather(bytes_per_second=THIN_BYTES_PER_SECOND))
    await asyncio.gather(
        *(siege.status(service) for service in SERVICES)
    )  # what was under way before has passed
    before, started = proxy.seen.passed_bytes.total(), time.monotonic()
    await siege.until_taken(WEBHOOKS_EACH)
    passed, lasted = proxy.seen.passed_bytes.total() - before, time.monotonic() - started
    roads = 2 * (len(SERVICES) + 1)
    assert passed <= (lasted + 1) * roads * THIN_BYTES_PER_SECOND + roads * 64 * 1024
    return f"{THIN_BYTES_PER_SECOND // 1000} kB/s"


WEATHERS: tuple[Callable[[Siege, Proxy], Awaitable[str]], ...] = (delay, resets, slices, thin)
