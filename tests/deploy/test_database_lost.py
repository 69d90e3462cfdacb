"""The stores of `production` are lost, the streams are not: docs/runbooks/store-lost.md, as the users of a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from chassis.migrations import KEYS
from chassis.postgres_connections import schema_of
from contracts.parking import SERVICES
from tests.conftest import eventually, free_port
from tests.deploy.guarded import GuardedServer
from tests.deploy.staff import Staff, at_work
from tests.deploy.test_all_is_lost import SECRET, made_by_the_operator, send
from tests.postgres import local_postgres

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]


@pytest.fixture
def staff(tmp_path: Path) -> Iterator[Staff]:
    """At work on a database of its own, with an order that went all the way."""
    master = tmp_path / "master.key"
    master.write_text("ab" * 32)
    server = GuardedServer(tmp_path / "nats", free_port(), free_port())
    server.start()
    more = {"DOORSTEP_MASTER_KEY_FILE": str(master), "DOORSTEP_CHANNELS__MARKET__SECRET": SECRET}
    with (
        local_postgres() as database,
        at_work(Staff(server, tmp_path, made_by_the_operator(database.url), more)) as staff,
    ):
        staff.prepare()
        staff.start()
        staff.shop.stock_up(tmp_path, LAMP=9)
        staff.shop.until_invoiced(send(staff, 1))
        yield staff


def drop(staff: Staff, *stores: str) -> None:
    """As the owner, who may."""
    with psycopg.connect(staff.owner, autocommit=True) as connection:
        for store in stores:
            schema = sql.Identifier(schema_of("default", store))
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(schema))


def scale_to_none(staff: Staff, *services: str) -> None:
    for service in services:
        process = staff.processes.pop(service)
        process.terminate()
        assert process.wait(25) == 0


def is_well(staff: Staff, number: int) -> None:
    """An order more, and every invariant."""
    staff.shop.until_invoiced(send(staff, number))
    eventually(lambda: not staff.shop.verdicts(), 30, f"all hold: {staff.shop.verdicts()}", every=1)


def test_a_schema_that_is_gone_is_made_from_its_stream(staff: Staff) -> None:
    """The tools make it, as the owner; its service works in it as itself."""
    scale_to_none(staff, "billing")
    drop(staff, "billing")
    assert staff.shop.doorstep("heal", "billing", "--store")["events"] > 0
    staff.start("billing")
    assert staff.shop.doorstep("replay", "billing")["equal"] is True
    is_well(staff, 2)


def test_a_database_that_is_gone_is_made_from_the_streams(staff: Staff, tmp_path: Path) -> None:
    """The keys come from their backup; before that nothing that is sealed could be read."""
    staff.shop.doorstep("backup-keys", str(tmp_path / "keys"))
    scale_to_none(staff, *SERVICES)
    drop(staff, KEYS, *SERVICES)
    staff.carry_out("chassis.migrate", staff.environment("ops", staff.owner))
    assert staff.shop.doorstep("restore-keys", str(tmp_path / "keys"))["keys"] > 0
    for service in SERVICES:
        assert staff.shop.doorstep("heal", service, "--store")["events"] > 0
    staff.start()
    is_well(staff, 2)
