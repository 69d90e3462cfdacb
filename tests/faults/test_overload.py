"""Five times as many webhooks as the shop can take: it says so, serves those it takes, and is soon itself again."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from tests.faults.siege import Siege
from tests.ops.running import Up, ten_free_ports
from tests.story.orders import shopify_order
from tests.story.shop import SHOPIFY, Shop

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(300)]

TIMES_TOO_MANY = 5
CALM_ORDERS = 200
AT_ONCE = 2
"""What is surely taken, so that what the shop can take is known before the storm."""
STORM_SECONDS = 4.0
OFFERED_MAX = 8_000
P99_SECONDS_MAX = 0.5
RECOVERED_WITHIN_SECONDS = 10.0
GROWN_BYTES_MAX = 64 * 1024 * 1024
SKU = "LAMP"
ACCEPTED, TURNED_AWAY = 202, 429


@dataclass
class Offered:
    """What became of the webhooks that were offered: how many by status, how long the accepted took, in seconds."""

    accepted: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    turned_away: int = 0

    @property
    def p99(self) -> float:
        return sorted(self.seconds)[int(len(self.seconds) * 0.99)]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop with plenty of lamps, its door as it is by default."""
    up = Up(tmp_path / "var", ten_free_ports())
    try:
        up.start()
        running = Shop(up)
        running.shelve(**{SKU: 50_000})
        yield running
    finally:
        ended = up.stop()
    assert ended == 0, up.errors()


@pytest.fixture
async def siege(shop: Shop, tmp_path: Path) -> AsyncIterator[Siege]:
    """Many connections, as from many channels."""
    connections = aiohttp.TCPConnector(limit=1_000)
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(connector=connections, timeout=timeout) as session:
        yield Siege(shop, tmp_path, session)


@dataclass(frozen=True)
class Webhook:
    """One order's webhook, written and signed before the clock runs."""

    number: int
    url: str
    body: bytes
    headers: dict[str, str]


def webhook(siege: Siege, number: int) -> Webhook:
    """The webhook of order `number`."""
    body = json.dumps(shopify_order(number, SKU, 1)).encode()
    headers = siege.shop.signed(SHOPIFY, "orders/create", body, f"d-{number}")
    return Webhook(number, f"{siege.shop.url('orders')}/channels/{SHOPIFY}/webhooks", body, headers)


async def offer(siege: Siege, hook: Webhook, offered: Offered) -> None:
    """Send it once."""
    started = time.monotonic()
    async with siege.session.post(hook.url, data=hook.body, headers=hook.headers) as answer:
        if answer.status == TURNED_AWAY:
            assert int(answer.headers["Retry-After"]) > 0
            offered.turned_away += 1
            return
        assert answer.status == ACCEPTED, (answer.status, await answer.text())
        offered.seconds.append(time.monotonic() - started)
        offered.accepted.append(hook.number)


async def calm(siege: Siege) -> float:
    """As many webhooks as the shop takes, each waiting for the one before it; returns how many a second those were."""
    hooks = iter([webhook(siege, number) for number in range(1, CALM_ORDERS + 1)])
    offered, started = Offered(), time.monotonic()

    async def sender() -> None:
        for hook in hooks:
            await offer(siege, hook, offered)

    await asyncio.gather(*(sender() for _ in range(AT_ONCE)))
    assert offered.turned_away == 0, "this is what it can take"
    return CALM_ORDERS / (time.monotonic() - started)


async def storm(siege: Siege, per_second: float) -> Offered:
    """So many a second, whatever the answers: nobody waits for anybody."""
    offered, loop, waiting = Offered(), asyncio.get_running_loop(), asyncio.Event()
    count = min(OFFERED_MAX, round(per_second * STORM_SECONDS))
    hooks = [webhook(siege, CALM_ORDERS + 1 + n) for n in range(count)]
    sent: list[asyncio.Task[None]] = []

    def send(hook: Webhook) -> None:
        sent.append(loop.create_task(offer(siege, hook, offered)))
        if len(sent) == count:
            waiting.set()

    begin = loop.time()
    for n, hook in enumerate(hooks):
        loop.call_at(begin + n / per_second, send, hook)
    await waiting.wait()
    await asyncio.gather(*sent)
    return offered


def memory_of(pid: int, what: str) -> int:
    """`VmRSS` now, or `VmHWM` at its most, in bytes."""
    (line,) = (row for row in Path(f"/proc/{pid}/status").read_text().splitlines() if row.startswith(what))
    return int(line.split()[1]) * 1024


async def test_five_times_too_much_is_turned_away_and_the_rest_is_served_as_ever(siege: Siege) -> None:
    """429 beyond the limit, 99 of 100 accepted within half a second, memory flat, well again within ten seconds."""
    rate = await calm(siege)
    await siege.drain()
    pid = siege.pids()["orders"]
    before = memory_of(pid, "VmRSS")
    offered = await storm(siege, TIMES_TOO_MANY * rate)
    ended, grown = time.monotonic(), memory_of(pid, "VmHWM") - before
    print(
        f"calm {rate:.0f}/s, offered {TIMES_TOO_MANY * rate:.0f}/s: accepted {len(offered.accepted)}, "
        f"turned away {offered.turned_away}, p99 {offered.p99 * 1000:.0f} ms, grown by {grown >> 20} MiB"
    )
    assert offered.turned_away > 0, "this was no overload"
    assert offered.accepted, "those inside are served"
    assert offered.p99 < P99_SECONDS_MAX
    assert grown < GROWN_BYTES_MAX
    after = Offered()
    last = CALM_ORDERS + OFFERED_MAX + 1
    await offer(siege, webhook(siege, last), after)
    assert after.accepted == [last]
    assert time.monotonic() - ended < RECOVERED_WITHIN_SECONDS
    await siege.drain()
    for number in (offered.accepted[0], offered.accepted[-1], last):
        assert siege.shop.order(f"{SHOPIFY}:{number}")["state"] == "fulfilled"
    assert siege.shop.verdicts() == {}
