"""The demo's orders: number n is always the same order, whenever and wherever it is played."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from contracts.money import from_minor, tax_inside
from ops.demo.customers import Customer, customer_of
from ops.demo.draw import Draw
from ops.demo.shop import SOLD_OUT_SKU, Good, goods

type Twist = Literal["", "unknown_sku", "short", "unpaid", "cancelled"]

TWISTS: dict[int, Twist] = {
    5: "unpaid",
    9: "unknown_sku",
    14: "short",
    18: "unpaid",
    22: "cancelled",
    31: "unpaid",
}
"""What is special about an order, by its number within each hundred and fifty."""
TWISTS_REPEAT = 150
ALSO_UNPAID_EVERY = 6
"""Every sixth order is paid through our own gateway, so that there is something to pay out."""

CHANNELS = ("shopify", "woocommerce", "shopify", "market", "woocommerce")
"""Where paid orders come from, in turn. `market` speaks the canonical schema over NATS."""
OWN_SHOP = "webshop"
"""Where unpaid orders come from: a shop of our own, whose money our gateway collects; canonical over NATS too."""
FIRST_NUMBER = {"shopify": 1001, "woocommerce": 50_001, "market": 700_001, OWN_SHOP: 800_001}
SHIPPING_MINOR = 490
FREE_SHIPPING_FROM_MINOR = 7_500
SAMPLE_FIRST_NUMBER = 9_000_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """So many of one thing, at a price with tax, in minor units of the order's currency."""

    sku: str
    title: str
    quantity: int
    unit_minor: int
    rate: Decimal
    weight_g: int

    @property
    def total_minor(self) -> int:
        """What the customer pays for the line."""
        return self.quantity * self.unit_minor

    @property
    def tax_minor(self) -> int:
        """The tax inside it."""
        return tax_inside(self.total_minor, self.rate)


@dataclass(frozen=True, slots=True)
class DemoOrder:
    """An order of the demo. All amounts include tax; every currency of the demo has two decimals."""

    number: int
    channel: str
    placed_at: datetime
    customer: Customer
    lines: tuple[Line, ...]
    shipping: Line
    paid: bool = True
    twist: Twist = ""

    @property
    def currency(self) -> str:
        """The currency of the customer's country."""
        return self.customer.country.currency

    def amount(self, minor: int) -> str:
        """Minor units as channels write them: `"12.50"`."""
        return from_minor(minor, self.currency)

    @property
    def total_minor(self) -> int:
        """What the customer pays."""
        return sum(line.total_minor for line in (*self.lines, self.shipping))

    @property
    def tax_minor(self) -> int:
        """The tax inside it."""
        return sum(line.tax_minor for line in (*self.lines, self.shipping))


def demo_order(n: int, now: datetime) -> DemoOrder:
    """The n-th order of the demo, from 0, placed now."""
    draw = Draw(f"order {n}")
    twist = TWISTS.get(n % TWISTS_REPEAT, "")
    paid = twist != "unpaid" and n % ALSO_UNPAID_EVERY != ALSO_UNPAID_EVERY - 1
    channel = CHANNELS[n % len(CHANNELS)] if paid else OWN_SHOP
    customer = customer_of(draw)
    lines = _twisted(twist, _lines(draw, customer), customer)
    return DemoOrder(
        number=FIRST_NUMBER[channel] + n,
        channel=channel,
        placed_at=now.replace(microsecond=0),
        customer=customer,
        lines=lines,
        shipping=_shipping(customer, sum(line.total_minor for line in lines)),
        paid=paid,
        twist=twist,
    )


def sample_order(now: datetime) -> DemoOrder:
    """An order to send by hand, with a number of its own for each second."""
    number = SAMPLE_FIRST_NUMBER + int(now.timestamp())
    order = demo_order(0, now)
    return replace(order, number=number, channel="shopify", paid=True)


def _lines(draw: Draw, customer: Customer) -> tuple[Line, ...]:
    chosen = {good.sku: good for good in (draw.of(_ordinary()) for _ in range(1 + draw.below(4)))}
    return tuple(_line(good, 1 + draw.below(3) // 2, customer) for good in chosen.values())


def _ordinary() -> tuple[Good, ...]:
    return tuple(good for good in goods() if good.sku != SOLD_OUT_SKU)


def _line(good: Good, quantity: int, customer: Customer) -> Line:
    country = customer.country
    price = int(good.price_minor * country.price_factor)
    return Line(good.sku, good.title, quantity, price, country.vat[good.vat_class], good.weight_g)


def _twisted(twist: Twist, lines: tuple[Line, ...], customer: Customer) -> tuple[Line, ...]:
    first, *rest = lines
    if twist == "unknown_sku":
        return (replace(first, sku="GIFT-CARD-2019", title="Gift Card 2019 (old listing)"), *rest)
    if twist == "short":
        lamp = next(good for good in goods() if good.sku == SOLD_OUT_SKU)
        return (_line(lamp, 3, customer), *rest)
    return lines


def _shipping(customer: Customer, goods_minor: int) -> Line:
    factor = customer.country.price_factor
    free = goods_minor >= int(FREE_SHIPPING_FROM_MINOR * factor)
    price = 0 if free else int(SHIPPING_MINOR * factor)
    return Line("", "Standard delivery", 1, price, customer.country.vat["standard"], 0)
