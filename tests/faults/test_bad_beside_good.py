"""Bad messages beside good ones: those wait for nobody. It compares how long things take, so it runs alone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from chassis.bus import Bus
from tests.conftest import NatsServer, until
from tests.faults.test_bad_input import CHANNEL, SUBJECT, Intake, drawn, good, open_intake

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

ROUND_ORDERS, ROUND_BAD, ROUNDS = 1_000, 25, 3
SLOWER_MAX = 1.2


def position(intake: Intake) -> int:
    """How far the channels' stream was read and decided."""
    known = intake.running.reactor.positions.get("CHANNELS")
    return known.position if known else 0


async def seconds_for(intake: Intake, messages: Sequence[bytes]) -> float:
    """How long it takes from the first of these on the bus to the last one decided."""
    started, last = time.monotonic(), position(intake) + len(messages)
    for message in messages:
        await intake.bus.client.publish(intake.bus.names.subject(SUBJECT), message)
    await until(lambda: position(intake) >= last, seconds=120.0, every=0.005)
    return time.monotonic() - started


async def test_bad_messages_do_not_keep_the_good_ones_waiting(
    bus: Bus, nats_server: NatsServer, tmp_path: Path
) -> None:
    """A thousand sound orders with and without bad ones among them: at most 1.2 times as long, best of three."""
    async with open_intake(tmp_path, nats_server, bus, CHANNEL) as intake:
        bad = [message.data for message in drawn(10 * ROUND_BAD) if message.way == "bus"]
        alone, among = [], []
        for turn in range(2 * ROUNDS):
            first = 1 + turn * ROUND_ORDERS
            orders = [good(number) for number in range(first, first + ROUND_ORDERS)]
            if turn % 2:
                step = ROUND_ORDERS // ROUND_BAD
                spoiled = [bad[(first + n) % len(bad)] for n in range(ROUND_BAD)]
                mixed = [
                    m
                    for n, poison in enumerate(spoiled)
                    for m in (poison, *orders[n * step : (n + 1) * step])
                ]
                among.append(await seconds_for(intake, mixed))
            else:
                alone.append(await seconds_for(intake, orders))
        print(
            f"{ROUND_ORDERS} orders alone {min(alone):.2f} s, among {ROUND_BAD} bad ones {min(among):.2f} s"
        )
        status = await intake.until_read()
        assert status["parked"] == ROUNDS * ROUND_BAD
        assert status["counts"]["state"] == {"accepted": 2 * ROUNDS * ROUND_ORDERS}
        assert min(among) <= SLOWER_MAX * min(alone)
