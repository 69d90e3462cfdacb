"""The five services, each as its own NATS user, take one order all the way: the rights are enough, and are used."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chassis.bus import connect
from contracts.parking import SERVICES
from tests.conftest import eventually, free_port
from tests.deploy.guarded import SEEDS, GuardedServer, login_of
from tests.ops.running import REPOSITORY, Up, ten_free_ports
from tests.story.orders import canonical_order
from tests.story.shop import Shop, ask

pytestmark = pytest.mark.long

ACK_FORMS = {"v1": "feature_flags { js_ack_fc_v2: false }", "v2": "feature_flags { js_ack_fc_v2: true }"}
READY_WITHIN_SECONDS = 60.0


class Staff:
    """The processes of one shop, each with its user's seed in a file."""

    def __init__(self, server: GuardedServer, folder: Path) -> None:
        self.folder, self.base = folder, ten_free_ports()
        self.url, self.processes = server.url, dict[str, subprocess.Popen[bytes]]()
        up = Up(folder / "var", self.base)
        up.data.mkdir()
        (up.data / "system.json").write_text(json.dumps({"port_base": self.base}))
        up.said = {"services": {name: {"url": self.at(name)} for name in SERVICES}}
        self.shop = Shop(up)

    def at(self, service: str) -> str:
        return f"http://127.0.0.1:{self.base + 1 + SERVICES.index(service)}"

    def environment(self, user: str) -> dict[str, str]:
        seed = self.folder / user
        seed.write_text(f"{SEEDS[user]}\n")
        return os.environ | {
            "DOORSTEP_NATS_URL": self.url,
            "DOORSTEP_NATS_USER": user,
            "DOORSTEP_NATS_SEED_FILE": str(seed),
            "DOORSTEP_SYSTEM__DATA": str(self.folder / "var"),
            "DOORSTEP_SYSTEM__PORT_BASE": str(self.base),
            "DOORSTEP_SHIPPING__AUTOPILOT": "true",
        }

    def start(self) -> None:
        bootstrap = [sys.executable, "-m", "chassis.bootstrap"]
        subprocess.run(bootstrap, cwd=REPOSITORY, env=self.environment("bootstrap"), check=True, timeout=30)
        for name in SERVICES:
            with (self.folder / f"{name}.log").open("wb") as log:
                self.processes[name] = subprocess.Popen(
                    [sys.executable, "-m", f"services.{name}"],
                    cwd=REPOSITORY,
                    env=self.environment(name),
                    stdout=log,
                    stderr=log,
                )
        for name in SERVICES:
            eventually(lambda name=name: self.is_ready(name), READY_WITHIN_SECONDS, f"{name} is ready")

    def is_ready(self, service: str) -> bool:
        try:
            return ask(f"{self.at(service)}/readyz").status == 200
        except OSError:
            return False

    def stop(self) -> dict[str, int]:
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        return {name: process.wait(25) for name, process in self.processes.items()}

    def log(self, service: str) -> str:
        return (self.folder / f"{service}.log").read_text()


@pytest.fixture(params=ACK_FORMS)
def staff(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Staff]:
    """A shop on a guarded server that speaks one form of acknowledgement subjects."""
    server = GuardedServer(tmp_path / "nats", free_port(), free_port(), more=ACK_FORMS[request.param])
    server.start()
    staff = Staff(server, tmp_path)
    try:
        staff.start()
        yield staff
    finally:
        ended = staff.stop()
        server.stop()
    assert ended == dict.fromkeys(SERVICES, 0)


async def test_an_order_goes_all_the_way_under_guard(staff: Staff, tmp_path: Path) -> None:
    """Published by `channels`, fulfilled and invoiced by five users of whom none was refused anything."""
    staff.shop.stock_up(tmp_path, LAMP=3)
    body = json.dumps(canonical_order("market", "1", "LAMP")).encode()
    async with connect(staff.url, "publisher", login=login_of("channels")) as bus:
        await bus.publish("evt.channels.market.order_placed", body, {"ce-type": "channels.OrderPlaced.v1"})
    order = staff.shop.until_invoiced("market:1")
    assert order["payment"]["state"] == "captured"
    assert eventually(lambda: staff.shop.stock("LAMP")["on_hand"] == 2, 30, "a lamp has left")
    assert [name for name in SERVICES if "violation" in staff.log(name).lower()] == []
