"""Asked in its own container: whether a process lives, and whether it is the one that works."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest
from aiohttp import web

from chassis.settings import SERVICE_PORTS, System
from chassis.starting import Starting
from deploy.health import url_of
from tests.conftest import free_port
from tests.deploy.rendered import NAMES, containers
from tests.deploy.test_standby import ACTIVE, STANDBY, Active
from tests.standing_by import standing_by


async def asked(url: str) -> subprocess.CompletedProcess[str]:
    """What the command says of a process that answers there."""
    command = [sys.executable, "-m", "deploy.health"]
    environment = os.environ | {"DOORSTEP_HEALTH_URL": url}
    return await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, timeout=30
    )


async def test_it_tells_the_active_process_from_the_standby() -> None:
    """So a person finds the pod whose log counts."""
    system = System(port_base=free_port() - 1, host=STANDBY, peers=f"{STANDBY}, {ACTIVE}")
    active = Active(system.port_of("orders"))
    await active.start()
    async with standing_by("orders", system):
        said = [(await asked(f"http://{host}:{active.port}/livez")).stdout for host in (ACTIVE, STANDBY)]
    await active.runner.cleanup()
    assert said == ["active\n", "standby\n"]


async def test_a_process_that_starts_does_not_work_yet() -> None:
    """It owns its store, and waits for the bus."""
    port, runner = free_port(), web.AppRunner(Starting("orders", "NATS").application())
    await runner.setup()
    await web.TCPSite(runner, STANDBY, port).start()
    said = await asked(f"http://{STANDBY}:{port}/livez")
    await runner.cleanup()
    assert said.stdout == "starting\n"


async def test_who_does_not_answer_is_ill() -> None:
    """With one line."""
    said = await asked(f"http://{STANDBY}:{free_port()}/livez")
    assert (said.returncode, said.stdout, len(said.stderr.splitlines())) == (1, "", 1)


@pytest.mark.parametrize("overlay", NAMES)
def test_each_service_is_asked_at_its_own_port(overlay: str) -> None:
    """In a cell, too, where the NATS user is called otherwise."""
    for name, container in containers(overlay):
        service = name.removesuffix("/service")
        if service in SERVICE_PORTS:
            (port,) = (port["containerPort"] for port in container["ports"])
            in_a_cell = {"DOORSTEP_SERVICE": service, "DOORSTEP_NATS_USER": f"eu-{service}"}
            assert url_of(in_a_cell) == f"http://127.0.0.1:{port}/livez"
