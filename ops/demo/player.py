"""Playing the demo shop into a running system, through the doors that everybody uses: webhooks, the bus, HTTP.

What was played is remembered in `<data>/demo.json`, so a restart goes on with the next order. Sending again what was
already taken is harmless, as it is for any channel, so nothing is lost or doubled wherever it is interrupted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial

import aiohttp

from chassis.tls import tls
from ops.asking import Services
from ops.console import CannotDo, note
from ops.demo.carrier import drive_parcels
from ops.demo.channels import Sender
from ops.demo.memory import Memory
from ops.demo.orders import demo_order
from ops.demo.payouts import pay_out
from ops.demo.shop import goods, skus_csv, stock_csv
from ops.importing.sending import import_text
from ops.system import System

LIVELY_SECONDS = 60.0
LIVELY_PAUSE_SECONDS = 0.5
CALM_PAUSE_SECONDS = 3.0
ORDERS_A_RUN_MOST = 1_500
"""Then the demo rests, so that a system left alone does not grow for ever: a good hour."""
AGAIN_AFTER_SECONDS = 1.0
SAID_AFTER_SECONDS = 20.0
REFUSED_SHOWN = 3


async def play(system: System, secrets: dict[str, str]) -> None:
    """Load the shop, then play orders, scans and payouts until cancelled or the demo has run its length."""
    await until_done(partial(load_shop, system))
    memory = Memory(system.data / "demo.json")
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls().client())) as session,
        Services(system) as services,
        Sender(system, secrets, session) as sender,
        asyncio.TaskGroup() as parts,
    ):
        parts.create_task(play_orders(sender, memory))
        parts.create_task(drive_parcels(services))
        parts.create_task(pay_out(system, services, session, memory))


async def load_shop(system: System) -> None:
    """Master data and opening stock, by the same way as `doorstep import`; a second time changes nothing.

    A row may be refused where somebody else has used its SKU or barcode: it is named, and the demo goes on without.
    """
    for sheet, text in (("skus", skus_csv()), ("stock", stock_csv())):
        report = await import_text(system, sheet, text, f"demo {sheet}")
        if report.accepted:
            note(f"demo: {report.accepted} {sheet} rows loaded")
        for refused in report.refused[:REFUSED_SHOWN]:
            note(f"demo: a row of {sheet} is not taken here: {refused['error']}")
    note(f"demo: {len(goods())} SKUs are on the shelf; orders come in now")


async def play_orders(sender: Sender, memory: Memory) -> None:
    """Two orders a second in the first minute, then one every three seconds."""
    started = time.monotonic()
    for _ in range(ORDERS_A_RUN_MOST):
        n = memory.next_order
        order = demo_order(n, datetime.now(UTC))
        await until_done(partial(sender.send, order))
        memory.next_order = n + 1
        lively = time.monotonic() - started < LIVELY_SECONDS
        await asyncio.sleep(LIVELY_PAUSE_SECONDS if lively else CALM_PAUSE_SECONDS)
    note("demo: that was all for this run; start it again for more")


async def until_done(act: Callable[[], Awaitable[None]]) -> None:
    """Do it again until it worked, as a channel does with a webhook that was not taken; of a long wait it says why."""
    begun, said = time.monotonic(), False
    while True:
        try:
            await act()
        except (CannotDo, aiohttp.ClientError, TimeoutError) as fault:
            if not said and time.monotonic() - begun > SAID_AFTER_SECONDS:
                note(f"demo: waits, and tries again: {fault or type(fault).__name__}")
                said = True
            await asyncio.sleep(AGAIN_AFTER_SECONDS)
        else:
            return
