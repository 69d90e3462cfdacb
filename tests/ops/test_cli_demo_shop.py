"""The demo shop: what it sells, and that every order it plays is one that a channel could have sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chassis.declare import Message
from contracts.placed_order import PlacedOrder
from ops.demo.canonical import canonical_event
from ops.demo.carrier import due_scans
from ops.demo.memory import Memory
from ops.demo.orders import DemoOrder, demo_order, sample_order
from ops.demo.payouts import pause_after, with_surprise
from ops.demo.shop import goods, skus_csv, stock_csv
from ops.demo.shopify import shopify_body
from ops.demo.woocommerce import woocommerce_body
from ops.importing.csv_rows import SHEETS, Row, rows
from services.orders.intake.read import read
from services.orders.intake.reading import Placed
from services.orders.settings import ChannelSettings

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
A_GOOD_WHILE = range(300)
TOPICS = {
    "shopify": "orders_create",
    "woocommerce": "order_created",
    "market": "order_placed",
    "webshop": "order_placed",
}
CHANNELS = {
    "shopify": ChannelSettings(kind="shopify"),
    "woocommerce": ChannelSettings(kind="woocommerce"),
    "market": ChannelSettings(kind="canonical"),
    "webshop": ChannelSettings(kind="canonical", payment="gateway"),
}


def sent(order: DemoOrder) -> PlacedOrder:
    """The order as the intake reads it."""
    bodies = {
        "shopify": lambda: json.dumps(shopify_body(order)).encode(),
        "woocommerce": lambda: json.dumps(woocommerce_body(order)).encode(),
        "market": lambda: canonical_event(order).to_bytes(),
        "webshop": lambda: canonical_event(order).to_bytes(),
    }
    subject = f"evt.channels.{order.channel}.{TOPICS[order.channel]}"
    reading = read(Message("CHANNELS", 1, subject, {}, bodies[order.channel](), NOW), CHANNELS)
    assert isinstance(reading, Placed), reading
    return reading.order


def test_there_are_at_least_two_hundred_different_goods() -> None:
    """A page full of the same three things shows nothing."""
    assert len({good.sku for good in goods()}) == len(goods()) >= 200
    assert len({good.barcode for good in goods()}) == len(goods())


def test_every_barcode_has_a_valid_check_digit() -> None:
    """A scanner refuses the others: weighted sum of all thirteen digits is a multiple of ten."""
    for good in goods():
        weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(good.barcode))
        assert (len(good.barcode), weighted % 10) == (13, 0), good


@pytest.mark.parametrize(("sheet", "text"), [("skus", skus_csv()), ("stock", stock_csv())])
def test_master_data_is_a_file_that_the_import_takes(sheet: str, text: str) -> None:
    """The demo comes in by the same way as a seller's own file."""
    read_rows = list(rows(text, SHEETS[sheet]))
    assert [row for row in read_rows if not isinstance(row, Row)] == []
    assert len(read_rows) == len(goods())


@pytest.mark.parametrize("n", A_GOOD_WHILE)
def test_every_order_is_read_with_the_total_that_the_customer_paid(n: int) -> None:
    """To the minor unit, whatever channel, country and currency, and with totals that add up."""
    order = demo_order(n, NOW)
    placed = sent(order)
    parts = sum(line.total_minor for line in placed.lines) + sum(line.total_minor for line in placed.shipping)
    assert placed.total_minor == order.total_minor
    assert parts + (0 if placed.prices_include_tax else placed.tax_minor) == order.total_minor
    assert (placed.payment.state == "paid") is order.paid


def test_the_same_number_is_the_same_order_for_ever() -> None:
    """A restart that sends an order again must meet it, not double it."""
    assert [demo_order(n, NOW) for n in range(50)] == [demo_order(n, NOW) for n in range(50)]


def test_no_two_orders_share_an_id() -> None:
    """Each has its own number at its channel."""
    assert len({(order.channel, order.number) for order in map(_nth, A_GOOD_WHILE)}) == len(A_GOOD_WHILE)


def test_the_first_minute_has_one_of_everything() -> None:
    """Two a second at most: a hundred orders show each twist, several countries and currencies."""
    first = [_nth(n) for n in range(100)]
    assert {order.twist for order in first} == {"", "unknown_sku", "short", "unpaid", "cancelled"}
    assert {order.channel for order in first} == set(CHANNELS)
    assert len({order.customer.country.code for order in first}) >= 8
    assert all((order.channel == "webshop") != order.paid for order in first)
    assert {order.currency for order in first} == {"EUR", "GBP", "PLN"}
    assert all(order.channel == "shopify" for order in first if order.twist == "cancelled")


def test_nobody_can_be_written_to_by_the_demo() -> None:
    """Mail addresses end in a domain that cannot exist."""
    assert all(_nth(n).customer.email.endswith(".example") for n in A_GOOD_WHILE)


def test_each_start_has_a_sample_order_of_its_own() -> None:
    """The curl line works again after a restart; and it meets no order of the demo."""
    first, second = sample_order(NOW), sample_order(NOW + timedelta(seconds=1))
    assert first.number != second.number
    assert sent(first).total_minor == first.total_minor


def test_scans_come_in_the_order_of_the_way_and_some_parcels_stay_on_it() -> None:
    """What is reported by now, by time since the hand-over."""
    late = NOW + timedelta(minutes=5)
    ways = [[scan["code"] for scan in due_scans(f"SB{n:09}ZZ", NOW, late)] for n in range(60)]
    whole = ["picked_up", "in_transit", "out_for_delivery", "delivered"]
    assert {tuple(way) for way in ways} == {tuple(whole), tuple(whole[:2])}
    assert due_scans("SB1", NOW, NOW + timedelta(seconds=5)) == []


def test_a_surprise_moves_the_total_by_its_own_amount() -> None:
    """The statement still adds up; only nothing explains the line."""
    statement = {"payout_id": "po-2", "total_minor": 9_000, "lines": [{"net_minor": 9_000}]}
    surprised = with_surprise(statement)
    assert sum(line["net_minor"] for line in surprised["lines"]) == surprised["total_minor"] == 7_500
    assert statement["lines"] == [{"net_minor": 9_000}]


@pytest.mark.parametrize(
    ("payouts", "reported", "pause"), [(0, False, 5.0), (1, True, 30.0), (2, True, 300.0)]
)
def test_payouts_come_early_and_then_seldom(payouts: int, reported: bool, pause: float) -> None:
    """One sees both kinds within the first minute, without drowning in them later."""
    assert pause_after(payouts, reported) == pause


def test_the_demo_remembers_where_it_was(tmp_path: Path) -> None:
    """Over a restart, each figure for itself."""
    memory = Memory(tmp_path / "demo.json")
    memory.next_order, memory.settled = 17, 4
    again = Memory(tmp_path / "demo.json")
    assert (again.next_order, again.settled, again.payouts) == (17, 4, 0)


def _nth(n: int) -> DemoOrder:
    return demo_order(n, NOW)
