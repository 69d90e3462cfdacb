"""A process whose bus is away: it lives, says what it waits for, and works as soon as the bus is there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from chassis.bootstrap import bootstrap
from chassis.bus import connect
from chassis.settings import System
from tests.conftest import NatsServer, eventually
from tests.ops.running import REPOSITORY, ten_free_ports
from tests.standing_by import standing_by
from tests.story.shop import Answer, ask

WITHIN_SECONDS = 20.0


class Waiting:
    """The notify service, started while its bus is away, with all the patience that a cluster gives it."""

    def __init__(self, nats_url: str, folder: Path) -> None:
        self.base = ten_free_ports()
        self.url, self.log = f"http://127.0.0.1:{self.base + 5}", folder / "log"
        settings = {
            "DOORSTEP_NATS_URL": nats_url.replace("://", "://somebody:secret@"),
            "DOORSTEP_SYSTEM__DATA": str(folder),
            "DOORSTEP_SYSTEM__PORT_BASE": str(self.base),
            "DOORSTEP_SYSTEM__BUS_WITHIN_SECONDS": "86400",
        }
        command = [sys.executable, "-m", "services.notify"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=REPOSITORY, env=os.environ | settings, stdout=log, stderr=log
            )
        eventually(lambda: self.status("/livez") == 200, WITHIN_SECONDS, "it lives", every=0.02)

    def asked(self, path: str) -> Answer:
        """What it says, if it is there."""
        assert self.process.poll() is None, self.log.read_text()
        return ask(f"{self.url}{path}")

    def status(self, path: str) -> int:
        """The status of its answer; 0 where nobody listens yet."""
        try:
            return self.asked(path).status
        except OSError:
            return 0

    def told_to_stop(self) -> int:
        """Its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WITHIN_SECONDS)


@pytest.fixture
async def away(nats_server: NatsServer, tmp_path: Path) -> None:
    """The bus, with its streams, and gone again."""
    async with connect(nats_server.url, "bootstrap") as bus:
        await bootstrap(bus)
    nats_server.kill()


@pytest.fixture
def waiting(away: None, nats_server: NatsServer, tmp_path: Path) -> Iterator[Waiting]:
    """The process; ended in any case."""
    found = Waiting(nats_server.url, tmp_path)
    yield found
    found.process.kill()
    found.process.wait()


def test_it_lives_and_says_what_it_waits_for(waiting: Waiting, nats_server: NatsServer) -> None:
    """Whoever looks after it lets it be, and reads why; as soon as the bus is back, the same process works."""
    server = nats_server.url.removeprefix("nats://")
    ready, reason = waiting.asked("/readyz"), f"notify waits for NATS at {server}"
    assert (ready.status, ready.json()) == (503, {"error": reason, "role": "starting"})
    assert waiting.asked("/notifications").status == 503
    metrics = waiting.asked("/metrics").body.decode().splitlines()
    assert 'doorstep_ready{service="notify"} 0' in metrics
    assert 'doorstep_bus_connected{service="notify"} 0' in metrics
    nats_server.start()
    eventually(lambda: waiting.status("/readyz") == 200, WITHIN_SECONDS, "it is ready", every=0.05)
    assert waiting.told_to_stop() == 0


def test_it_can_be_told_to_stop_meanwhile(waiting: Waiting) -> None:
    """As at any other time: a rollout does not wait for its bus."""
    assert waiting.told_to_stop() == 0


async def test_a_standby_does_not_take_it_for_the_active_one(waiting: Waiting) -> None:
    """Nothing is passed on to a process that does not work yet."""
    beside = System(port_base=waiting.base, host="127.0.0.2", peers="127.0.0.1")
    async with standing_by("notify", beside), aiohttp.ClientSession() as session:
        url = f"http://{beside.host}:{beside.port_of('notify')}"
        assert (await session.get(f"{url}/readyz")).status == 503
