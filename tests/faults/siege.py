"""A running system that is attacked: its processes are killed at will, and it is asked whether it came back."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from bench.machine import children, command_of
from contracts.parking import SERVICES
from tests.conftest import until
from tests.faults.sales import Delivery, Sale
from tests.story.shop import Shop

BUS, SANDBOXES = "nats", ("gateway", "carrier")
PROGRAMS = {
    **{f"services.{service}": service for service in SERVICES},
    "services.billing.gateways.sandbox": "gateway",
    "services.shipping.carriers.sandbox": "carrier",
}
"""Whose process it is, by the module it runs."""
BACK_WITHIN_SECONDS = 60.0
STEPPED_ON_WITHIN_SECONDS = 5.0
DRAINED_WITHIN_SECONDS = 150.0
TAKEN_WITHIN_SECONDS = 90.0
AT_ONCE = 32
"""Webhooks under way at the same time, of all channels together: who is turned away asks again, so that more of them
would only keep each other from being heard.
"""


@dataclass
class Siege:
    """A shop, and the power to kill its processes. `crash_folder` is where kills at a named point are planted."""

    shop: Shop
    crash_folder: Path
    session: aiohttp.ClientSession
    taken: int = 0
    """Webhooks acknowledged so far."""
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    # --- what channels do

    async def deliver(self, sales: Iterable[Sale]) -> None:
        """Send the webhooks of these orders, each again until it is acknowledged, as channels do.

        First what tells of each order, then whatever follows on it: cancellations, and the same once more.
        """
        told = [sale.deliveries for sale in sales]
        for wave in ([first for first, *_ in told], [later for _, *rest in told for later in rest]):
            await asyncio.gather(*(self._insist(delivery) for delivery in wave))

    async def _insist(self, delivery: Delivery) -> None:
        async with self._room:
            await until(lambda: self.is_taken(delivery), TAKEN_WITHIN_SECONDS, every=0.2)
            self.taken += 1

    async def until_taken(self, more: int) -> None:
        """Return in the middle of things: so many more webhooks were acknowledged just now."""
        goal = self.taken + more
        await until(lambda: self.taken >= goal, TAKEN_WITHIN_SECONDS, every=0.002)

    async def is_taken(self, delivery: Delivery) -> bool:
        """Send one webhook once: whether it was acknowledged. Anything but 202, 429 and 503 is an error."""
        try:
            return await self._send(delivery) == 202
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def is_turned_away(self, delivery: Delivery) -> bool:
        """Whether the webhook, sent once, is answered with: not now, try again. Be it because so many others wait."""
        return await self._send(delivery) in (429, 503)

    async def _send(self, delivery: Delivery) -> int:
        url = f"{self.shop.url('orders')}/channels/{delivery.channel}/webhooks"
        headers = self.shop.signed(delivery.channel, delivery.topic, delivery.body, delivery.name)
        async with self.session.post(url, data=delivery.body, headers=headers) as answer:
            assert answer.status in (202, 429, 503), (answer.status, await answer.text())
            return answer.status

    # --- killing

    def pids(self) -> dict[str, int]:
        """The running processes by name: the five services, the bus and the sandboxes."""
        assert self.shop.up.process is not None
        found = {}
        for pid in children(self.shop.up.process.pid):
            words = _command(pid).split()
            found |= {PROGRAMS[word]: pid for word in words if word in PROGRAMS}
            if words and words[0].endswith("nats-server"):
                found[BUS] = pid
        return found

    async def kill(self, name: str) -> None:
        """SIGKILL a process, and return once another one stands in its place: the fault did happen."""
        pid: int = await until(lambda: self.pids().get(name), BACK_WITHIN_SECONDS)
        os.kill(pid, signal.SIGKILL)
        await until(lambda: self.pids().get(name, pid) != pid, BACK_WITHIN_SECONDS)

    def plant(self, name: str, point: str, visits: int = 1) -> Path:
        """Have a service die when it gets to this point for the so-many-th time from now on."""
        plant = self.crash_folder / str(self.pids().get(name, 0))
        plant.with_suffix(".new").write_text(f"{point}:{visits}")
        return plant.with_suffix(".new").rename(plant)

    async def let_work(self, plants: Iterable[Path]) -> None:
        """Give the services a while to step on all of these; whether they did is seen by what is left."""
        with suppress(AssertionError):
            await until(lambda: not any(plant.exists() for plant in plants), STEPPED_ON_WITHIN_SECONDS)

    async def until_ready(self) -> None:
        """Every service serves again."""
        await until(self._is_ready, BACK_WITHIN_SECONDS, every=0.1)

    async def _is_ready(self) -> bool:
        statuses = [await self.status(service) for service in SERVICES]
        return all(status.get("ready") for status in statuses)

    # --- asking

    async def status(self, service: str) -> dict[str, Any]:
        """A service's own account; empty while it does not answer."""
        return await self.ask(service, "/ops/status")

    async def ask(self, service: str, path: str) -> Any:
        """The JSON at a path; empty while there is no answer."""
        try:
            async with self.session.get(self.shop.url(service) + path) as answer:
                return await answer.json() if answer.status == 200 else {}
        except (aiohttp.ClientError, TimeoutError, OSError):
            return {}

    async def drain(
        self, services: Iterable[str] = SERVICES, within_seconds: float = DRAINED_WITHIN_SECONDS
    ) -> None:
        """Return when nothing is under way any more: all read, decided, published, called, handed over."""
        named, quiet_before = tuple(services), list[int]()

        async def is_quiet() -> bool:
            statuses = [await self.status(service) for service in named]
            positions = [status.get("position", -1) for status in statuses]
            is_level = all(map(_is_level, statuses)) and positions == quiet_before
            quiet_before[:] = positions
            return is_level

        await until(is_quiet, within_seconds, every=0.3)


def _is_level(status: dict[str, Any]) -> bool:
    if not status.get("ready"):
        return False
    to_hand_over = status["timers_pending"] if status["service"] == "shipping" else 0
    return not any((*status["lag"].values(), status["relay_behind"], status["effects_pending"], to_hand_over))


def _command(pid: int) -> str:
    try:
        return command_of(pid)
    except (FileNotFoundError, ProcessLookupError):
        return ""
