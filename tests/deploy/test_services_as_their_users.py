"""The five services, each as its own NATS user, take one order all the way: the rights are enough, and are used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from chassis.bus import connect
from contracts.parking import SERVICES
from tests.conftest import eventually, free_port
from tests.deploy.guarded import GuardedServer, login_of
from tests.deploy.staff import Staff, at_work
from tests.story.orders import canonical_order

pytestmark = pytest.mark.long

ACK_FORMS = {"v1": "feature_flags { js_ack_fc_v2: false }", "v2": "feature_flags { js_ack_fc_v2: true }"}


@pytest.fixture(params=ACK_FORMS)
def staff(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Staff]:
    """A shop on a guarded server that speaks one form of acknowledgement subjects."""
    server = GuardedServer(tmp_path / "nats", free_port(), free_port(), more=ACK_FORMS[request.param])
    server.start()
    with at_work(Staff(server, tmp_path)) as staff:
        staff.prepare()
        staff.start()
        yield staff


async def test_an_order_goes_all_the_way_under_guard(staff: Staff, tmp_path: Path) -> None:
    """Published by `channels`, fulfilled and invoiced by five users of whom none was refused anything."""
    staff.shop.stock_up(tmp_path, LAMP=3)
    body = json.dumps(canonical_order("market", "1", "LAMP")).encode()
    async with connect(staff.server.url, "publisher", login=login_of("channels")) as bus:
        await bus.publish("evt.channels.market.order_placed", body, {"ce-type": "channels.OrderPlaced.v1"})
    order = staff.shop.until_invoiced("market:1")
    assert order["payment"]["state"] == "captured"
    assert eventually(lambda: staff.shop.stock("LAMP")["on_hand"] == 2, 30, "a lamp has left")
    assert [name for name in SERVICES if "violation" in staff.log(name).lower()] == []
