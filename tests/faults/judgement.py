"""What must be true of every order after whatever happened: an independent model, and the outside's own logs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ops.system import find
from ops.verify.runner import verify_system
from tests.faults.sales import SCARCE, SCARCE_UNITS, STOCK, Kind, Sale
from tests.faults.siege import Siege
from tests.story.shop import Shop

INVARIANTS = 13
ENDINGS = {
    Kind.PAID: {"fulfilled"},
    Kind.UNPAID: {"fulfilled"},
    Kind.WITHDRAWN: {"cancelled"},
    Kind.RACED: {"fulfilled", "cancelled"},
    Kind.WANTED: {"fulfilled", "held"},
}
MAILS = {"fulfilled": {2}, "held": {1}, "cancelled": {0, 1, 2}}
"""Messages to the customer: confirmed and dispatched; confirmed; at most confirmed and refunded."""


async def settle_and_judge(siege: Siege, sold: list[Sale]) -> None:
    """After the fault: it heals and drains by itself; then every order has ended as it must, and I1-I13 hold."""
    await siege.until_ready()
    await siege.drain()
    await judge(siege, sold)
    await assert_adds_up(siege.shop)


async def assert_adds_up(shop: Shop) -> None:
    """What `doorstep verify` does, without the start of a process."""
    verdicts = await verify_system(replace(find(shop.up.data), nats_url=str(shop.up.said["nats"])))
    assert len(verdicts) == INVARIANTS
    assert {verdict.id: verdict.detail for verdict in verdicts if not verdict.holds} == {}


async def judge(siege: Siege, sold: list[Sale]) -> None:
    """All that can be said of these orders from outside; they must be all that this system ever got."""
    orders = {
        sale.order_id: await siege.ask("orders", f"/orders/{sale.order_id}") for sale in _readable(sold)
    }
    assert_ended_as_they_must(sold, orders)
    assert_moved_once(siege.shop, sold, orders)
    assert_stock_adds_up(siege.shop, sold, orders)
    assert_told_once(siege.shop, sold, orders)
    await assert_kept_what_nobody_could_read(siege, sold)


def assert_ended_as_they_must(sold: Iterable[Sale], orders: dict[str, Any]) -> None:
    """Each order in one of its endings, and in it: money, parcels and invoice that belong to that ending."""
    for sale in _readable(sold):
        order = orders[sale.order_id]
        assert order.get("state") in ENDINGS[sale.kind], (sale, order)
        assert EXACTLY[order["state"]](sale, order), (sale, order)
    numbers = sorted(number for order in orders.values() for number in order["invoices"])
    assert len(numbers) == len(set(numbers))
    assert _serials(numbers) == list(range(1, len(numbers) + 1)), "invoice numbers have a gap"


def _is_fulfilled(sale: Sale, order: dict[str, Any]) -> bool:
    (parcel,) = order["fulfilment"]["parcels"]
    paid = {"state": "captured", "captured_minor": sale.total_minor, "refunded_minor": 0}
    return order["payment"] == paid and bool(parcel["tracking_number"]) and len(order["invoices"]) == 1


def _is_cancelled(_: Sale, order: dict[str, Any]) -> bool:
    payment, parcels = order["payment"], order["fulfilment"]["parcels"]
    return payment["captured_minor"] == payment["refunded_minor"] and not parcels and not order["invoices"]


def _is_held(_: Sale, order: dict[str, Any]) -> bool:
    (hold,) = order["holds"]
    return hold["reason"] == "stock_short" and not order["payment"]["captured_minor"]


EXACTLY = {"fulfilled": _is_fulfilled, "cancelled": _is_cancelled, "held": _is_held}


def assert_moved_once(shop: Shop, sold: Iterable[Sale], orders: dict[str, Any]) -> None:
    """By the gateway's and the carrier's own logs: nothing under one reference twice, no charge unheard of."""
    moved = Counter((record["kind"], record["reference"]) for record in shop.truth("gateway"))
    assert {entry: n for entry, n in moved.items() if n > 1} == {}
    collected = sum(
        orders[sale.order_id]["payment"]["captured_minor"] for sale in _readable(sold) if sale.unpaid
    )
    charged = sum(record["amount_minor"] for record in shop.truth("gateway") if record["kind"] == "charge")
    assert charged == collected
    labels = Counter(entry["reference"] for entry in shop.truth("carrier") if entry["kind"] == "label")
    assert {reference: n for reference, n in labels.items() if n > 1} == {}
    assert len(labels) >= sum(order["state"] == "fulfilled" for order in orders.values())


def assert_stock_adds_up(shop: Shop, sold: Iterable[Sale], orders: dict[str, Any]) -> None:
    """What was there, less what was fulfilled; nothing promised to nobody. Of the scarce article exactly all."""
    left = dict(STOCK)
    for sale in _readable(sold):
        if orders[sale.order_id]["state"] == "fulfilled":
            left[sale.sku] -= sale.units
    shown = {sku: shop.stock(sku) for sku in STOCK}
    assert shown == {sku: {"on_hand": n, "reserved": 0, "available": n} for sku, n in left.items()}
    wanted = sum(sale.sku == SCARCE for sale in sold)
    assert left[SCARCE] == max(0, SCARCE_UNITS - wanted)


def assert_told_once(shop: Shop, sold: Iterable[Sale], orders: dict[str, Any]) -> None:
    """One file for each message, and as many as the order's ending asks for."""
    mails = shop.mails("@")
    assert len({mail["Message-ID"] for mail in mails}) == len(mails)
    told = Counter(re.findall(r"[\w.]+@[\w.]+", mail["To"])[-1] for mail in mails)
    for sale in _readable(sold):
        assert told[sale.email] in MAILS[orders[sale.order_id]["state"]], (sale, orders[sale.order_id])
    assert sum(told.values()) == sum(told[sale.email] for sale in _readable(sold))


async def assert_kept_what_nobody_could_read(siege: Siege, sold: Iterable[Sale]) -> None:
    """Every garbled body waits for a person, once; and nothing else was put aside by anybody."""
    bodies = {delivery for sale in sold if sale.kind is Kind.GARBLED for delivery in sale.deliveries}
    for service in ("orders", "inventory", "shipping", "billing", "notify"):
        parked = (await siege.ask(service, "/ops/parked?limit=1000"))["parked"]
        names = len({delivery.name for delivery in bodies}) if service == "orders" else 0
        assert len(parked) == names, (service, parked[:3])


def _readable(sold: Iterable[Sale]) -> list[Sale]:
    return [sale for sale in sold if sale.kind is not Kind.GARBLED]


def _serials(numbers: Iterable[str]) -> list[int]:
    return sorted(int(re.findall(r"\d+", number)[-1]) for number in numbers)
