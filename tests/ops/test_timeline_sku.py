"""A SKU's story: what there was at a time, and which movement or promise made it so."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from contracts.inventory import AvailabilityChanged, ReservationRefused, Short, StockAdjusted
from ops.console import CannotDo
from ops.history.sku import SkuStory, timeline_of_sku
from ops.system import find
from tests.ops.house import START, House
from tests.ops.true_story import history


def story_of(
    data: Path, at: timedelta | None = None, limit: int | None = None, house: House | None = None
) -> SkuStory:
    """The story of the house's only SKU."""
    (house or history()).write(data)
    return timeline_of_sku(find(data), "LAMP", None if at is None else START + at, limit)


def test_every_movement_and_promise_is_told_with_its_order_and_the_stock_after_it(tmp_path: Path) -> None:
    """Ten came in; one order took two, another gave its two back."""
    story = story_of(tmp_path)
    told = [
        (movement.moment.type.split(".")[1], movement.order_id, movement.on_hand, movement.reserved)
        for movement in story.movements
    ]
    assert told == [
        ("SkuRegistered", "", 0, 0),
        ("StockReceived", "", 10, 0),
        ("StockReserved", "shop:1", 10, 2),
        ("StockDispatched", "shop:1", 8, 0),
        ("StockReserved", "shop:2", 8, 2),
        ("ReservationReleased", "shop:2", 8, 0),
    ]
    assert (story.state["on_hand"], story.state["reserved"], story.state["available"]) == (8, 0, 8)


def test_at_a_time_the_stock_is_what_it_was_then_by_location(tmp_path: Path) -> None:
    """Two were promised, none had left."""
    story = story_of(tmp_path, at=timedelta(milliseconds=8))
    assert story.state["locations"] == [{"location": "MAIN", "on_hand": 10, "reserved": 2}]
    assert story.movements[-1].order_id == "shop:1"


def test_the_json_has_the_shape_of_an_orders_story(tmp_path: Path) -> None:
    """Whoever reads one reads the other."""
    shown = story_of(tmp_path).as_json()
    assert shown.keys() == {"sku", "state", "events", "left_out"}
    assert shown["events"][1] == {
        "time": shown["events"][1]["time"],
        "service": "inventory",
        "type": "inventory.StockReceived.v1",
        "id": "inventory/reference/received/MAIN/LAMP/DN-1/1",
        "entity": "reference/received/MAIN/LAMP/DN-1",
        "reason": "10 came in at MAIN (DN-1), booked by ann: delivery",
        "cause": "command/receive",
        "data": shown["events"][1]["data"],
        "order_id": "",
        "after": {"on_hand": 10, "reserved": 0, "available": 10},
    }


def test_a_limit_keeps_the_newest_and_says_how_many_are_left_out(tmp_path: Path) -> None:
    """A busy SKU has thousands."""
    story = story_of(tmp_path, limit=2)
    assert [movement.order_id for movement in story.movements] == ["shop:2", "shop:2"]
    assert story.left_out == 4
    assert "4 older events are left out" in story.readable()
    assert story.state["on_hand"] == 8, "the stock is that of the whole story"


def test_an_order_that_was_refused_for_want_of_it_is_part_of_the_story(tmp_path: Path) -> None:
    """It changes no number, and is what a seller asks about. An announcement is not: it follows from the stock."""
    house = history()
    short = Short(sku="LAMP", asked=99, available=8)
    house.say(
        "reservation/shop:3", ReservationRefused(order_id="shop:3", attempt=1, short=(short,)), "orders/x/1"
    )
    house.say(
        "sku/LAMP",
        AvailabilityChanged(sku="LAMP", available=8, on_hand=8, reserved=0),
        "inventory/reservation/shop:3/1",
    )
    last = story_of(tmp_path, house=house).movements[-1]
    assert (last.order_id, last.on_hand, last.reserved) == ("shop:3", 8, 0)
    assert last.as_json()["reason"] == "not enough stock: LAMP, asked 99, available 8"


def test_a_longer_name_is_another_sku(tmp_path: Path) -> None:
    """`LAMP` stands in `LAMP-XL`, too."""
    house = history()
    other = StockAdjusted(
        sku="LAMP-XL", location="MAIN", quantity=5, reason="count", actor="ann", reference="C-1"
    )
    house.say("reference/adjusted/MAIN/LAMP-XL/C-1", other, "command/adjust")
    story = story_of(tmp_path, house=house)
    assert (len(story.movements), story.state["on_hand"]) == (6, 8)


def test_people_read_the_stock_and_the_way_to_it(tmp_path: Path) -> None:
    """The numbers first, then a line per movement."""
    lines = story_of(tmp_path).readable().splitlines()
    assert lines[0] == "LAMP · 8 on hand, 0 reserved, 8 available"
    assert lines[1] == "  MAIN: 8 on hand, 0 reserved, 8 available"
    assert lines[-1].endswith("promise taken back (cancelled): 2 × LAMP at MAIN")
    assert "8 / 0 / 8  shop:2" in lines[-1]


def test_a_sku_that_nobody_knows_or_knew_then_is_named(tmp_path: Path) -> None:
    """Most often it is misspelt, or the time is."""
    history().write(tmp_path)
    with pytest.raises(CannotDo, match="no SKU LUMP: nothing was ever booked on it"):
        timeline_of_sku(find(tmp_path), "LUMP")
    with pytest.raises(CannotDo, match="SKU LAMP was not known then; it was first heard of at 2026-11-21T12"):
        timeline_of_sku(find(tmp_path), "LAMP", START - timedelta(hours=1))
