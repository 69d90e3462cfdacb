"""Who breaks what during a soak, each by a seeded schedule of its own; and the customers, who go on ordering."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from contracts.parking import SERVICES
from tests.conftest import until
from tests.faults.cluster import Cluster
from tests.faults.sales import Sale, sales
from tests.faults.siege import BACK_WITHIN_SECONDS, BUS, SANDBOXES, Siege

SERVICE_KILLED, SERVICE_PAUSED, SANDBOX_KILLED = "service killed", "service paused", "sandbox killed"
BUS_KILLED, BUS_PAUSED, LEADER_LOST = "nats killed", "nats paused", "cluster leader lost"
PAUSE_SECONDS = (1.0, 6.0)
FIRST_NUMBER = 100_000
ORDERS_AT_ONCE = 10


@dataclass
class Ledger:
    """What happened so far: faults by kind, the longest time until all was well after one, and the orders."""

    faults: Counter[str] = field(default_factory=Counter)
    longest_seconds: dict[str, float] = field(default_factory=dict)
    sold: list[Sale] = field(default_factory=list)

    def note(self, kind: str, seconds: float) -> None:
        """A fault did happen, and was over after so long."""
        self.faults[kind] += 1
        self.longest_seconds[kind] = max(seconds, self.longest_seconds.get(kind, 0.0))


class Attacker(Protocol):
    """Does one kind of harm at a time, and returns once it did happen and is over."""

    weights: Mapping[str, int]
    """The kinds of harm it does, each with how often beside the others."""

    async def attack(self, kind: str, random: Random) -> None:
        """Do it once."""


async def go_on(
    attacker: Attacker, pauses_seconds: tuple[float, float], random: Random, ends_at: float, ledger: Ledger
) -> None:
    """Attack again and again until a time of the monotonic clock, with pauses between these two lengths."""
    while time.monotonic() + (pause_seconds := random.uniform(*pauses_seconds)) < ends_at:
        await asyncio.sleep(pause_seconds)
        (kind,) = random.choices(list(attacker.weights), weights=list(attacker.weights.values()))
        began = time.monotonic()
        await attacker.attack(kind, random)
        ledger.note(kind, time.monotonic() - began)


@dataclass(eq=False)
class OnServices:
    """Kills and pauses the services, and kills the outside's sandboxes."""

    siege: Siege
    weights: Mapping[str, int] = field(
        default_factory=lambda: {SERVICE_KILLED: 20, SERVICE_PAUSED: 2, SANDBOX_KILLED: 1}
    )

    async def attack(self, kind: str, random: Random) -> None:
        """One of them, which is ready again afterwards."""
        if kind == SANDBOX_KILLED:
            await self.siege.kill(random.choice(SANDBOXES))
            return
        victim = random.choice(SERVICES)
        if kind == SERVICE_KILLED:
            await self.siege.kill(victim)
        else:
            await pause(self.siege.pids()[victim], random.uniform(*PAUSE_SECONDS))
        try:
            await until(lambda: self._is_ready(victim), BACK_WITHIN_SECONDS, every=0.05)
        except AssertionError as late:
            raise AssertionError(f"{kind}: {victim} {late}: {await self.siege.status(victim)}") from None

    async def _is_ready(self, service: str) -> bool:
        return bool((await self.siege.status(service)).get("ready"))


@dataclass(eq=False)
class OnOneBus:
    """Kills and pauses the one nats-server of a small shop."""

    siege: Siege
    weights: Mapping[str, int] = field(default_factory=lambda: {BUS_KILLED: 12, BUS_PAUSED: 1})

    async def attack(self, kind: str, random: Random) -> None:
        """Afterwards orders are acknowledged again."""
        if kind == BUS_KILLED:
            await self.siege.kill(BUS)
        else:
            await pause(self.siege.pids()[BUS], random.uniform(*PAUSE_SECONDS))
        await self.siege.until_taken(1)


@dataclass(eq=False)
class OnCluster:
    """Kills and pauses nodes of the cluster: any of them, or one that leads a stream."""

    siege: Siege
    cluster: Cluster
    weights: Mapping[str, int] = field(
        default_factory=lambda: {BUS_KILLED: 11, LEADER_LOST: 7, BUS_PAUSED: 1}
    )

    async def attack(self, kind: str, random: Random) -> None:
        """Afterwards orders are acknowledged again, and all copies of all streams are there."""
        led = await self.cluster.until_led()
        names = sorted(self.cluster.nodes)
        victim = led[random.choice(sorted(led))] if kind == LEADER_LOST else random.choice(names)
        node = self.cluster.nodes[victim]
        if kind == BUS_PAUSED:
            await pause(node.pid, random.uniform(*PAUSE_SECONDS))
        else:
            node.kill()
            if kind == LEADER_LOST:
                now_led = await self.cluster.until_led(set(names) - {victim})
                assert victim in led.values()
                assert victim not in now_led.values()
            node.start()
        await self.siege.until_taken(1)
        await self.cluster.until_current()


async def pause(pid: int, seconds: float) -> None:
    """SIGSTOP for so long. Its end is this function's, whatever happens to the caller."""
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        os.kill(pid, signal.SIGCONT)


async def go_on_ordering(
    siege: Siege, random: Random, per_second: float, over: asyncio.Event, ledger: Ledger
) -> None:
    """So many orders a second on average, each webhook again until it is taken, until it is over. After a stall
    they catch up.
    """
    began, started = time.monotonic(), len(ledger.sold)
    while not over.is_set():
        some = sales(random, FIRST_NUMBER + len(ledger.sold), ORDERS_AT_ONCE)
        ledger.sold += some
        await siege.deliver(some)
        due = began + (len(ledger.sold) - started) / per_second
        await asyncio.sleep(max(0.0, due - time.monotonic()))
