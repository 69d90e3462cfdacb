"""A whole system under `doorstep up`, as a person would start it: real processes, real ports, real data."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import eventually as eventually

REPOSITORY = Path(__file__).resolve().parents[2]
READY_WITHIN_SECONDS = 90
PORTS_FROM = "TEST_PORTS_FROM"
"""Where to look for free ports first, for whoever runs several tests at a time."""
PORTS_OF = {"gw0": 21_000, "gw1": 26_000}
"""The same for those that share out the tests of `make test`."""


def ten_free_ports(*, but: int = 0) -> int:
    """A port base whose ten ports nobody listens on right now, other than `but`."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    first = int(os.environ.get(PORTS_FROM, PORTS_OF.get(worker, 21_000 + os.getpid() % 400 * 10)))
    for base in range(first, 31_000, 10):
        if base != but and all(_is_free(port) for port in range(base, base + 10)):
            return base
    raise AssertionError("no ten free ports in a row")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@dataclass
class Up:
    """One `doorstep up`."""

    data: Path
    port_base: int
    flags: tuple[str, ...] = ("--autopilot",)
    said: dict[str, Any] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None
    started_in: Path = REPOSITORY
    environment: Mapping[str, str] = field(default_factory=dict)
    """What it is told beside what the test itself was."""

    def start(self) -> None:
        """Start it and wait for its line `ready`."""
        command = [*doorstep("up", *self.flags, "--json"), *self.place]
        with (self.data.parent / "up.err").open("a") as errors:
            self.process = subprocess.Popen(
                command,
                cwd=self.started_in,
                env=os.environ | self.environment,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"`up` ended without a word on stdout: {self.errors()}"
        self.said = json.loads(line)

    def errors(self) -> str:
        """What it wrote to stderr so far."""
        return (self.data.parent / "up.err").read_text()

    @property
    def place(self) -> list[str]:
        """The flags that say which system is meant."""
        return ["--data", str(self.data), "--port-base", str(self.port_base)]

    def run(
        self, *arguments: str, stdin: str | None = None, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Another command about this system, found by its data folder alone."""
        return subprocess.run(
            [*doorstep(*arguments), "--data", str(self.data)],
            cwd=REPOSITORY,
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            input=stdin,
            timeout=timeout,
            check=False,
        )

    def status(self) -> dict[str, Any]:
        """`doorstep status --json`."""
        said: dict[str, Any] = json.loads(self.run("status", "--json").stdout)
        return said

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Ctrl-C, and its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(25)


def doorstep(*arguments: str) -> list[str]:
    """The command line."""
    return [sys.executable, "-m", "ops", *arguments]
