"""Ids on the wire are printable ASCII, whatever the shop calls its goods, and come back as they were."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from chassis.ids import event_id


@pytest.mark.parametrize(
    ("entity", "on_the_wire"),
    [
        ("order/shopify:1001", "orders/order/shopify:1001/3"),
        ("sku/Tür 100%", "orders/sku/T%C3%BCr%20100%25/3"),
        ("sku/a\x85b", "orders/sku/a%C2%85b/3"),
    ],
)
def test_an_event_id_is_printable_and_reversible(entity: str, on_the_wire: str) -> None:
    assert event_id("orders", entity, 3) == on_the_wire
    assert unquote(on_the_wire) == f"orders/{entity}/3"
