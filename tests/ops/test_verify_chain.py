"""I2 and I13: a gap in the log or a cause that never was shows."""

from __future__ import annotations

from pathlib import Path

from chassis.bus import Bus
from tests.ops.house import broken
from tests.ops.true_story import history


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
