"""A stream is lost where only `bootstrap` may make one: the tools say so, and its service publishes again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import eventually, free_port
from tests.deploy.guarded import GuardedServer
from tests.deploy.staff import Staff, at_work
from tests.story.orders import canonical_order
from tests.story.shop import MARKET

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]

SECRET = "what the channel signs with"


def test_a_lost_stream_comes_back_with_the_job_bootstrap(tmp_path: Path) -> None:
    """docs/runbooks/stream-lost.md, as the users of a cluster; a lost store beside it, as the tools."""
    server = GuardedServer(tmp_path / "nats", free_port(), free_port())
    server.start()
    with at_work(Staff(server, tmp_path, more={"DOORSTEP_CHANNELS__MARKET__SECRET": SECRET})) as staff:
        staff.prepare()
        staff.start()
        staff.shop.stock_up(tmp_path, LAMP=3)
        staff.shop.webhook(MARKET, "order_placed", canonical_order(MARKET, "1", "LAMP"), "first", SECRET)
        staff.shop.until_invoiced("market:1")

        staff.processes["orders"].terminate()
        assert staff.processes["orders"].wait(25) == 0
        for file in (tmp_path / "var" / "stores").glob("orders.sqlite*"):
            file.unlink()
        assert staff.shop.doorstep("heal", "orders", "--store")["events"] > 0
        staff.start("orders")

        server.stop()
        shutil.rmtree(server.folder / "js" / "jetstream" / "DOORSTEP" / "streams" / "BILLING")
        server.start()
        refused = staff.shop.up.run("heal", "billing", "--stream")
        assert refused.returncode == 1
        (line,) = refused.stderr.splitlines()
        assert "the NATS user ops may not do that. Run the job `bootstrap` again" in line
        eventually(lambda: not staff.is_ready("billing"), 30, "billing has noticed")
        staff.carry_out("chassis.bootstrap", staff.environment("bootstrap"))
        eventually(lambda: staff.is_ready("billing"), 60, "billing has published again")
        staff.shop.webhook(MARKET, "order_placed", canonical_order(MARKET, "2", "LAMP"), "second", SECRET)
        staff.shop.until_invoiced("market:2")
        eventually(lambda: not staff.shop.verdicts(), 30, f"all hold: {staff.shop.verdicts()}", every=1)
