"""Orders to measure with: canonical, three lines, paid at the channel, with and without a gateway."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from chassis.bus import Bus
from contracts.address import Address, Recipient
from contracts.channels import OrderPlaced
from contracts.placed_order import OrderLine, PaymentFacts, PaymentState, PlacedOrder, ShippingLine, TaxLine

SKUS = 300
UNITS_IN_STOCK = 900_000
LINES = 3
VAT = Decimal("0.19")
PLACED_AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SHIP_TO = Address(name="Ada Example", line1="Lindenstr. 5", city="Berlin", postcode="10969", country="DE")


def sku(number: int) -> str:
    """The n-th SKU of the bench shop."""
    return f"BENCH-{number:04d}"


def order(channel: str, number: int, state: PaymentState = "paid") -> OrderPlaced:
    """The n-th order: three lines of one unit each, 19 % VAT inside, delivery free of charge."""
    lines = tuple(
        OrderLine(
            line_id=str(position),
            sku=sku((number * LINES + position) % SKUS),
            title=f"Bench article {(number * LINES + position) % SKUS}",
            quantity=1,
            unit_price_minor=1190,
            total_minor=1190,
            taxes=(TaxLine(rate=VAT, amount_minor=190, title="MwSt"),),
            weight_g=400,
        )
        for position in range(LINES)
    )
    placed = PlacedOrder(
        channel=channel,
        channel_order_id=f"{number:09d}",
        placed_at=PLACED_AT,
        currency="EUR",
        lines=lines,
        shipping=(ShippingLine(title="Standard", total_minor=0),),
        tax_minor=190 * LINES,
        total_minor=1190 * LINES,
        customer=Recipient(name="Ada Example", email=f"ada{number}@example.com", locale="de"),
        ship_to=SHIP_TO,
        bill_to=SHIP_TO,
        payment=PaymentFacts(state=state, reference=f"tx-{channel}-{number}"),
    )
    return OrderPlaced(order=placed)


def bodies(channel: str, first: int, count: int, state: PaymentState = "paid") -> list[bytes]:
    """Orders as a publisher sends them."""
    return [order(channel, number, state).to_bytes() for number in range(first, first + count)]


async def fill(bus: Bus, channel: str, orders: Sequence[bytes]) -> None:
    """Put a backlog on CHANNELS, 500 at a time."""
    for start in range(0, len(orders), 500):
        await bus.publish_many(f"evt.channels.{channel}.order_placed", orders[start : start + 500])


async def open_loop(
    send: Callable[[int], Coroutine[Any, Any, None]], first: int, count: int, per_second: float
) -> list[float]:
    """Send at a fixed rate whatever the answers do; returns when each was due (epoch seconds).

    A late sender does not wait: it catches up, so that a stall is measured as a stall.
    """
    start = time.time() + 0.2
    due = [start + number / per_second for number in range(count)]
    running: set[asyncio.Task[None]] = set()
    for number, moment in enumerate(due):
        pause = moment - time.time()
        if pause > 0:
            await asyncio.sleep(pause)
        task = asyncio.create_task(send(first + number))
        running.add(task)
        task.add_done_callback(running.discard)
    if running:
        await asyncio.gather(*running)
    return due


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of the values lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
