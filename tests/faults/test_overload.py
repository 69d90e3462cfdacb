"""Many times as many webhooks as the shop can take: it says so, serves those it takes, and is soon itself again."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import until
from tests.faults.judgement import assert_adds_up
from tests.faults.storm import Crowd, Offered, Request, crowd
from tests.faults.trouble import Note, shop_in, siege_of
from tests.story.orders import shopify_order
from tests.story.shop import SHOPIFY, Shop

pytestmark = [pytest.mark.faults, pytest.mark.long]

SKU, UNITS = "LAMP", 200_000
AT_ONCE, CALM_ORDERS = 2, 200
"""What is surely taken, so that what the shop can take is known before the storm."""
LINES_MAX = 1_000
"""Connections of a storm, as from many channels."""
P99_SECONDS_MAX = 0.5
RECOVERED_WITHIN_SECONDS, AS_BEFORE_ORDERS = 10.0, 20
MIB = 1024 * 1024
LOOK_SECONDS = 0.5


class Storm(NamedTuple):
    """How many times as many webhooks as on a calm day, for how long, and by how much the service at the door may grow
    meanwhile: by what it keeps of those it lets in, until its caches are full. Whoever is turned away leaves nothing.
    """

    times: int
    seconds: float
    grown_bytes_max: int


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop with plenty of lamps, its door as it is by default."""
    with shop_in(tmp_path / "shop", {}) as running:
        running.shelve(**{SKU: UNITS})
        yield running


@pytest.mark.timeout(300)
async def test_five_times_too_much_is_turned_away_and_the_rest_is_served_as_ever(
    shop: Shop, record_property: Note
) -> None:
    """Also in the first seconds, when nobody knows yet how much it will be."""
    record_property("tried", await weathered(shop, Storm(5, 4.0, 64 * MIB)))


@pytest.mark.timeout(600)
async def test_ten_times_too_much_for_a_minute_makes_nothing_grow(shop: Shop, record_property: Note) -> None:
    """By then whatever gathers would have gathered."""
    record_property("tried", await weathered(shop, Storm(10, 60.0, 128 * MIB)))


async def weathered(shop: Shop, storm: Storm) -> str:
    """429 beyond the limit, 99 of 100 accepted within half a second, memory flat, well again within ten seconds, and
    every accepted order fulfilled once. Returns what was tried.
    """
    request, numbers = webhooks(shop), count(1)
    async with siege_of(shop) as siege:
        rate = await calm(shop, request, numbers)
        await siege.drain()
        door = siege.pids()["orders"]
        before = memory_of(door, "VmRSS")
        async with lines(shop, LINES_MAX) as many:
            sent = await many.storm(numbers, request, rate * storm.times, storm.seconds)
        offered, grown = many.offered, memory_of(door, "VmHWM") - before
        recovered, after = await seconds_until_as_before(shop, request, numbers)
        said = (
            f"calm {rate:.0f}/s, offered {sent / storm.seconds:.0f}/s for {storm.seconds:.0f} s: accepted"
            f" {len(offered.accepted)}, turned away {offered.turned_away}, p99 {offered.p99 * 1000:.0f} ms, grown by"
            f" {grown >> 20} MiB, recovered after {recovered:.1f} s"
        )
        print(said)
        assert sent > 0.95 * storm.times * storm.seconds * rate, "the storm itself ran out of breath"
        assert_served_as_ever(offered)
        assert grown < storm.grown_bytes_max
        await siege.drain()
    await assert_nothing_lost_or_doubled(shop, CALM_ORDERS + len(offered.accepted) + after)
    return said


def webhooks(shop: Shop) -> Request:
    """Writes the webhook of an order, signed."""
    secret, path = shop.secret(SHOPIFY), f"/channels/{SHOPIFY}/webhooks"

    def webhook(number: int) -> bytes:
        body = json.dumps(shopify_order(number, SKU)).encode()
        headers = shop.signed(SHOPIFY, "orders/create", body, f"d-{number}", secret)
        told = {"Host": "shop", "Content-Length": str(len(body))} | headers
        lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body

    return webhook


@asynccontextmanager
async def lines(shop: Shop, lines_max: int) -> AsyncIterator[Crowd]:
    """So many connections to its door."""
    _, host, port = shop.url("orders").replace("//", "").split(":")
    async with crowd(host, int(port), lines_max) as gathered:
        yield gathered


async def calm(shop: Shop, request: Request, numbers: Iterator[int]) -> float:
    """As many webhooks as the shop takes; returns how many a second those were."""
    started = time.monotonic()
    async with lines(shop, AT_ONCE) as few:
        await few.one_after_another(islice(numbers, CALM_ORDERS), request)
    assert len(few.offered.accepted) == CALM_ORDERS, "this is what it can take"
    return CALM_ORDERS / (time.monotonic() - started)


def memory_of(pid: int, what: str) -> int:
    """`VmRSS` now, or `VmHWM` at its most, in bytes."""
    (line,) = (row for row in Path(f"/proc/{pid}/status").read_text().splitlines() if row.startswith(what))
    return int(line.split()[1]) * 1024


async def seconds_until_as_before(shop: Shop, request: Request, numbers: Iterator[int]) -> tuple[float, int]:
    """How long it takes until a handful of orders, sent as on a calm day, is taken without a word; and how many orders
    were accepted meanwhile.
    """
    started = time.monotonic()
    async with lines(shop, AT_ONCE) as few:

        async def is_calm() -> bool:
            before = len(few.offered.accepted)
            await few.one_after_another(islice(numbers, AS_BEFORE_ORDERS), request)
            return len(few.offered.accepted) == before + AS_BEFORE_ORDERS

        await until(is_calm, RECOVERED_WITHIN_SECONDS, every=LOOK_SECONDS)
    return time.monotonic() - started, len(few.offered.accepted)


def assert_served_as_ever(offered: Offered) -> None:
    """Who is let in does not notice, the others are told when to come again; nobody is left without an answer."""
    assert offered.otherwise == []
    assert offered.unsent == 0, "so many connections waited for their answer that none was left"
    assert offered.turned_away > 0, "this was no overload"
    assert offered.accepted, "those inside are served"
    assert offered.p99 < P99_SECONDS_MAX


async def assert_nothing_lost_or_doubled(shop: Shop, accepted: int) -> None:
    """Of the orders; of money, stock, parcels and messages by what `doorstep verify` does."""
    assert shop.doorstep("status")["orders"]["by_state"] == {"fulfilled": accepted}
    await assert_adds_up(shop)
