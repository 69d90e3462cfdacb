"""A WooCommerce order (REST v2/v3, and the older legacy v3 shape) as a canonical order.

WooCommerce states every amount net with its tax beside it; the shop's `prices_include_tax` says which of the
two was rounded to what the customer saw. So with that flag a line is net + tax, without it a line is net
and the tax is added once. Rounding can make one of the two forms miss the total by a cent: then the other
one, which states the same amounts, is taken. Neither is ever made to fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

from chassis.quoting import quoted
from contracts.address import Address
from contracts.money import allocate, divide_half_up
from contracts.placed_order import (
    Adjustment,
    OrderLine,
    PaymentFacts,
    PaymentState,
    PlacedOrder,
    ShippingLine,
    TaxLine,
)
from services.orders.domain.rules import totals_add_up
from services.orders.intake.fields import Fields, Wrong, milliseconds
from services.orders.intake.people import full_name, number_beside, recipient, woocommerce_address
from services.orders.intake.readable import DELETED
from services.orders.intake.taxes import estimated_rate

DRAFTS = frozenset({"auto-draft", "draft", "checkout-draft", "new"})
CANCELLED = frozenset({"cancelled", "trash"})
PAID_BY_STATUS = frozenset({"processing", "completed"})
"""Where the body does not say when it was paid: the statuses that follow a payment."""
PAID_ON_DELIVERY = frozenset({"cod"})
WEIGHT_STEP = 10**6
"""Tax shares come with up to six decimals."""

CREATED = ("date_created_gmt", "created_at", "date_created")
CHANGED = ("date_modified_gmt", "updated_at", "date_modified", *CREATED)
PAID_AT = ("date_paid_gmt", "date_paid")


@dataclass(frozen=True, slots=True)
class _Rates:
    """The rates of the order's `tax_lines` by rate id, and whether lines are given with their tax."""

    by_id: dict[str, tuple[Decimal, str]]
    gross: bool


def woocommerce_order(channel: str, body: Fields, topic: str) -> PlacedOrder:
    """The canonical order. Raises `Wrong` naming the field that is missing or cannot be read."""
    _is_an_order(body)
    order = body.priced_in(body.needed("currency"))
    gross = order.flag("prices_include_tax")
    placed = _order(channel, order, topic, gross)
    if not totals_add_up(placed):
        return placed
    other = _order(channel, order, topic, not gross)
    return placed if totals_add_up(other) else other


def _is_an_order(body: Fields) -> None:
    for name in ("line_items", "total", "currency"):
        if not body.has(name):
            raise Wrong(f"{name} is missing: not an order")
    if body.has("billing_period"):
        raise Wrong("billing_period: this is a subscription; the orders it makes come by themselves")
    if body.text("status") in DRAFTS:
        raise Wrong(f"status: {quoted(body.text('status'))} is a draft, not an order that was placed")


def _order(channel: str, order: Fields, topic: str, gross: bool) -> PlacedOrder:
    placed_at = order.time(*CREATED)
    if placed_at is None:
        raise Wrong("date_created_gmt is missing")
    changed_at = order.time(*CHANGED)
    rates = _Rates(_rates(order), gross)
    billing = order.inner("billing", "billing_address")
    bill_to = woocommerce_address(billing)
    return PlacedOrder(
        channel=channel,
        channel_order_id=order.needed("id", "order_number"),
        version=milliseconds(changed_at),
        placed_at=placed_at,
        currency=order.currency,
        prices_include_tax=gross,
        lines=tuple(_lines(order, rates)),
        shipping=tuple(_shipping(order, rates)),
        adjustments=tuple(_adjustments(order, rates)),
        tax_minor=order.minor("total_tax"),
        total_minor=order.needed_minor("total"),
        customer=recipient(
            full_name(billing),
            billing.text("email") or order.inner("customer").text("email"),
            order_number=number_beside(
                order.text("id", "order_number"), order.text("number", "order_number")
            ),
        ),
        ship_to=_ship_to(order, bill_to),
        bill_to=bill_to,
        payment=_payment(order),
        cancelled_at=changed_at if topic == "order_deleted" or order.text("status") in CANCELLED else None,
        cancel_reason=DELETED if topic == "order_deleted" else "",
        note=order.text("customer_note", "note"),
    )


def _lines(order: Fields, rates: _Rates) -> Iterator[OrderLine]:
    for position, line in enumerate(order.each("line_items"), start=1):
        if quantity := line.count("quantity"):
            yield _line(line, position, quantity, rates)


def _line(line: Fields, position: int, quantity: int, rates: _Rates) -> OrderLine:
    """The unit price is the subtotal's share, rounded; the discount takes up what that rounding leaves."""
    total_minor = _amount(line, "total", rates)
    subtotal_minor = _amount(line, "subtotal", rates) if line.has("subtotal") else total_minor
    unit_minor = divide_half_up(subtotal_minor, quantity)
    return OrderLine(
        line_id=line.text("id") or str(position),
        sku=line.text("sku"),
        title=line.text("name"),
        quantity=quantity,
        unit_price_minor=unit_minor,
        discount_minor=quantity * unit_minor - total_minor,
        total_minor=total_minor,
        taxes=_taxes(line, rates),
    )


def _shipping(order: Fields, rates: _Rates) -> Iterator[ShippingLine]:
    lines = list(order.each("shipping_lines"))
    if not any(line.has("total_tax", "taxes") for line in lines):
        yield from _shipping_of_legacy(order, lines, rates)
        return
    for line in lines:
        yield ShippingLine(
            title=line.text("method_title", "method_id"),
            total_minor=_amount(line, "total", rates),
            taxes=_taxes(line, rates),
        )


def _shipping_of_legacy(order: Fields, lines: list[Fields], rates: _Rates) -> Iterator[ShippingLine]:
    """Delivery whose tax is stated once for the order: each line has its share (rule 7.8)."""
    nets = [line.minor("total") for line in lines] or [order.minor("shipping_total", "total_shipping")]
    titles = [line.text("method_title", "method_id") for line in lines] or ["Shipping"]
    shares = allocate(order.minor("shipping_tax"), [max(net, 0) for net in nets])
    for title, net, tax in zip(titles, nets, shares, strict=True):
        if lines or net or tax:
            taxes = (TaxLine(rate=estimated_rate(tax, net), amount_minor=tax),) if tax else ()
            yield ShippingLine(title=title, total_minor=net + (tax if rates.gross else 0), taxes=taxes)


def _adjustments(order: Fields, rates: _Rates) -> Iterator[Adjustment]:
    """Fees, and gift cards, by which `total` is already reduced. Coupons are in the lines' totals."""
    for fee in order.each("fee_lines"):
        yield Adjustment(
            kind="fee",
            title=fee.text("name", "title"),
            amount_minor=_amount(fee, "total", rates),
            taxes=_taxes(fee, rates),
        )
    for card in order.each("gift_cards"):
        yield Adjustment(kind="gift_card", title="Gift card", amount_minor=-card.minor("amount"))


def _amount(line: Fields, name: str, rates: _Rates) -> int:
    return line.minor(name) + (line.minor(f"{name}_tax") if rates.gross else 0)


def _rates(order: Fields) -> dict[str, tuple[Decimal, str]]:
    return {
        tax.text("rate_id"): (percent / 100, tax.text("label", "title", "rate_code"))
        for tax in order.each("tax_lines")
        if (percent := tax.number("rate_percent")) is not None
    }


def _taxes(line: Fields, rates: _Rates) -> tuple[TaxLine, ...]:
    """The line's tax by rate. The shares are rounded so that together they are the line's tax."""
    tax_minor = line.minor("total_tax")
    shares = [share for share in line.each("taxes") if share.number("total")]
    if not shares:
        rate = estimated_rate(tax_minor, line.minor("total"))
        return (TaxLine(rate=rate, amount_minor=tax_minor),) if tax_minor else ()
    weights = [abs(int((share.number("total") or Decimal()) * WEIGHT_STEP)) for share in shares]
    return tuple(map(partial(_tax, line, rates), shares, allocate(tax_minor, weights)))


def _tax(line: Fields, rates: _Rates, share: Fields, amount_minor: int) -> TaxLine:
    estimated = (estimated_rate(amount_minor, line.minor("total")), "")
    rate, title = rates.by_id.get(share.text("id", "rate_id"), estimated)
    return TaxLine(rate=rate, amount_minor=amount_minor, title=title)


def _ship_to(order: Fields, bill_to: Address | None) -> Address | None:
    """An empty shipping address means the billing address; a phone number is often given there only."""
    ship_to = woocommerce_address(order.inner("shipping", "shipping_address"))
    if ship_to is None or bill_to is None or ship_to.phone:
        return ship_to or bill_to
    return replace(ship_to, phone=bill_to.phone)


def _payment(order: Fields) -> PaymentFacts:
    details = order.inner("payment_details")
    method = order.text("payment_method") or details.text("method_id")
    reference = order.text("transaction_id") or order.needed("id", "order_number")
    state = _payment_state(order, method)
    in_part = state != "refunded" and any(order.each("refunds"))
    return PaymentFacts(state=state, reference=reference, method=method, refunded_in_part=in_part)


def _payment_state(order: Fields, method: str) -> PaymentState:
    """`date_paid` decides, since shops add statuses of their own; the status where a body leaves it out."""
    status, details = order.text("status"), order.inner("payment_details")
    if status == "refunded":
        return "refunded"
    if order.has(*PAID_AT) or details.flag("paid"):
        return "paid"
    if status in CANCELLED:
        return "voided"
    is_silent = not details.values and not any(name in order.values for name in PAID_AT)
    guessed = is_silent and status in PAID_BY_STATUS and method not in PAID_ON_DELIVERY
    return "paid" if guessed else "unpaid"
