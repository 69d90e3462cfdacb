"""What billing is told when payment is asked for: the money side of the order, frozen."""

from __future__ import annotations

from collections.abc import Iterator

from contracts.address import Address
from contracts.frozen import replace
from contracts.orders import Bill, BillLine
from contracts.placed_order import PaymentFacts, PlacedOrder


def bill_of(placed: PlacedOrder) -> Bill:
    """Every position with the channel's own taxes; the buyer is who is billed, else who receives."""
    return Bill(
        prices_include_tax=placed.prices_include_tax,
        lines=tuple(_positions(placed)),
        tax_minor=placed.tax_minor,
        buyer=placed.bill_to or placed.ship_to or Address(name=placed.customer.name),
        recipient=placed.customer,
    )


def _positions(placed: PlacedOrder) -> Iterator[BillLine]:
    for line in placed.lines:
        yield BillLine(
            kind="goods",
            sku=line.sku,
            title=line.title or line.sku,
            quantity=line.quantity,
            total_minor=line.total_minor,
            taxes=line.taxes,
        )
    for delivery in placed.shipping:
        yield BillLine(
            kind="shipping",
            title=delivery.title or "Shipping",
            total_minor=delivery.total_minor,
            taxes=delivery.taxes,
        )
    for moved in placed.adjustments:
        yield BillLine(
            kind="adjustment",
            title=moved.title or moved.kind.replace("_", " "),
            total_minor=moved.amount_minor,
            taxes=moved.taxes,
            adjustment=moved.kind,
        )


def payment_facts(placed: PlacedOrder, gateway_channels: frozenset[str]) -> PaymentFacts:
    """What the channel says of the money; `paid` means only promised where the gateway is to collect it."""
    facts = placed.payment
    if facts.state == "paid" and placed.channel in gateway_channels:
        return replace(facts, state="authorised")
    return facts
