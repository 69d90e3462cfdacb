"""The processes of one shop on a guarded bus: each service as its own NATS user, and with its own login to PostgreSQL
where the stores are there; people with what the pod `tools` has.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from psycopg.conninfo import make_conninfo

from contracts.parking import SERVICES
from tests.conftest import eventually
from tests.deploy.guarded import SEEDS, GuardedServer
from tests.ops.running import REPOSITORY, Up, ten_free_ports
from tests.story.shop import Shop, ask

READY_WITHIN_SECONDS = 60.0


@dataclass
class Staff:
    """One shop. `owner` is the URL of its database's owner, who has given each service a login of its name; empty where
    stores are files. `more` is told everybody.
    """

    server: GuardedServer
    folder: Path
    owner: str = ""
    more: Mapping[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.base = ten_free_ports()
        tools = self.folder / ("tools" if self.owner else "var")  # a volume of their own, as in `production`
        up = Up(tools, self.base, environment=self.environment("ops", self.owner))
        up.data.mkdir(parents=True)
        (up.data / "system.json").write_text(json.dumps({"port_base": self.base}))
        up.said = {"services": {name: {"url": self.at(name)} for name in SERVICES}}
        self.shop = Shop(up)

    def at(self, service: str) -> str:
        return f"http://127.0.0.1:{self.base + 1 + SERVICES.index(service)}"

    def environment(self, user: str, database: str = "") -> dict[str, str]:
        """What a process of this NATS user is told."""
        self.folder.mkdir(parents=True, exist_ok=True)
        seed = self.folder / user
        seed.write_text(f"{SEEDS[user]}\n")
        return {
            "DOORSTEP_NATS_URL": self.server.url,
            "DOORSTEP_NATS_USER": user,
            "DOORSTEP_NATS_SEED_FILE": str(seed),
            "DOORSTEP_SYSTEM__DATA": str(self.folder / "var"),
            "DOORSTEP_SYSTEM__PORT_BASE": str(self.base),
            "DOORSTEP_SHIPPING__AUTOPILOT": "true",
            **({"DOORSTEP_DATABASE_URL": database} if database else {}),
            **self.more,
        }

    def prepare(self) -> None:
        """What the jobs do before any service: streams and consumers, and schemas."""
        self.carry_out("chassis.bootstrap", self.environment("bootstrap"))
        if self.owner:
            self.carry_out("chassis.migrate", self.environment("ops", self.owner))

    def carry_out(self, module: str, environment: Mapping[str, str], *arguments: str) -> None:
        command = [sys.executable, "-m", module, *arguments]
        subprocess.run(command, cwd=REPOSITORY, env=os.environ | environment, check=True, timeout=60)

    def start(self, *services: str) -> None:
        """Some services, or all, until they are ready."""
        for name in services or SERVICES:
            login = make_conninfo(self.owner, user=name) if self.owner else ""
            with (self.folder / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    [sys.executable, "-m", f"services.{name}"],
                    cwd=REPOSITORY,
                    env=os.environ | self.environment(name, login),
                    stdout=log,
                    stderr=log,
                )
        for name in services or SERVICES:
            eventually(lambda name=name: self.is_ready(name), READY_WITHIN_SECONDS, f"{name} is ready")

    def is_ready(self, service: str) -> bool:
        try:
            return ask(f"{self.at(service)}/readyz").status == 200
        except OSError:
            return False

    def stop(self) -> dict[str, int]:
        """Their exit codes."""
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        return {name: process.wait(25) for name, process in self.processes.items()}

    def log(self, service: str) -> str:
        return (self.folder / f"{service}.log").read_text()


@contextmanager
def at_work(staff: Staff) -> Iterator[Staff]:
    """For the length of a block; afterwards all must have ended well, and the bus is gone."""
    try:
        yield staff
    finally:
        ended = staff.stop()
        staff.server.stop()
    assert ended == dict.fromkeys(staff.processes, 0)
