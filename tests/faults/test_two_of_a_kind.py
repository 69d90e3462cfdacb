"""Two processes of one service on the same data: one works, the other waits its turn, and nothing is done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from chassis.bus import Bus
from tests.conftest import NatsServer, until
from tests.ops.running import REPOSITORY, ten_free_ports

pytestmark = [pytest.mark.faults, pytest.mark.slow]

READY_WITHIN_SECONDS = 45.0
TAKEN_OVER_WITHIN_SECONDS = 10.0
LAMP = {
    "line": 1,
    "sku": "LAMP",
    "title": "Lamp",
    "barcode": "",
    "price_minor": 1190,
    "currency": "EUR",
    "vat_class": "standard",
    "weight_g": 400,
}
RECEIPT = {
    "sku": "LAMP",
    "location": "MAIN",
    "quantity": 5,
    "reason": "delivery",
    "actor": "ops:mira",
    "reference": "note-17",
}


@dataclass
class Twins:
    """Processes of the inventory service that share one data folder and one port."""

    folder: Path
    nats_url: str
    port_base: int
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> subprocess.Popen[bytes]:
        """One more of them."""
        environment = {
            "DOORSTEP_SYSTEM__DATA": str(self.folder),
            "DOORSTEP_SYSTEM__PORT_BASE": str(self.port_base),
            "DOORSTEP_NATS_URL": self.nats_url,
        }
        with self.log(len(self.processes)).open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "services.inventory"],
                cwd=REPOSITORY,
                env=os.environ | environment,
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def log(self, number: int) -> Path:
        return self.folder.parent / f"twin-{number}.log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port_base + 2}"


@pytest.fixture
def twins(bus: Bus, nats_server: NatsServer, tmp_path: Path) -> Iterator[Twins]:
    """Nobody yet; whoever was started is gone afterwards."""
    (tmp_path / "var").mkdir()
    twins = Twins(tmp_path / "var", nats_server.url, ten_free_ports())
    yield twins
    for process in twins.processes:
        process.kill()
        process.wait()


async def test_the_second_one_waits_and_takes_over_when_the_first_is_killed(twins: Twins, bus: Bus) -> None:
    """What the first one did stays done; the same receipt told to the second one counts no second time."""
    async with aiohttp.ClientSession() as session:
        first = twins.start()
        assert await pid_that_serves(session, twins) == first.pid
        skus = {"actor": "ops:mira", "reference": "skus.csv", "rows": [LAMP]}
        async with session.post(f"{twins.url}/imports/skus", json=skus) as imported:
            assert (await imported.json())["refused"] == [], await imported.text()
        assert await receive(session, twins) == 1

        second = twins.start()
        await until(lambda: "standing_by" in twins.log(1).read_text(), READY_WITHIN_SECONDS)
        assert second.poll() is None
        assert await pid_that_serves(session, twins) == first.pid, "the first one still serves"

        first.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        first.wait()
        assert await pid_that_serves(session, twins) == second.pid
        assert time.monotonic() - killed < TAKEN_OVER_WITHIN_SECONDS
        assert await receive(session, twins) == 0
        async with session.get(f"{twins.url}/stock/LAMP") as stock:
            assert (await stock.json())["on_hand"] == 5
        status = await status_of(session, twins)
    messages, _, last = await until(lambda: level(bus, status["position"]), READY_WITHIN_SECONDS)
    assert messages == last == status["position"], "every event is in the stream once"
    second.terminate()
    assert second.wait(30) == 0


async def test_one_that_waits_in_vain_can_be_told_to_go(twins: Twins) -> None:
    """A standby that is not needed any more ends well, and the working one does not notice."""
    async with aiohttp.ClientSession() as session:
        first = twins.start()
        await pid_that_serves(session, twins)
        second = twins.start()
        await until(lambda: "standing_by" in twins.log(1).read_text(), READY_WITHIN_SECONDS)
        second.terminate()
        assert second.wait(30) == 0
        assert await pid_that_serves(session, twins) == first.pid


async def pid_that_serves(session: aiohttp.ClientSession, twins: Twins) -> int:
    """The process behind the port, once one says that it is ready."""

    async def ready() -> int:
        status = await status_of(session, twins)
        return int(status["pid"]) if status.get("ready") else 0

    return int(await until(ready, READY_WITHIN_SECONDS))


async def status_of(session: aiohttp.ClientSession, twins: Twins) -> dict[str, Any]:
    try:
        async with session.get(f"{twins.url}/ops/status") as answer:
            found: dict[str, Any] = await answer.json()
            return found
    except aiohttp.ClientError:
        return {}


async def receive(session: aiohttp.ClientSession, twins: Twins) -> int:
    """Book five lamps under one delivery note; how many events that caused."""
    async with session.post(f"{twins.url}/stock/receipts", json=RECEIPT) as answer:
        assert answer.status == 200, await answer.text()
        events = (await answer.json())["events"]
        return sum(event["type"] == "inventory.StockReceived.v1" for event in events)


async def level(bus: Bus, position: int) -> tuple[int, int, int] | None:
    """The stream, once it is as long as the store."""
    found = await bus.stream_info("INVENTORY")
    return found if found[2] >= position else None
