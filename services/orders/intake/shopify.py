"""A Shopify order (REST shape, as every orders/* webhook carries it) as a canonical order.

The amounts are the order's own, in the shop's currency: `total_price` as it was placed, not
`current_total_price` after refunds, and each line's `quantity`, not `current_quantity`.
`total_price` = lines - discounts + shipping (+ tax, where `taxes_included` is false) + tips + duties + fees.
Nothing is added to make it fit. Cash rounding is left out: it changes what is paid at the till, not
`total_price`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from chassis.quoting import quoted
from contracts.money import allocate
from contracts.placed_order import (
    Adjustment,
    OrderLine,
    PaymentFacts,
    PaymentState,
    PlacedOrder,
    ShippingLine,
    TaxLine,
)
from services.orders.intake.fields import Fields, Wrong, milliseconds
from services.orders.intake.people import full_name, number_beside, recipient, shopify_address
from services.orders.intake.taxes import estimated_rate, spread

PAYMENT_STATES: dict[str, PaymentState] = {
    "": "unpaid",
    "pending": "unpaid",
    "unpaid": "unpaid",
    "partially_paid": "unpaid",
    "authorized": "authorised",
    "paid": "paid",
    "partially_refunded": "paid",
    "refunded": "refunded",
    "voided": "voided",
    "expired": "voided",
}
COLLECTING = frozenset({"sale", "capture"})
GROSS = "taxes_included"
GIFT_CARD = "gift_card"


def shopify_order(channel: str, body: Fields, topic: str) -> PlacedOrder:
    """The canonical order. Raises `Wrong` naming the field that is missing or cannot be read."""
    _is_an_order(body)
    order = body.priced_in(body.needed("currency"))
    placed_at = order.time("created_at", "processed_at")
    if placed_at is None:
        raise Wrong("created_at is missing")
    changed_at = order.time("updated_at", "created_at")
    lines, shipping = _lines(order), _shipping(order)
    lines, left_over = _spread_discount(order, lines, shipping)
    return PlacedOrder(
        channel=channel,
        channel_order_id=order.needed("id"),
        version=milliseconds(changed_at),
        placed_at=placed_at,
        currency=order.currency,
        prices_include_tax=order.flag(GROSS),
        lines=_with_taxes(order, lines, shipping),
        shipping=shipping,
        adjustments=(*left_over, *_extras(order)),
        tax_minor=order.minor("total_tax"),
        total_minor=order.needed_minor("total_price"),
        customer=recipient(
            full_name(order.inner("customer")) or full_name(order.inner("billing_address")),
            order.text("email", "contact_email") or order.inner("customer").text("email"),
            order.text("customer_locale"),
            number_beside(order.text("id"), order.text("name")),
        ),
        ship_to=shopify_address(order.inner("shipping_address")),
        bill_to=shopify_address(order.inner("billing_address")),
        payment=_payment(order),
        cancelled_at=order.time("cancelled_at") or (changed_at if topic == "orders_cancelled" else None),
        cancel_reason=order.text("cancel_reason"),
        note=order.text("note"),
    )


def _is_an_order(body: Fields) -> None:
    for name in ("line_items", "total_price", "currency"):
        if not body.has(name):
            raise Wrong(f"{name} is missing: not an order")
    if not body.has("financial_status", "order_number"):
        raise Wrong("financial_status and order_number are missing: a draft or a checkout, not an order")


def _lines(order: Fields) -> tuple[OrderLine, ...]:
    return tuple(
        _line(line, position, order.flag(GROSS))
        for position, line in enumerate(order.each("line_items"), start=1)
        if line.count("quantity") and not _is_tip(line)
    )


def _is_tip(line: Fields) -> bool:
    """A tip given at the checkout comes as a line without a product."""
    is_product = line.has("product_id") or line.has("sku") or line.flag("requires_shipping")
    return not is_product and line.text("title").lower() == "tip"


def _line(line: Fields, position: int, gross: bool) -> OrderLine:
    quantity, unit_minor, discount_minor = line.count("quantity"), line.minor("price"), _discount(line)
    variant = line.text("variant_title")
    title = line.text("name") or " - ".join(filter(None, (line.text("title"), variant)))
    total_minor = quantity * unit_minor - discount_minor
    return OrderLine(
        line_id=line.text("id") or str(position),
        sku=line.text("sku"),
        title=title,
        quantity=quantity,
        unit_price_minor=unit_minor,
        discount_minor=discount_minor,
        total_minor=total_minor,
        taxes=_taxes(line, total_minor, gross),
        weight_g=max(line.count("grams"), 0),
        requires_shipping=line.flag("requires_shipping") if line.has("requires_shipping") else True,
    )


def _discount(priced: Fields) -> int:
    """What was taken off, line and order discounts together; old API versions state `total_discount` only."""
    allocated = sum(share.minor("amount") for share in priced.each("discount_allocations"))
    return allocated or priced.minor("total_discount")


def _shipping(order: Fields) -> tuple[ShippingLine, ...]:
    kept = (line for line in order.each("shipping_lines") if not line.flag("is_removed"))
    return tuple(_shipping_line(line, order.flag(GROSS)) for line in kept)


def _shipping_line(line: Fields, gross: bool) -> ShippingLine:
    discount_minor = _discount(line)
    stated = line.minor("discounted_price") if line.has("discounted_price") and not discount_minor else None
    total_minor = line.minor("price") - discount_minor if stated is None else stated
    return ShippingLine(
        title=line.text("title", "code"), total_minor=total_minor, taxes=_taxes(line, total_minor, gross)
    )


def _spread_discount(
    order: Fields, lines: tuple[OrderLine, ...], shipping: Sequence[ShippingLine]
) -> tuple[tuple[OrderLine, ...], tuple[Adjustment, ...]]:
    """A discount that the order states but no line carries, given to the lines (rules 7.8, 7.9).

    What exceeds the lines stays an adjustment.
    """
    on_shipping = sum(
        line.minor("price") for line in order.each("shipping_lines") if not line.flag("is_removed")
    )
    on_shipping -= sum(line.total_minor for line in shipping)
    rest = order.minor("total_discounts") - sum(line.discount_minor for line in lines) - on_shipping
    if rest <= 0:
        return lines, ()
    weights = [max(line.total_minor, 0) for line in lines]
    taken = min(rest, sum(weights))
    if taken:
        lines = tuple(_less(line, part) for line, part in zip(lines, allocate(taken, weights), strict=True))
    left = rest - taken
    return lines, (Adjustment(kind="other", title="Discount", amount_minor=-left),) if left else ()


def _less(line: OrderLine, part: int) -> OrderLine:
    return replace(line, discount_minor=line.discount_minor + part, total_minor=line.total_minor - part)


def _with_taxes(
    order: Fields, lines: tuple[OrderLine, ...], shipping: Sequence[ShippingLine]
) -> tuple[OrderLine, ...]:
    """Old API versions state taxes for the whole order only."""
    if any(line.taxes for line in lines) or any(line.taxes for line in shipping):
        return lines
    stated = _taxes(order, sum(line.total_minor for line in lines), order.flag(GROSS))
    return spread(stated, lines) if stated else lines


def _taxes(priced: Fields, total_minor: int, gross: bool) -> tuple[TaxLine, ...]:
    """`gross`: the total has its taxes inside, which matters where a rate is not stated and has to be estimated."""
    taxes = tuple(priced.each("tax_lines"))
    net_minor = total_minor - sum(tax.minor("price") for tax in taxes) if gross else total_minor
    return tuple(_tax(tax, net_minor) for tax in taxes)


def _tax(tax: Fields, net_minor: int) -> TaxLine:
    amount_minor, rate = tax.minor("price"), tax.number("rate")
    if rate is None:
        rate = estimated_rate(amount_minor, net_minor)
    return TaxLine(rate=rate, amount_minor=amount_minor, title=tax.text("title"))


def _extras(order: Fields) -> Iterator[Adjustment]:
    """Tips, duties and fees, beside lines and shipping."""
    tips = [line for line in order.each("line_items") if _is_tip(line)]
    for tip in tips:
        total_minor = tip.count("quantity") * tip.minor("price") - _discount(tip)
        taxes = _taxes(tip, total_minor, order.flag(GROSS))
        yield Adjustment(kind="tip", title="Tip", amount_minor=total_minor, taxes=taxes)
    if not tips and (received := order.minor("total_tip_received")):
        yield Adjustment(kind="tip", title="Tip", amount_minor=received)
    duties = 0 if order.flag("duties_included") else _shop_money(order, "original_total_duties_set")
    if duties:
        yield Adjustment(kind="duty", title="Duties", amount_minor=duties)
    if fees := _shop_money(order, "original_total_additional_fees_set"):
        yield Adjustment(kind="fee", title="Additional fees", amount_minor=fees)


def _shop_money(order: Fields, name: str) -> int:
    return order.inner(name).inner("shop_money").minor("amount")


def _payment(order: Fields) -> PaymentFacts:
    """`reference` is the collecting transaction where the body has one, otherwise the order's id.

    What a gift card paid is no money that a payout will bring: its transaction is passed over.
    """
    status = order.text("financial_status").lower()
    if status not in PAYMENT_STATES:
        raise Wrong(f"financial_status: {quoted(status)} is not known")
    collected = (
        transaction.text("id")
        for transaction in order.each("transactions")
        if transaction.text("kind") in COLLECTING
        and transaction.text("status") == "success"
        and transaction.text("gateway") != GIFT_CARD
    )
    gateways = order.values.get("payment_gateway_names")
    named = [str(name) for name in gateways if name] if isinstance(gateways, list) else []
    return PaymentFacts(
        state=PAYMENT_STATES[status],
        reference=next(collected, "") or order.needed("id"),
        method=", ".join(named)[:100] or order.text("gateway"),
        refunded_in_part=status == "partially_refunded",
    )
