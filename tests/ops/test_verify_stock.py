"""I5 and I6: oversold stock, books that do not add up, and promises without an end are found."""

from __future__ import annotations

from pathlib import Path

from chassis.bus import Bus
from tests.ops.house import broken
from tests.ops.true_story import history


async def test_stock_promised_twice_is_found_at_the_moment_it_happened(tmp_path: Path, bus: Bus) -> None:
    """Later movements hide an oversell in the final numbers; the prefix shows it."""
    house = history()
    house.find("StockReceived").facts["quantity"] = 3
    house.find("AvailabilityChanged").facts.update(available=3, on_hand=3)
    house.find("StockDispatched").facts["lines"][0]["quantity"] = 1
    log = house.said["inventory"]
    second = next(said for said in log if said.entity == "reservation/shop:2")
    log.insert(log.index(house.find("StockDispatched")), log.pop(log.index(second)))
    found = await broken(house, tmp_path, bus)
    assert "reservation/shop:2 at INVENTORY 5: LAMP at MAIN: 3 on hand, 4 reserved" in found["I5"]


async def test_books_that_do_not_show_the_sum_of_movements_are_found(tmp_path: Path, bus: Bus) -> None:
    """Somebody changed the numbers without a movement."""
    house = history()
    house.states["sku/LAMP"] = {"places": [{"location": "MAIN", "on_hand": 9, "reserved": 0}]}
    assert "its movements sum to (8, 0)" in (await broken(house, tmp_path, bus))["I5"]


async def test_a_location_missing_from_the_books_is_found(tmp_path: Path, bus: Bus) -> None:
    """Units were received at a place that the books do not know."""
    house = history()
    house.states["sku/LAMP"] = {"places": []}
    assert "sku/LAMP: 8 at MAIN are not in the books" in (await broken(house, tmp_path, bus))["I5"]


async def test_an_availability_that_was_not_true_is_found(tmp_path: Path, bus: Bus) -> None:
    """Channels sell what they are told can be sold."""
    house = history()
    house.find("AvailabilityChanged").facts["available"] = 12
    assert "told (10, 0, 12) of LAMP" in (await broken(house, tmp_path, bus))["I5"]


async def test_a_promise_to_a_cancelled_order_is_found(tmp_path: Path, bus: Bus) -> None:
    """Stock that nobody can sell and nobody will get."""
    house = history()
    house.drop("ReservationReleased")
    found = await broken(house, tmp_path, bus)
    assert found["I6"] == (
        "reservation/shop:2 at INVENTORY 6: 2 x LAMP at MAIN still promised to an order that is cancelled"
    )


async def test_a_promise_is_pending_until_inventory_hears_of_the_end(tmp_path: Path, bus: Bus) -> None:
    """The cancellation is on its way; I6 waits for it, while I10 notices that nobody fetches it."""
    house = history()
    house.drop("ReservationReleased")
    house.behind["inventory", "orders"] = 1
    verdicts = await house.audit(tmp_path, bus)
    assert verdicts["I6"].holds
    assert verdicts["I6"].detail == "pending 1"


async def test_a_promise_to_a_fulfilled_order_is_found(tmp_path: Path, bus: Bus) -> None:
    """The parcel is gone, the books still hold its units."""
    house = history()
    house.find("StockDispatched").facts["lines"][0]["quantity"] = 1
    assert (
        "1 x LAMP at MAIN still promised to an order that is fulfilled"
        in (await broken(house, tmp_path, bus))["I6"]
    )


async def test_more_dispatched_than_promised_is_found(tmp_path: Path, bus: Bus) -> None:
    """Somebody else's units went out with this parcel."""
    house = history()
    house.find("StockDispatched").facts["lines"][0]["quantity"] = 3
    assert "dispatched 3 x LAMP, 2 promised" in (await broken(house, tmp_path, bus))["I6"]


async def test_giving_back_something_else_than_was_promised_is_found(tmp_path: Path, bus: Bus) -> None:
    """A release must return exactly what was taken."""
    house = history()
    house.find("ReservationReleased").facts["lines"][0]["quantity"] = 1
    found = await broken(house, tmp_path, bus)
    assert "released 1 x LAMP at MAIN of 2 x LAMP at MAIN promised" in found["I6"]
