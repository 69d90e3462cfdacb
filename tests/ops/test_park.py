"""Parked messages are found wherever they are, and settled with a name and a reason. Against a running service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chassis.bus import Bus
from chassis.service import Running
from contracts.address import Recipient
from contracts.orders import OrderAccepted
from contracts.placed_order import Units
from ops.console import CannotDo
from ops.park import list_parked, readable_list, readable_one, settle_parked, show_parked
from ops.system import System
from tests.chassis.toys import start, toy_inventory
from tests.conftest import NatsServer, until
from tests.ops.running import ten_free_ports

PARKED = "parked/ORDERS/1"


@pytest.fixture
async def inventory(bus: Bus, nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[Running]:
    """A running service that has parked one message."""
    running = await start(toy_inventory(), nats_server.url, tmp_path)
    await poison(bus, "shop:poison", 1)
    await until(lambda: running.store.last_position() == 1)
    yield running
    await running.stop()


async def poison(bus: Bus, order_id: str, position: int) -> None:
    """An order that the toy inventory cannot handle, as the `position`-th event of orders."""
    accepted = OrderAccepted(
        order_id=order_id,
        attempt=1,
        currency="EUR",
        total_minor=100,
        lines=(Units(sku="LAMP", quantity=1),),
        recipient=Recipient(),
    )
    headers = {
        "ce-id": f"orders/order/{order_id}/1",
        "ce-type": OrderAccepted.TYPE,
        "ce-sequence": str(position),
        "ce-previous": str(position - 1),
    }
    await bus.publish("evt.orders.order_accepted.v1", accepted.to_bytes(), headers)


@pytest.fixture
def system(inventory: Running, tmp_path: Path) -> System:
    """The system as commands see it: one service answers, the others are away."""
    port = inventory.settings.port_of("inventory")
    return System(tmp_path, ten_free_ports(), "", {"inventory": f"http://127.0.0.1:{port}"})


async def test_the_list_says_what_is_parked_where_and_why(
    system: System, capsys: pytest.CaptureFixture[str]
) -> None:
    """A service that is away does not hide what the others have; it is named."""
    (parked,) = await list_parked(system)
    assert {name: parked[name] for name in ("id", "service", "subject", "type", "reason", "tries")} == {
        "id": PARKED,
        "service": "inventory",
        "subject": "evt.orders.order_accepted.v1",
        "type": "orders.OrderAccepted.v1",
        "reason": "RuntimeError: this one cannot be handled",
        "tries": 3,
    }
    assert "not looked at: billing does not answer" in capsys.readouterr().err
    assert readable_list([parked]).endswith(f"inventory  {PARKED}  RuntimeError: this one cannot be handled")


async def test_however_many_are_parked_all_are_listed(system: System, inventory: Running, bus: Bus) -> None:
    """A bad day parks more than a service tells at once; a page that happens to be full ends well, too."""
    for number in (2, 3):
        await poison(bus, f"shop:poison-{number}", number)
    await until(lambda: inventory.store.last_position() == 3)
    listed = [parked["id"] for parked in await list_parked(system, at_once=1)]
    assert listed == [PARKED, "parked/ORDERS/2", "parked/ORDERS/3"]


async def test_one_is_shown_with_its_traceback_and_its_body(system: System) -> None:
    """Everything a person needs to decide."""
    shown = readable_one(await show_parked(system, "ORDERS/1"))
    assert 'raise RuntimeError("this one cannot be handled")' in shown
    assert '"order_id":"shop:poison"' in shown


async def test_a_retry_that_fails_again_says_so_and_changes_nothing(
    system: System, inventory: Running
) -> None:
    """The cause was not mended."""
    with pytest.raises(CannotDo, match="this one cannot be handled"):
        await settle_parked(system, PARKED, "retry", "ann", "try again")
    assert inventory.store.last_position() == 1


async def test_a_discarded_message_is_gone_from_the_list_and_stays_in_the_history(
    system: System, inventory: Running
) -> None:
    """Who let it go, and why, is kept."""
    answer = await settle_parked(system, PARKED, "discard", "ann", "a test order")
    assert answer["events"] == [
        {
            "type": "inventory.ParkedMessageDiscarded.v1",
            "data": {"message": PARKED, "actor": "ann", "reason": "a test order"},
        }
    ]
    assert await list_parked(system) == []


@pytest.mark.parametrize(("actor", "reason"), [("", "because"), ("\u0410nn", "because"), ("ann", "  ")])
async def test_nobody_settles_anonymously_or_without_a_reason(
    system: System, actor: str, reason: str
) -> None:
    """Refused before anything is asked."""
    with pytest.raises(CannotDo, match=r"(--actor|--reason) is recorded, and has to"):
        await settle_parked(system, PARKED, "discard", actor, reason)


async def test_an_unknown_message_is_named(system: System) -> None:
    """With where to look."""
    with pytest.raises(CannotDo, match=r"no open parked message ORDERS/99; `doorstep park list` shows all"):
        await show_parked(system, "ORDERS/99")


async def test_a_system_that_is_away_is_said_to_be(tmp_path: Path) -> None:
    """One line, and what to do."""
    with pytest.raises(CannotDo, match=r"orders does not answer at .*: is `doorstep up` running\?"):
        await list_parked(System(tmp_path, ten_free_ports(), "", {}))
