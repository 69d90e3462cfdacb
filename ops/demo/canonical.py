"""A demo order as a publisher says it that speaks our own schema."""

from __future__ import annotations

from contracts.address import Address, Recipient
from contracts.channels import OrderPlaced
from contracts.placed_order import OrderLine, PaymentFacts, PlacedOrder, ShippingLine, TaxLine
from ops.demo.orders import DemoOrder, Line


def canonical_event(order: DemoOrder) -> OrderPlaced:
    """As a publisher says it that speaks our own schema."""
    customer = order.customer
    address = Address(
        name=customer.name,
        line1=customer.street,
        city=customer.city,
        postcode=customer.postcode,
        country=customer.country.code,
    )
    return OrderPlaced(
        order=PlacedOrder(
            channel=order.channel,
            channel_order_id=str(order.number),
            placed_at=order.placed_at,
            currency=order.currency,
            lines=tuple(_canonical_line(n, line) for n, line in enumerate(order.lines, start=1)),
            shipping=(
                ShippingLine(
                    title=order.shipping.title,
                    total_minor=order.shipping.total_minor,
                    taxes=_canonical_taxes(order.shipping),
                ),
            ),
            tax_minor=order.tax_minor,
            total_minor=order.total_minor,
            customer=Recipient(
                name=customer.name, email=customer.email, locale=f"en-{customer.country.code}"
            ),
            ship_to=address,
            bill_to=address,
            payment=PaymentFacts(
                state="paid" if order.paid else "unpaid",
                reference=f"market-{order.number}" if order.paid else "",
                method="card" if order.paid else "",
            ),
        )
    )


def _canonical_line(n: int, line: Line) -> OrderLine:
    return OrderLine(
        line_id=str(n),
        sku=line.sku,
        title=line.title,
        quantity=line.quantity,
        unit_price_minor=line.unit_minor,
        total_minor=line.total_minor,
        taxes=_canonical_taxes(line),
        weight_g=line.weight_g,
    )


def _canonical_taxes(line: Line) -> tuple[TaxLine, ...]:
    return (TaxLine(rate=line.rate, amount_minor=line.tax_minor, title="VAT"),)
