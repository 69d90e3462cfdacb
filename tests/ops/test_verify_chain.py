"""I2 and I13: a gap in the log, an event that was changed, or a cause that never was shows, at the right place."""

from __future__ import annotations

from pathlib import Path

import pytest

from chassis.batch import Batch, NewEvent
from chassis.bus import Bus
from chassis.chain import GENESIS, chained
from ops.verify.chain import Chains
from ops.verify.evidence import all_events, weigh
from tests.chassis.test_event_stores import File, Schema
from tests.ops.house import broken
from tests.ops.true_story import history

FIRST, LAST = 1, 8
KEY = {File: "rowid", Schema: "notification_id"}
"""What the position is called, by the kind of store."""
UNLOCK = {
    File: ("DROP TRIGGER stored_events_no_update", "DROP TRIGGER stored_events_no_delete"),
    Schema: ("ALTER TABLE stored_events DISABLE TRIGGER USER",),
}
"""What somebody with all rights does first."""
FORGED = (
    "INSERT INTO stored_events ({at}, originator_id, originator_version, topic, state, headers, chain)"
    " SELECT 4, 'order/forged', 1, topic, state, headers, chain FROM stored_events WHERE {at} = 3"
)
NOT_LINKED = "is not what was linked here"
TAMPERINGS = {
    "flip": (("UPDATE stored_events SET topic = 'orders.Other.v1' WHERE {at} = 4",), f"4: {NOT_LINKED}"),
    "other headers": (("UPDATE stored_events SET headers = state WHERE {at} = 4",), f"4: {NOT_LINKED}"),
    "delete": (("DELETE FROM stored_events WHERE {at} = 4",), "5: follows position 3: 1 missing"),
    "insert": (
        (
            "UPDATE stored_events SET {at} = {at} + 100 WHERE {at} >= 4",
            FORGED,
            "UPDATE stored_events SET {at} = {at} - 99 WHERE {at} > 100",
        ),
        f"4: {NOT_LINKED}",
    ),
    "reorder": (
        (
            "UPDATE stored_events SET {at} = 99 WHERE {at} = 4",
            "UPDATE stored_events SET {at} = 4 WHERE {at} = 5",
            "UPDATE stored_events SET {at} = 5 WHERE {at} = 99",
        ),
        f"4: {NOT_LINKED}",
    ),
}
"""What is done to the fourth of eight events, and where that is found."""


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> File | Schema:
    """A store with eight events of two orders, in turn."""
    is_file = request.param == "sqlite"
    place = File(tmp_path / "orders.sqlite") if is_file else Schema(request.getfixturevalue("database"))
    cause = b"ce-causationid: command/1\r\n"
    said = [
        NewEvent(n, f"order/{n % 2}", (n + 1) // 2, "orders.Said.v1", b"{}", cause)
        for n in range(FIRST, LAST + 1)
    ]
    store = place.open()
    store.commit(Batch(events=chained(GENESIS, said)))
    store.close()
    return place


def found_in(place: File | Schema) -> str:
    """What the auditor says of the chain; empty if it holds."""
    store = place.open()
    with store.snapshot() as still:
        chains = Chains(weigh({"orders": still}, {"orders": store}), None)
        for event in all_events(still):
            chains.witness("orders", event)
    order, _ = chains.conclude()
    store.close()
    return order.detail


def test_an_untouched_chain_holds(place: File | Schema) -> None:
    """So that the next test means something."""
    assert found_in(place) == ""


@pytest.mark.parametrize("how", TAMPERINGS)
def test_whoever_changes_the_log_is_found_at_the_right_place(place: File | Schema, how: str) -> None:
    """The first position that is named is that of the change."""
    statements, found = TAMPERINGS[how]
    for statement in (*UNLOCK[type(place)], *statements):
        place.execute(statement.format(at=KEY[type(place)]))
    assert found_in(place).split(" at ORDERS ")[1].startswith(found)


async def test_a_missing_version_is_found(tmp_path: Path, bus: Bus) -> None:
    """An event of the middle of an order's history is gone."""
    house = history()
    house.find("PaymentRequested", "shop:1").version = 4
    found = await broken(house, tmp_path, bus)
    assert "order/shop:1 at ORDERS 3: version 4 where 3 was due" in found["I2"]


async def test_a_missing_position_is_found(tmp_path: Path, bus: Bus) -> None:
    """A hole in the service's log: whoever reads the stream would see it too."""
    house = history()
    house.repeat("NotificationSuppressed", notification_id="n9", cause="c9").entity = "letters/shop:9"
    house.said["notify"][-1].position = len(house.said["notify"]) + 3
    found = await broken(house, tmp_path, bus)
    assert "letters/shop:9 at NOTIFY 11: follows position 7: 3 missing" in found["I2"]


async def test_a_cause_that_does_not_exist_is_found(tmp_path: Path, bus: Bus) -> None:
    """Why something happened must be answerable for every event."""
    house = history()
    house.find("StockReserved", "shop:1").cause = "orders/order/shop:1/99"
    found = await broken(house, tmp_path, bus)
    assert found == {
        "I13": "reservation/shop:1 at INVENTORY 4: its cause orders/order/shop:1/99 does not exist"
    }


async def test_a_cause_that_is_no_event_at_all_is_found(tmp_path: Path, bus: Bus) -> None:
    """An empty or mistyped cause is as bad as a missing one."""
    house = history()
    house.find("PaymentDue", "shop:1").cause = "because"
    assert "names the cause 'because', which is nothing" in (await broken(house, tmp_path, bus))["I13"]


async def test_a_cause_beyond_the_end_of_the_channels_is_found(tmp_path: Path, bus: Bus) -> None:
    """A message that is not in the stream caused nothing."""
    house = history()
    house.find("OrderReceived", "shop:2").cause = "CHANNELS/77"
    assert "its cause CHANNELS/77 does not exist" in (await broken(house, tmp_path, bus))["I13"]
