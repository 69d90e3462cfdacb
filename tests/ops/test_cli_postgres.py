"""`doorstep up --store postgres`: a whole system on its own PostgreSQL, killed, stopped and started again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ops.running import Up, eventually, ten_free_ports
from tests.ops.test_cli_restore import broken, feed
from tests.ops.test_cli_up import load_shop, until_fulfilled

pytestmark = [pytest.mark.long, pytest.mark.faults, pytest.mark.timeout(300)]


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that PostgreSQL may reach as another user, which pytest's own folders are not."""
    folder = Path(tempfile.mkdtemp(prefix="doorstep-up-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def up(folder: Path) -> Iterator[Up]:
    system = Up(folder / "var", ten_free_ports(), ("--autopilot", "--store", "postgres"))
    yield system
    if system.process is not None and system.process.poll() is None:
        system.process.kill()
        system.process.wait()


def postmaster(up: Up) -> int:
    """The process id of its database."""
    return int((up.data / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


def pids(up: Up) -> set[int | None]:
    """The processes of its services, as far as they are ready."""
    services = up.status()["services"].values()
    return {service["pid"] if service["ready"] else None for service in services}


def test_a_system_on_postgres_survives_its_database_and_starts_again(up: Up, folder: Path) -> None:
    """Every order once, every invariant, after a SIGKILL of the database and after a restart without the flag."""
    up.start()
    load_shop(up, folder)
    for order_id in (first := feed(up, range(3))):
        until_fulfilled(up, order_id)

    before = pids(up)
    os.kill(killed := postmaster(up), signal.SIGKILL)
    late = feed(up, range(3, 6))
    eventually(lambda: None not in pids(up), 60, "all services own their stores again", every=0.5)
    for order_id in late:
        until_fulfilled(up, order_id)
    assert pids(up) == before, "nobody ended by it"
    assert postmaster(up) != killed, up.errors()
    assert "postgres was killed by SIGKILL" in up.errors()
    eventually(lambda: not broken(up), 30, f"all invariants hold: {broken(up)}", every=1)

    for service in ("orders", "inventory", "shipping", "billing", "notify"):
        replayed = json.loads(up.run("replay", service, "--json").stdout)
        assert replayed["equal"], replayed
    assert up.run("timeline", first[0]).returncode == 0
    copied = up.run("backup", str(folder / "copy"))
    assert copied.returncode == 0, copied.stderr
    kept = up.run("backup-keys", str(folder / "keys"))
    assert kept.returncode == 0, kept.stderr
    orders = up.status()["services"]["orders"]["position"]
    assert up.stop() == 0

    away = up.run("verify")
    assert away.returncode == 1
    assert "the database does not answer" in away.stderr
    other = up.run("up", "--store", "sqlite")
    assert other.returncode == 1
    assert "are kept in its own PostgreSQL" in other.stderr
    healed = up.run("heal", "orders", "--store", "--force", "--json")
    assert healed.returncode == 0, healed.stderr
    assert json.loads(healed.stdout)["events"] == orders
    up.flags = ("--autopilot",)
    up.start()
    assert up.status()["services"]["orders"]["position"] == orders
    assert broken(up) == []
    assert up.stop() == 0

    second = Up(folder / "second", ten_free_ports())
    restored = second.run("restore", str(folder / "copy"), "--store", "postgres")
    assert restored.returncode == 0, restored.stderr
    opened = second.run("restore-keys", str(folder / "keys"), "--store", "postgres")
    assert opened.returncode == 0, opened.stderr
    second.start()
    try:
        eventually(lambda: not broken(second), 40, f"all invariants hold: {broken(second)}", every=1)
        assert second.status()["services"]["orders"]["position"] == orders
    finally:
        assert second.stop() == 0
