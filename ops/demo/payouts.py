"""The demo's payouts: what the sandbox gateway settles, now and then with a line that nobody announced."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from ops.asking import Services
from ops.console import CannotDo
from ops.demo.memory import Memory
from ops.system import System

FIRST_AFTER_SECONDS = 25.0
SECOND_AFTER_SECONDS = 30.0
THEN_EVERY_SECONDS = 300.0
CURRENCY = "EUR"
SURPRISE_MINOR = -1_500
"""A chargeback fee that no contract mentions: every second statement has one."""


async def pay_out(system: System, services: Services, session: aiohttp.ClientSession, memory: Memory) -> None:
    """Report statements until cancelled: one after some captures, a second one soon after, then every five minutes."""
    pause = FIRST_AFTER_SECONDS
    while True:
        await asyncio.sleep(pause)
        try:
            reported = await report(system, services, session, memory)
        except (CannotDo, aiohttp.ClientError, TimeoutError):
            reported = False
        pause = pause_after(memory.payouts, reported)


def pause_after(payouts: int, reported: bool) -> float:
    """How long until the next try: soon where there was nothing to settle yet."""
    if not reported:
        return 5.0
    return SECOND_AFTER_SECONDS if payouts == 1 else THEN_EVERY_SECONDS


async def report(system: System, services: Services, session: aiohttp.ClientSession, memory: Memory) -> bool:
    """Fetch the gateway's next statement and give it to billing; False where it has no lines yet."""
    number = memory.payouts + 1
    query = {"currency": CURRENCY, "first": str(memory.settled), "payout_id": f"po-{number:04}"}
    async with session.get(f"{system.url('gateway')}/payouts/preview", params=query) as answer:
        statement: dict[str, Any] = await answer.json()
    settled = statement.pop("next")
    if not statement["lines"]:
        return False
    handed_in = statement if number % 2 else with_surprise(statement)
    await services.post("billing", "/payouts", handed_in | {"actor": "the demo"})
    memory.settled, memory.payouts = settled, number
    return True


def with_surprise(statement: dict[str, Any]) -> dict[str, Any]:
    """The statement with a line that nothing explains."""
    line = {
        "kind": "adjustment",
        "reference": f"CB-{statement['payout_id']}",
        "gross_minor": SURPRISE_MINOR,
        "fee_minor": 0,
        "net_minor": SURPRISE_MINOR,
    }
    return {
        **statement,
        "lines": [*statement["lines"], line],
        "total_minor": statement["total_minor"] + SURPRISE_MINOR,
    }
