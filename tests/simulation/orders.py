"""What customers, channels and people do: a few orders for a few units, some paid, some not, some called off.

Drawn before anything runs; the schedule decides when each of it happens.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

from contracts.identifiers import order_id
from services.inventory.domain.commands import OpenStock, ReceiveStock, RegisterSkus, SkuRow, StockRow
from services.inventory.domain.stock import Item
from services.orders.domain.commands import CancelOrder
from tests.simulation.shop import LATER, MARKET, PHONE, Shop
from tests.simulation.world import START, Request

RATES = (Decimal("0.20"), Decimal("0.19"), Decimal("0.055"))
SKUS = {"LAMP": RATES[0], "CHAIR": RATES[1], "BOOK": RATES[2]}
UNHEARD_OF = "UNHEARD-OF"
MAIN = "MAIN"
FATES = ("kept", "kept", "kept", "called off by the channel", "called off by a person")
HOME = {"name": "Mary", "line1": "Hafen 3", "city": "Kiel", "postcode": "24103", "country": "DE"}


@dataclass(frozen=True)
class Sale:
    """One order as its customer placed it. `messages` are the bodies its channel sends, oldest first."""

    channel: str
    number: int
    fate: str
    lines: tuple[tuple[str, int, int], ...]
    messages: tuple[bytes, ...] = field(repr=False)

    @property
    def order_id(self) -> str:
        return order_id(self.channel, str(self.number))

    @property
    def wants(self) -> set[str]:
        """The SKUs on it."""
        return {sku for sku, _, _ in self.lines}


@dataclass
class Workload:
    """What is still to happen. `posts` are (subject, body), `requests` commands; neither in any fixed order."""

    sales: list[Sale]
    opening: list[Request]
    requests: list[Request]
    posts: list[tuple[str, bytes]]
    garbled: int = 0


def workload(random: Random, shop: Shop) -> Workload:
    """A small shop's busy minutes."""
    sales = [_sale(random, number) for number in range(1, random.randint(5, 15) + 1)]
    posts = [post for sale in sales for post in _posts(random, sale)]
    garbled = random.choice((0, 0, 1))
    posts += [(f"evt.channels.{MARKET}.order_placed", b'{"order": ')] * garbled
    random.shuffle(posts)
    commands = [("shipping", command) for command in shop.first_grants()]
    commands += [("inventory", command) for command in _opening(random)]
    later = [("inventory", _receipt(random, n)) for n in range(random.randint(0, 3))]
    later += [
        ("orders", CancelOrder(order_id=sale.order_id, actor="ann", reason="customer called"))
        for sale in sales
        if sale.fate == "called off by a person"
    ]
    requests = [Request(service, command, f"command/{n}") for n, (service, command) in enumerate(later, 100)]
    random.shuffle(requests)
    opening = [Request(service, command, f"command/{n}") for n, (service, command) in enumerate(commands)]
    return Workload(sales, opening, requests, posts, garbled)


def _opening(random: Random) -> Iterator[Any]:
    rows = tuple(
        SkuRow(n, sku, Item(sku.title(), "", 1000, "EUR", "standard", 400)) for n, sku in enumerate(SKUS, 2)
    )
    yield RegisterSkus(rows=rows, actor="ann", reference="skus.csv")
    stock = tuple(StockRow(n, sku, MAIN, random.randint(2, 9)) for n, sku in enumerate(SKUS, 2))
    yield OpenStock(rows=stock, actor="ann", reference="stock.csv")


def _receipt(random: Random, number: int) -> ReceiveStock:
    sku, quantity = random.choice(list(SKUS)), random.randint(1, 4)
    return ReceiveStock(sku, random.choice((MAIN, "SHED")), quantity, "delivery", "ann", f"DN-{number}")


def _sale(random: Random, number: int) -> Sale:
    channel = random.choice((MARKET, MARKET, PHONE, PHONE, PHONE, LATER))
    skus = random.sample(list(SKUS), random.choice((1, 1, 2)))
    if random.random() < 0.05:
        skus = [UNHEARD_OF]
    lines = tuple((sku, random.randint(1, 3), random.randint(50, 999)) for sku in skus)
    fate = random.choice(FATES)
    return Sale(channel, number, fate, lines, tuple(_messages(channel, number, fate, lines)))


def _messages(
    channel: str, number: int, fate: str, lines: tuple[tuple[str, int, int], ...]
) -> Iterator[bytes]:
    order = _placed(channel, number, lines)
    versions = [order]
    if channel == LATER:
        versions.append(order | {"payment": {"state": "paid", "reference": f"tx-{number}"}})
    if fate == "called off by the channel":
        off = {"cancelled_at": START.isoformat(), "cancel_reason": "customer"}
        versions.append(versions[-1] | off)
    for version, placed in enumerate(versions, 1):
        yield json.dumps({"order": placed | {"version": version}}).encode()


def _placed(channel: str, number: int, lines: tuple[tuple[str, int, int], ...]) -> dict[str, Any]:
    shown = [_line(n, sku, quantity, price) for n, (sku, quantity, price) in enumerate(lines, 1)]
    delivery = 390
    return {
        "channel": channel,
        "channel_order_id": str(number),
        "placed_at": START.isoformat(),
        "currency": "EUR",
        "lines": shown,
        "shipping": [{"title": "Post", "total_minor": delivery, "taxes": [_tax(RATES[0], delivery)]}],
        "total_minor": sum(line["total_minor"] for line in shown) + delivery,
        "customer": {"name": "Mary", "email": f"mary.{number}@example.com", "locale": "en"},
        "ship_to": HOME,
        "payment": {"state": "paid" if channel == MARKET else "unpaid", "reference": f"tx-{number}"},
    }


def _line(number: int, sku: str, quantity: int, price: int) -> dict[str, Any]:
    total = quantity * price
    return {
        "line_id": str(number),
        "sku": sku,
        "quantity": quantity,
        "unit_price_minor": price,
        "total_minor": total,
        "taxes": [_tax(SKUS.get(sku, RATES[0]), total)],
    }


def tax_inside(gross_minor: int, rate: Decimal) -> int:
    """The tax in a gross amount, half up: reckoned here once more, for what an invoice is held against."""
    return int((gross_minor * rate / (1 + rate)).quantize(Decimal(1), ROUND_HALF_UP))


def _tax(rate: Decimal, gross_minor: int) -> dict[str, Any]:
    return {"rate": str(rate), "amount_minor": tax_inside(gross_minor, rate), "title": "VAT"}


def _posts(random: Random, sale: Sale) -> Iterator[tuple[str, bytes]]:
    """Every message at least once; channels repeat themselves."""
    for body in sale.messages:
        for _ in range(random.choice((1, 1, 1, 2))):
            yield f"evt.channels.{sale.channel}.order_placed", body
