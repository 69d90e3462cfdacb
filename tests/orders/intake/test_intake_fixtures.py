"""Real orders that others recorded: each is read to the cent, or refused with a reason. Skipped where absent."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from contracts.money import to_minor
from services.orders.domain.rules import totals_add_up
from services.orders.intake.reading import Placed, Unreadable
from tests.orders.intake.bodies import reading
from tests.recorded import FIXTURES, needs

ORDERS = FIXTURES / "orders"
TOPICS = {"shopify": "orders_create", "woocommerce": "order_created"}
TOTALS = {"shopify": "total_price", "woocommerce": "total"}
TEMPLATE = re.compile(r"\{\{.*\}\}(-\d\d-\d\dT[\d:]+)?$")
"""One project's recordings leave a gap for the date: `{{currentYear}}-10-27T01:17:42`."""

DO_NOT_ADD_UP = {
    "shopifypy_order.json": "three lines of 199.00, but a subtotal of two",
    "shopifyruby_order.json": "three lines of 199.00, but a subtotal of two",
    "shopifyruby_orders.json": "three lines of 199.00, but a subtotal of two",
    "shopifyruby_order_with_properties.json": "lines were exchanged by hand, the subtotal was not",
    "wcandroid_orders_all_detailed.json": "two orders whose totals were edited by hand",
    "wcios_order-with-bundled-line-items.json": "two of the four lines were removed by hand",
    "wcios_order-with-faulty-attributes.json": "shipping of 7.00 is in the total and nowhere else",
}
"""Bodies that contradict themselves, looked at one by one: whoever recorded them changed them afterwards."""

pytestmark = needs(ORDERS)


def files(kind: str) -> list[Path]:
    return sorted((ORDERS / kind).glob("*")) if ORDERS.is_dir() else []


def orders(value: Any, kind: str) -> Iterator[dict[str, Any]]:
    """The orders in a file, also inside lists and wrappers, as a webhook would send them: one by one."""
    if isinstance(value, dict) and "line_items" in value and TOTALS[kind] in value:
        yield value
        return
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from orders(inner, kind)


def dated(order: dict[str, Any]) -> dict[str, Any]:
    """The order with the gaps of its dates filled."""
    return {
        key: TEMPLATE.sub(lambda gap: f"2025{gap[1] or '-01-27T10:00:00'}", value)
        if isinstance(value, str)
        else value
        for key, value in order.items()
    }


CASES = [pytest.param(kind, path, id=f"{kind}-{path.stem}") for kind in TOPICS for path in files(kind)]


@pytest.mark.parametrize(("kind", "path"), CASES)
def test_a_recorded_order_is_read_to_the_minor_unit(kind: str, path: Path) -> None:
    """Σ lines + shipping + adjustments (+ tax) is the channel's total, except where the body contradicts itself."""
    for order in orders(json.loads(path.read_bytes()), kind):
        found = reading(kind, TOPICS[kind], dated(order))
        if isinstance(found, Unreadable):
            assert found.reason
            continue
        assert isinstance(found, Placed)
        assert found.order.total_minor == to_minor(order[TOTALS[kind]], order["currency"])
        if path.name not in DO_NOT_ADD_UP:
            assert totals_add_up(found.order) == ""


@pytest.mark.parametrize(("kind", "path"), CASES)
def test_a_recorded_body_is_never_dropped_without_a_reason(kind: str, path: Path) -> None:
    """The file as it is, order or not: products, refunds and lists are refused by name."""
    found = reading(kind, TOPICS[kind], path.read_bytes())
    assert isinstance(found, (Placed, Unreadable))
    if isinstance(found, Unreadable):
        assert len(found.reason) > 10


def test_most_recorded_orders_are_accepted() -> None:
    """A reader that refuses everything would pass the tests above."""
    found = Counter(
        (kind, type(reading(kind, TOPICS[kind], dated(order))).__name__)
        for kind in TOPICS
        for path in files(kind)
        for order in orders(json.loads(path.read_bytes()), kind)
    )
    assert found["shopify", "Placed"] >= 26
    assert found["woocommerce", "Placed"] >= 47


@pytest.mark.parametrize("path", files("malformed"), ids=lambda path: path.stem)
@pytest.mark.parametrize("kind", TOPICS)
def test_a_malformed_body_is_refused_with_its_place(kind: str, path: Path) -> None:
    """Not JSON: the reason says where."""
    found = reading(kind, TOPICS[kind], path.read_bytes())
    assert isinstance(found, Unreadable)
    assert Decimal(found.reason.rpartition("column ")[2]) > 0
