"""A stream is lost where only `bootstrap` may make one: the tools say so, and its service publishes again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import eventually, free_port
from tests.deploy.guarded import GuardedServer
from tests.deploy.staff import Staff, at_work
from tests.story.orders import canonical_order
from tests.story.shop import MARKET

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]

SECRET = "what the channel signs with"


@pytest.fixture
def staff(tmp_path: Path) -> Iterator[Staff]:
    """At work, with lamps to sell."""
    server = GuardedServer(tmp_path / "nats", free_port(), free_port())
    server.start()
    with at_work(Staff(server, tmp_path, more={"DOORSTEP_CHANNELS__MARKET__SECRET": SECRET})) as staff:
        staff.prepare()
        staff.start()
        staff.shop.stock_up(tmp_path, LAMP=3)
        yield staff


def sell(staff: Staff, number: int) -> None:
    """One more order comes in and goes out."""
    order = canonical_order(MARKET, str(number), "LAMP")
    staff.shop.webhook(MARKET, "order_placed", order, f"delivery-{number}", SECRET)
    staff.shop.until_invoiced(f"market:{number}")


def lose(staff: Staff, stream: str) -> None:
    """The server finds it gone when it starts."""
    staff.server.stop()
    shutil.rmtree(staff.server.folder / "js" / "jetstream" / "DOORSTEP" / "streams" / stream)
    staff.server.start()


def end(staff: Staff, service: str, code: int = 0) -> None:
    """It has stopped, as it should."""
    process = staff.processes.pop(service)
    if not code:
        process.terminate()
    assert process.wait(25) == code


def test_a_lost_stream_comes_back_with_the_job_bootstrap(staff: Staff) -> None:
    """docs/runbooks/stream-lost.md, as the users of a cluster; a lost store beside it, as the tools."""
    sell(staff, 1)
    end(staff, "orders")
    for file in (staff.folder / "var" / "stores").glob("orders.sqlite*"):
        file.unlink()
    assert staff.shop.doorstep("heal", "orders", "--store")["events"] > 0
    staff.start("orders")

    lose(staff, "BILLING")
    refused = staff.shop.up.run("heal", "billing", "--stream")
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert "the NATS user ops may not do that. Run the job `bootstrap` again" in line
    eventually(lambda: not staff.is_ready("billing"), 30, "billing has noticed")
    staff.carry_out("chassis.bootstrap", staff.environment("bootstrap"))
    eventually(lambda: staff.is_ready("billing"), 60, "billing has published again")
    sell(staff, 2)
    eventually(lambda: not staff.shop.verdicts(), 30, f"all hold: {staff.shop.verdicts()}", every=1)


def read_up_to(staff: Staff, copy: Path) -> int:
    """Of CHANNELS, by orders, as a backup tells."""
    staff.shop.doorstep("backup", str(copy))
    manifest = json.loads((copy / "manifest.json").read_text())
    return int(manifest["stores"]["orders"]["positions"]["CHANNELS"])


def test_channels_is_lost_while_the_stores_are_well(staff: Staff, tmp_path: Path) -> None:
    """A backup tells how far orders had read; made anew from 1 the stream ends orders, made behind that it goes on."""
    sell(staff, 1)
    sell(staff, 2)
    lose(staff, "CHANNELS")
    eventually(lambda: not staff.is_ready("orders"), 30, "orders has noticed")
    assert read_up_to(staff, tmp_path / "now") == 2
    staff.carry_out("chassis.bootstrap", staff.environment("bootstrap"))
    end(staff, "orders", code=1)
    assert "CHANNELS ends at 0, but was read up to 2" in staff.log("orders").splitlines()[-1]

    for service in (*staff.processes,):
        end(staff, service)
    staff.server.stop()
    shutil.rmtree(staff.server.folder / "js")
    staff.server.start()
    staff.carry_out("chassis.bootstrap", staff.environment("bootstrap"), "--channels-from", "3")
    staff.start()
    sell(staff, 3)
    eventually(lambda: not staff.shop.verdicts(), 30, f"all hold: {staff.shop.verdicts()}", every=1)
