"""The real parts that tests stand on: nats-server with the durability of production, stores in a temporary folder."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from chassis.bootstrap import bootstrap
from chassis.bus import Bus, connect
from chassis.settings import system
from tests.postgres import database as database
from tests.record import pytest_addoption as pytest_addoption
from tests.record import pytest_configure as pytest_configure
from tests.stores import stores as stores

structlog.configure(logger_factory=structlog.stdlib.LoggerFactory())
"""Logs of code under test go to pytest's own capture, never into what a command prints."""

CONFIG = """
listen: 127.0.0.1:{port}
http: 127.0.0.1:{monitor}
max_payload: 2MB
jetstream {{ store_dir: "{folder}", sync_interval: always, max_file_store: 300GB, max_memory_store: 256MB }}
"""


PORT_TRIES = 5


class Ended(Exception):
    """The server ended instead of getting ready: most likely a port was taken meanwhile."""


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class NatsServer:
    """A nats-server process that can be killed and started again on the same files."""

    folder: Path
    port: int
    monitor: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        binary = shutil.which("nats-server", path=sysconfig.get_path("scripts"))
        assert binary, "nats-server is missing: run `make install`"
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "nats.conf"
        config.write_text(self.configuration())
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [binary, "-c", str(config)], stdout=log, stderr=log, env=os.environ | self.secrets()
            )
        self._wait_healthy()

    def configuration(self) -> str:
        """What it is told."""
        return CONFIG.format(port=self.port, monitor=self.monitor, folder=self.folder / "js")

    def secrets(self) -> dict[str, str]:
        """What its configuration takes from the environment."""
        return {}

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def resume(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)

    def _wait_healthy(self) -> None:
        eventually(self._is_healthy, 10, "nats-server is healthy", every=0.02)

    def _is_healthy(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise Ended(f"nats-server ended by itself, on the ports {self.port} and {self.monitor}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.monitor}/healthz", timeout=1):
                return True
        except (urllib.error.URLError, OSError):
            return False


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A fresh server for one test, on other ports where somebody was quicker to take one."""
    for attempt in range(PORT_TRIES):
        server = NatsServer(tmp_path / f"nats-{attempt}", free_port(), free_port())
        try:
            server.start()
        except Ended:
            continue
        yield server
        server.stop()
        return
    raise Ended(f"nats-server did not start on any of {PORT_TRIES} pairs of free ports")


@pytest.fixture
async def bus(nats_server: NatsServer) -> AsyncIterator[Bus]:
    """A connection with all streams and consumers in place."""
    async with connect(nats_server.url, "test") as connected:
        await bootstrap(connected)
        yield connected


def eventually[T](look: Callable[[], T], within_seconds: float, what: str, every: float = 0.1) -> T:
    """The first true result of looking again and again at another process, which needs its time."""
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(every)  # nothing of ours runs meanwhile: the other side is another process
    raise AssertionError(f"not within {within_seconds:g} s: {what}")


async def until(condition, seconds: float = 15.0, every: float = 0.01):
    """Wait until a condition (sync or async) is true; fail with what it last was."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        assert time.monotonic() < deadline, f"still {value!r} after {seconds} s"
        await asyncio.sleep(every)


@pytest.fixture
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder of this test alone, for services that are built in this process: their keys lie in it."""
    monkeypatch.setenv("DOORSTEP_SYSTEM__DATA", str(tmp_path))
    system.cache_clear()
    yield tmp_path
    system.cache_clear()
