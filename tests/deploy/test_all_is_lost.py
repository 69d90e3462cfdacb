"""Streams, stores and keys are gone: what docs/deploy.md says brings the shop back whole, as the users it names."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from contracts.parking import SERVICES
from tests.conftest import eventually, free_port
from tests.deploy.guarded import SEEDS, GuardedServer
from tests.deploy.rendered import of_kind
from tests.deploy.staff import Staff, at_work
from tests.postgres import local_postgres
from tests.story.orders import canonical_order
from tests.story.shop import MARKET

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

SECRET = "what the channel signs with"
OWNER = "the_owner"
"""Not as in the manifest: so the superuser of the test's server is called."""
KINDS = ("small", "production")


@contextmanager
def namespace(folder: Path, kind: str, master: Path) -> Iterator[Staff]:
    """New servers with nothing in them, and nobody at work yet."""
    more = {"DOORSTEP_MASTER_KEY_FILE": str(master), "DOORSTEP_CHANNELS__MARKET__SECRET": SECRET}
    server = GuardedServer(folder / "nats", free_port(), free_port())
    with ExitStack() as opened:
        opened.callback(server.stop)
        server.start()
        owner = (
            made_by_the_operator(opened.enter_context(local_postgres()).url) if kind == "production" else ""
        )
        yield opened.enter_context(at_work(Staff(server, folder, owner, more)))


def made_by_the_operator(superuser: str) -> str:
    """Database and roles that `production` asks CloudNativePG for; the URL of the owner, who is no superuser."""
    (cluster,) = of_kind("production", "Cluster")
    wanted = cluster["spec"]["bootstrap"]["initdb"]
    called = {wanted["owner"]: OWNER}
    with psycopg.connect(superuser, autocommit=True) as connection:
        for role in cluster["spec"]["managed"]["roles"]:
            login = sql.SQL("LOGIN" if role.get("login") else "NOLOGIN")
            name = sql.Identifier(called.get(role["name"], role["name"]))
            connection.execute(sql.SQL("CREATE ROLE {} {}").format(name, login))
            for other in role.get("inRoles", ()):
                connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(other), name))
        names = sql.Identifier(wanted["database"]), sql.Identifier(OWNER)
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*names))
    return make_conninfo(superuser, user=OWNER, dbname=wanted["database"])


def send(staff: Staff, number: int, sku: str = "LAMP") -> str:
    """A webhook of the channel, the same one for the same number; the order's id."""
    body = canonical_order(MARKET, str(number), sku)
    answer = staff.shop.webhook(MARKET, "order_placed", body, f"delivery-{number}", SECRET)
    assert answer.status in (200, 202), answer
    return f"market:{number}"


def numbers(order: dict[str, Any]) -> tuple[str, str]:
    """Of an order's invoice and of its parcel."""
    (invoice,), (parcel,) = order["invoices"], order["fulfilment"]["parcels"]
    return invoice, parcel["tracking_number"]


def said(staff: Staff, *arguments: str, stdin: str | None = None) -> Any:
    """What a command of the tools says; it must succeed."""
    return staff.shop.doorstep(*arguments, stdin=stdin)


@pytest.mark.parametrize("kind", KINDS)
def test_a_shop_that_lost_everything_comes_back_whole(kind: str, tmp_path: Path) -> None:
    """Nothing of the backup is missing or twice, and numbers go on; what came after it, its channel sends again."""
    master = tmp_path / "master.key"
    master.write_text("ab" * 32)
    with namespace(tmp_path / "before", kind, master) as staff:
        staff.prepare()
        staff.start()
        staff.shop.stock_up(tmp_path, LAMP=9, VASE=1)
        before = [numbers(staff.shop.until_invoiced(send(staff, number))) for number in range(3)]
        staff.shop.until_invoiced(send(staff, 3, "VASE"))
        staff.shop.until(send(staff, 4, "VASE"), state="held")
        copied = said(staff, "backup", str(tmp_path / "stores"))
        assert copied["channels"]["messages"] == 5
        said(staff, "backup-keys", str(tmp_path / "keys"))
        staff.shop.until_invoiced(send(staff, 5))
    shutil.rmtree(tmp_path / "before")

    with namespace(tmp_path / "after", kind, master) as staff:
        staff.prepare()
        assert said(staff, "restore-keys", str(tmp_path / "keys"))["keys"] >= 5
        said(staff, "restore", str(tmp_path / "stores"))
        back = ("restore-channels", str(tmp_path / "stores"), "--seed-file", "/dev/stdin")
        assert said(staff, *back, stdin=SEEDS["channels"]) == {"published": 5, "messages": 5}
        staff.start()
        for number in range(3):
            assert numbers(staff.shop.until_invoiced(send(staff, number))) == before[number], "taken twice"
        after = [numbers(staff.shop.until_invoiced(send(staff, number))) for number in (5, 6)]
        assert [int(invoice.rpartition("-")[2]) for invoice, _ in after] == [5, 6]
        assert len({parcel for _, parcel in (*before, *after)}) == 5
        staff.shop.stock_up(tmp_path, VASE=2)
        staff.shop.until_invoiced("market:4")
        assert staff.shop.stock("LAMP")["on_hand"] == 4
        assert said(staff, *back, stdin=SEEDS["channels"])["published"] == 0
        eventually(
            lambda: not staff.shop.verdicts(), 30, f"all invariants hold: {staff.shop.verdicts()}", every=1
        )
        for service in SERVICES:
            assert said(staff, "replay", service)["equal"] is True
        assert [name for name in SERVICES if "violation" in staff.log(name).lower()] == []
