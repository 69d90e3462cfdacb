"""Processes of the shipping service that share one store, the orders they are told of, and what became of them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from chassis.bus import Bus
from chassis.event_store import Store
from chassis.postgres_connections import schema_of
from chassis.postgres_store import PostgresStore
from chassis.service import Running
from chassis.sqlite_store import SQLiteStore
from tests.conftest import until
from tests.ops.running import REPOSITORY, ten_free_ports
from tests.shipping.conftest import Say
from tests.shipping.houses import SandboxHouse
from tests.shipping.makers import released

SERVES_WITHIN_SECONDS = 60.0
ANSWERS_WITHIN_SECONDS = 1.0
TOLD_AT_ONCE = 5
PAUSE_SECONDS = 0.25
CONFIG = """
[shop]
name = "Lamp Shop"
country = "DE"
[shipping]
carrier = "sandbox"
autopilot = true
[shipping.carriers.sandbox]
kind = "http"
url = "{carrier}"
"""


@dataclass
class Crew:
    """Whoever of them works, one service; `before` wraps a process, and `port_base` says where it answers."""

    folder: Path
    nats_url: str
    database_url: str
    house: SandboxHouse
    bus: Bus
    teller: Running
    session: aiohttp.ClientSession
    port_base: int = field(default_factory=ten_free_ports)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=lambda: count(1001))

    def start(self, *before: str, port_base: int = 0) -> subprocess.Popen[bytes]:
        """One more of them."""
        config = self.folder / "doorstep.toml"
        config.write_text(CONFIG.format(carrier=self.house.url))
        with self.log(len(self.processes)).open("wb") as log:
            process = subprocess.Popen(
                [*before, sys.executable, "-m", "services.shipping"],
                cwd=REPOSITORY,
                env=os.environ | self.environment(port_base),
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def environment(self, port_base: int = 0) -> dict[str, str]:
        """What says which system is meant."""
        return {
            "DOORSTEP_CONFIG": str(self.folder / "doorstep.toml"),
            "DOORSTEP_SYSTEM__DATA": str(self.folder / "var"),
            "DOORSTEP_SYSTEM__PORT_BASE": str(port_base or self.port_base),
            "DOORSTEP_NATS_URL": self.nats_url,
            "DOORSTEP_DATABASE_URL": self.database_url,
        }

    def log(self, number: int) -> Path:
        """What the so-many-th of them said."""
        return self.folder / f"shipping-{number}.log"

    def end(self) -> None:
        """SIGKILL for whoever is left."""
        for process in self.processes:
            process.kill()
            process.wait()

    # --- its work

    @asynccontextmanager
    async def busy(self) -> AsyncIterator[None]:
        """Orders are released all the time, for the length of a block."""
        over = asyncio.Event()
        telling = asyncio.create_task(self._tell(over))
        try:
            yield
        finally:
            over.set()
            await telling

    async def _tell(self, over: asyncio.Event) -> None:
        while not over.is_set():
            for order in [f"shopify:{next(self._numbers)}" for _ in range(TOLD_AT_ONCE)]:
                await self.teller.engine.command(Say(released(order=order)), order)
                self.told.append(order)
            await asyncio.sleep(PAUSE_SECONDS)
        await until(lambda: not self.teller.relay.behind)

    async def serving(self, port_base: int = 0, *, but: int = 0) -> int:
        """The process id of the one that works, once one (other than `but`) says that it is ready."""

        async def ready() -> int:
            status = await self.status(port_base)
            return int(status["pid"]) if status.get("ready") and status["pid"] != but else 0

        return int(await until(ready, SERVES_WITHIN_SECONDS, every=0.05))

    async def taken_over(self, since: float, port_base: int = 0, *, but: int) -> float:
        """Seconds until another one works."""
        await self.serving(port_base, but=but)
        return time.monotonic() - since

    async def more_is_done(self, port_base: int = 0) -> None:
        """Return in the middle of things: something was decided just now."""
        before = (await self.status(port_base)).get("position", 0)

        async def moved() -> bool:
            return bool((await self.status(port_base)).get("position", 0) > before)

        await until(moved, SERVES_WITHIN_SECONDS)

    async def status(self, port_base: int = 0) -> dict[str, Any]:
        """What the one behind the port says; empty while it does not answer."""
        url = f"http://127.0.0.1:{(port_base or self.port_base) + 3}/ops/status"
        try:
            timeout = aiohttp.ClientTimeout(ANSWERS_WITHIN_SECONDS)
            async with self.session.get(url, timeout=timeout) as answer:
                found: dict[str, Any] = await answer.json()
                return found
        except (aiohttp.ClientError, TimeoutError):
            return {}

    # --- what became of it

    async def assert_each_order_once(self, port_base: int = 0) -> None:
        """Every order told of left in one parcel, with one label bought; the stream holds what the store does."""
        await until(lambda: self._is_level(port_base), SERVES_WITHIN_SECONDS, every=0.1)
        self.end()
        with closing(self.store()) as store:
            events = store.events(limit=100_000)
        assert [event.position for event in events] == list(range(1, len(events) + 1))
        left = Counter(event.entity for event in events if event.type == "shipping.ParcelDispatched.v1")
        assert left == Counter(f"fulfilment/{order}" for order in self.told)
        bought = Counter(entry["reference"] for entry in self.house.truth() if entry["kind"] == "label")
        asked = Counter(f"{order}-p1-l1" for order in self.told)
        assert not (bought - asked).most_common(3), "labels too many"
        assert not (asked - bought).most_common(3), "labels too few"
        messages, _, last = await self.bus.stream_info("SHIPPING")
        assert messages == last == len(events)
        assert not [event for event in events if event.type == "shipping.MessageParked.v1"]

    async def _is_level(self, port_base: int) -> bool:
        status = await self.status(port_base)
        under_way = ("relay_behind", "effects_pending", "timers_pending")
        return bool(status.get("ready")) and not any(
            (*status["lag"].values(), *(status[name] for name in under_way))
        )

    def store(self) -> Store:
        """Their store."""
        if self.database_url:
            return PostgresStore(self.database_url, schema_of("default", "shipping"), read_only=True)
        return SQLiteStore(self.folder / "var" / "stores" / "shipping.sqlite", read_only=True)
