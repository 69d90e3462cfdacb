"""Whatever a channel sends, reading it gives an answer and raises nothing."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orders.intake.canonical import ORDER
from services.orders.intake.reading import Placed, Reading, Unreadable
from tests.orders.intake.bodies import placed, reading, shopify_body, shopify_line, woo_body, woo_line

READINGS = get_args(Reading.__value__)
TOPICS = [
    ("shopify", "orders_create"),
    ("woocommerce", "order_created"),
    ("woocommerce", "order_deleted"),
    ("retail", "order_placed"),
    ("retail", "return_reported"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
ODD = JSON | st.sampled_from(
    [
        "",
        "0",
        "-1.005",
        "1e999999999",
        "NaN",
        "9" * 40,
        "\ud800",
        "\x00",
        10**30,
        -1,
        1.5,
        "2026-13-45",
        "0001-01-01",
        [{}],
    ]
)
BODIES: list[tuple[str, str, dict[str, Any]]] = [
    ("shopify", "orders_create", shopify_body(shipping_lines=[{"price": "1.00", "title": "DHL"}])),
    ("woocommerce", "order_created", woo_body(fee_lines=[{"name": "Wrap", "total": "1.00"}])),
]


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a body."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, inner in items for path in paths(inner, (*at, key)))]


def replaced(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    """A copy with another value in one place."""
    if not at:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[at[0]] = replaced(copy[at[0]], at[1:], new)
    return copy


@pytest.mark.parametrize(("channel", "topic"), TOPICS)
@given(data=st.binary(max_size=200) | JSON.map(lambda body: json.dumps(body).encode()))
@settings(max_examples=150, deadline=None)
def test_any_bytes_get_an_answer(channel: str, topic: str, data: bytes) -> None:
    """One message that raises would stop all that come after it."""
    found = reading(channel, topic, data)
    assert isinstance(found, READINGS)
    if isinstance(found, Unreadable):
        assert 0 < len(found.reason) <= 300


@pytest.mark.parametrize(("channel", "topic", "body"), BODIES)
@given(draw=st.data())
@settings(max_examples=400, deadline=None)
def test_a_damaged_order_is_read_or_refused(
    channel: str, topic: str, body: dict[str, Any], draw: st.DataObject
) -> None:
    """Two fields at a time are replaced by anything; what is then read can be stored and read again."""
    for _ in range(2):
        body = replaced(body, draw.draw(st.sampled_from(paths(body))), draw.draw(ODD))
        if not isinstance(body, (dict, list)):
            break
    found = reading(channel, topic, body)
    assert isinstance(found, READINGS)
    if isinstance(found, Placed):
        assert ORDER.validate_json(ORDER.dump_json(found.order)) == found.order


CENTS = st.integers(0, 100_000)


@given(prices=st.lists(st.tuples(CENTS, st.integers(1, 9)), min_size=1, max_size=6), off=CENTS, post=CENTS)
@settings(max_examples=150, deadline=None)
def test_a_shopify_order_keeps_every_cent(prices: list[tuple[int, int]], off: int, post: int) -> None:
    """Whatever the discount and however it must be split, the canonical total is the channel's."""
    goods = sum(cents * units for cents, units in prices)
    off = min(off, goods + post)
    lines = [
        shopify_line(id=i, price=f"{cents / 100:.2f}", quantity=units, tax_lines=[])
        for i, (cents, units) in enumerate(prices)
    ]
    body = shopify_body(
        line_items=lines,
        shipping_lines=[{"title": "DHL", "price": f"{post / 100:.2f}"}],
        total_discounts=f"{off / 100:.2f}",
        total_tax="0.00",
        total_price=f"{(goods + post - off) / 100:.2f}",
    )
    order = placed("shopify", "orders_create", body)
    parts = [line.total_minor for line in (*order.lines, *order.shipping)]
    parts += [adjustment.amount_minor for adjustment in order.adjustments]
    assert sum(parts) == order.total_minor == goods + post - off
    assert min(line.total_minor for line in order.lines) >= 0


@given(
    st.lists(st.tuples(CENTS, st.integers(1, 9), st.integers(0, 20_000)), min_size=1, max_size=6),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_a_woocommerce_order_keeps_every_cent(items: list[tuple[int, int, int]], gross: bool) -> None:
    """Net or gross, the lines are what the shop says and the unit prices never bend them."""
    lines = [
        woo_line(
            id=i,
            quantity=units,
            subtotal=f"{cents / 100:.2f}",
            total=f"{cents / 100:.2f}",
            subtotal_tax=f"{tax / 100:.2f}",
            total_tax=f"{tax / 100:.2f}",
            taxes=[],
        )
        for i, (cents, units, tax) in enumerate(items)
    ]
    tax = sum(t for _, _, t in items)
    total = sum(cents for cents, _, _ in items) + tax
    body = woo_body(
        line_items=lines, prices_include_tax=gross, total_tax=f"{tax / 100:.2f}", total=f"{total / 100:.2f}"
    )
    order = placed("woocommerce", "order_created", body)
    assert order.prices_include_tax is gross
    assert sum(line.total_minor for line in order.lines) == total - (0 if gross else tax)
    for line in order.lines:
        assert line.quantity * line.unit_price_minor - line.discount_minor == line.total_minor
