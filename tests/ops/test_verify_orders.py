"""I3: an order that jumped, stood in two states, or ended wrongly is found."""

from __future__ import annotations

from pathlib import Path

from chassis.bus import Bus
from tests.ops.house import broken
from tests.ops.true_story import history


async def test_a_jump_over_a_state_is_found(tmp_path: Path, bus: Bus) -> None:
    """Released without having been accepted."""
    house = history()
    house.drop("OrderAccepted", "shop:1")
    assert "OrderReleased while the order was received" in (await broken(house, tmp_path, bus))["I3"]


async def test_a_way_out_of_an_end_state_is_found(tmp_path: Path, bus: Bus) -> None:
    """Fulfilled is fulfilled."""
    house = history()
    house.repeat("OrderCancelled", "shop:2", order_id="shop:1").entity = "order/shop:1"
    found = await broken(house, tmp_path, bus)
    assert "OrderCancelled while the order was fulfilled" in found["I3"]


async def test_a_release_while_held_is_found(tmp_path: Path, bus: Bus) -> None:
    """Nothing may leave the house while any hold is open."""
    house = history()
    accepted = house.find("OrderAccepted", "shop:1")
    held = house.repeat("OrderAccepted", "shop:1")
    held.type, held.facts = "orders.OrderHeld.v1", {
        "order_id": "shop:1", "reason": "manual", "detail": "look", "owner": "ann",
    }  # fmt: skip
    log = house.said["orders"]
    log.insert(log.index(accepted) + 1, log.pop())
    assert "released while held: manual" in (await broken(house, tmp_path, bus))["I3"]


async def test_a_state_that_the_events_do_not_lead_to_is_found(tmp_path: Path, bus: Bus) -> None:
    """The row that people are shown must be what the history says."""
    house = history()
    house.states["order/shop:1"] = {"state": "cancelled"}
    found = await broken(house, tmp_path, bus)
    assert found["I3"] == "order/shop:1: shown as cancelled, its events lead to fulfilled"
    assert found["I11"].startswith("orders: rebuilt entity order/shop:1")


async def test_an_order_fulfilled_with_nothing_handed_over_is_found(tmp_path: Path, bus: Bus) -> None:
    """At the warehouse, and ended without a parcel."""
    house = history()
    house.drop("ParcelHandedOver")
    assert "fulfilled with no parcel handed over" in (await broken(house, tmp_path, bus))["I3"]
