"""WooCommerce orders become canonical ones without losing a cent."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from contracts.address import Address, Recipient
from contracts.placed_order import Adjustment, OrderLine, PaymentFacts, PlacedOrder, ShippingLine, TaxLine
from services.orders.domain.rules import totals_add_up
from services.orders.intake.reading import Ignored
from tests.orders.intake.bodies import placed, reading, refused, woo_body, woo_line

CREATED = "order_created"
HOME = Address(
    name="Ada Byron", line1="Hauptstr. 1", city="Berlin", postcode="10115", country="DE", phone="030 1"
)


def test_an_order_is_read_whole() -> None:
    """Every field that a later step relies on; an empty shipping address means the billing address."""
    assert placed("woocommerce", CREATED, woo_body(customer_note="ring twice")) == PlacedOrder(
        channel="woocommerce",
        channel_order_id="727",
        version=1795251601000,
        placed_at=datetime(2026, 11, 21, 9, tzinfo=UTC),
        currency="EUR",
        prices_include_tax=False,
        lines=(
            OrderLine(
                line_id="21",
                sku="LAMP",
                title="Lamp",
                quantity=2,
                unit_price_minor=1000,
                total_minor=2000,
                taxes=(TaxLine(rate=Decimal("0.19"), amount_minor=380, title="MwSt"),),
            ),
        ),
        tax_minor=380,
        total_minor=2380,
        customer=Recipient(name="Ada Byron", email="ada@example.com"),
        ship_to=HOME,
        bill_to=HOME,
        payment=PaymentFacts(state="paid", reference="ch_1", method="stripe"),
        note="ring twice",
    )


def test_coupons_fees_and_gift_cards_move_the_total() -> None:
    """Coupons are within the lines; fees add; gift cards have already lowered `total`."""
    body = woo_body(
        line_items=[woo_line(total="15.00", total_tax="0.00", taxes=[])],
        fee_lines=[{"name": "Gift wrap", "total": "2.50", "total_tax": "0.00", "taxes": []}],
        gift_cards=[{"code": "X", "amount": 4}],
        coupon_lines=[{"code": "5off", "discount": "5.00"}],
        total_tax="0.00",
        total="13.50",
    )
    order = placed("woocommerce", CREATED, body)
    assert (order.lines[0].discount_minor, order.lines[0].total_minor) == (500, 1500)
    assert order.adjustments == (
        Adjustment(kind="fee", title="Gift wrap", amount_minor=250),
        Adjustment(kind="gift_card", title="Gift card", amount_minor=-400),
    )
    assert totals_add_up(order) == ""


@pytest.mark.parametrize(("status", "in_part"), [("processing", True), ("refunded", False)])
def test_a_refund_beside_an_order_is_of_a_part_of_it(status: str, in_part: bool) -> None:
    """The line stays on the order when its quantity is taken down to nothing; all of it is a status."""
    refunds = [{"id": 1172, "reason": "Take an order item down to quantity of zero", "total": "-3.00"}]
    payment = placed("woocommerce", CREATED, woo_body(status=status, refunds=refunds)).payment
    assert (payment.refunded_in_part, payment.state) == (in_part, "paid" if in_part else "refunded")
    assert not placed("woocommerce", CREATED, woo_body(refunds=[])).payment.refunded_in_part


def test_tax_on_delivery_that_the_order_states_once_is_shared_out() -> None:
    """The legacy shape: without it the tax would be on the order and on none of its positions."""
    deliveries = [{"method_title": "Flat rate", "total": "10.00"}, {"method_id": "pickup", "total": "0.00"}]
    body = woo_body(shipping_lines=deliveries, shipping_tax="0.50", total="34.30", total_tax="4.30")
    order = placed("woocommerce", CREATED, body)
    assert order.shipping == (
        ShippingLine(
            title="Flat rate",
            total_minor=1000,
            taxes=(TaxLine(rate=Decimal("0.0500"), amount_minor=50),),
        ),
        ShippingLine(title="pickup", total_minor=0),
    )
    assert totals_add_up(order) == ""


def test_a_shop_with_gross_prices_gives_gross_lines() -> None:
    """Three times 9.99 with tax: the nets, rounded one by one, add up to a cent less than the customer paid."""
    thrice = [
        woo_line(id=i, quantity=1, subtotal="8.39", subtotal_tax="1.60", total="8.39", total_tax="1.60")
        for i in range(3)
    ]
    body = woo_body(line_items=thrice, prices_include_tax=True, total="29.97", total_tax="4.79")
    order = placed("woocommerce", CREATED, body)
    assert [line.total_minor for line in order.lines] == [999, 999, 999]
    assert order.prices_include_tax
    assert totals_add_up(order) == ""


def test_the_form_that_adds_up_is_taken_when_rounding_breaks_the_other() -> None:
    """Both forms state the shop's own amounts; only one of them need survive its rounding."""
    thrice = [
        woo_line(id=i, quantity=1, subtotal="8.39", subtotal_tax="1.60", total="8.39", total_tax="1.60")
        for i in range(3)
    ]
    order = placed("woocommerce", CREATED, woo_body(line_items=thrice, total="29.97", total_tax="4.79"))
    assert order.prices_include_tax
    assert totals_add_up(order) == ""


def test_a_body_that_does_not_add_up_is_read_as_it_is() -> None:
    """No third form is tried, nothing is rounded away."""
    order = placed("woocommerce", CREATED, woo_body(total="24.80"))
    assert not order.prices_include_tax
    assert "difference 100" in totals_add_up(order)


def test_two_taxes_on_a_line_add_up_to_its_tax() -> None:
    """Shares come with many decimals; rounded alone they would miss the line's tax."""
    line = woo_line(total_tax="0.85", taxes=[{"id": 1, "total": "0.333333"}, {"id": 2, "total": "0.516666"}])
    rates = [{"rate_id": 1, "rate_percent": "1.6666"}, {"rate_id": 2, "rate_percent": 2.58, "label": "City"}]
    body = woo_body(line_items=[line], tax_lines=rates, total_tax="0.85", total="20.85")
    taxes = placed("woocommerce", CREATED, body).lines[0].taxes
    assert taxes == (
        TaxLine(rate=Decimal("0.016666"), amount_minor=33),
        TaxLine(rate=Decimal("0.0258"), amount_minor=52, title="City"),
    )


def test_a_rate_that_is_not_stated_is_estimated_from_the_amounts() -> None:
    """Older shops send amounts of tax without rates."""
    body = woo_body(line_items=[woo_line(taxes=[])], tax_lines=[])
    assert placed("woocommerce", CREATED, body).lines[0].taxes == (
        TaxLine(rate=Decimal("0.1900"), amount_minor=380),
    )


def test_a_price_that_does_not_divide_keeps_the_lines_total() -> None:
    """Three for 10.00: quantity times unit less discount is the total, whatever the unit's rounding."""
    line = woo_line(quantity=3, subtotal="10.00", total="10.00", total_tax="0.00", taxes=[])
    order = placed("woocommerce", CREATED, woo_body(line_items=[line], total="10.00", total_tax="0.00"))
    found = order.lines[0]
    assert (found.unit_price_minor, found.discount_minor, found.total_minor) == (333, -1, 1000)


def test_the_older_shape_is_read_too() -> None:
    """Webhooks made with the legacy API keep its names: `created_at`, `billing_address`, `payment_details`."""
    body: dict[str, Any] = {
        "order": {
            "id": 645,
            "created_at": "2026-01-26T20:00:21Z",
            "updated_at": "2026-01-26T20:00:22Z",
            "status": "processing",
            "currency": "USD",
            "total": "79.87",
            "total_tax": "5.90",
            "payment_details": {"method_id": "bacs", "paid": True},
            "billing_address": {
                "first_name": "Jo",
                "address_1": "969 Market",
                "country": "US",
                "email": "jo@example.com",
            },
            "line_items": [
                {
                    "id": 1,
                    "quantity": 3,
                    "total": "63.97",
                    "subtotal": "63.97",
                    "total_tax": "5.40",
                    "sku": "P",
                }
            ],
            "shipping_lines": [{"method_title": "Flat", "total": "10.00"}],
        }
    }
    order = placed("woocommerce", CREATED, body)
    assert order.payment == PaymentFacts(state="paid", reference="645", method="bacs")
    assert order.shipping == (ShippingLine(title="Flat", total_minor=1000),)
    assert order.customer.email == "jo@example.com"
    assert totals_add_up(order) == ""


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({}, "paid"),
        ({"date_paid_gmt": None}, "unpaid"),
        ({"date_paid_gmt": None, "status": "pending"}, "unpaid"),
        ({"status": "awaiting-shipment"}, "paid"),
        ({"status": "refunded"}, "refunded"),
        ({"date_paid_gmt": None, "status": "cancelled"}, "voided"),
    ],
)
def test_the_payment_state_follows_the_date_of_payment(more: dict[str, Any], state: str) -> None:
    """Shops add statuses of their own, so the status alone says little."""
    assert placed("woocommerce", CREATED, woo_body(**more)).payment.state == state


@pytest.mark.parametrize(("method", "state"), [("stripe", "paid"), ("cod", "unpaid")])
def test_a_body_without_a_date_of_payment_is_judged_by_its_status(method: str, state: str) -> None:
    """Some clients leave the date out; cash on delivery is in process long before it is paid."""
    body = woo_body(payment_method=method)
    del body["date_paid_gmt"]
    assert placed("woocommerce", CREATED, body).payment.state == state


@pytest.mark.parametrize(("number", "known"), [("R-2026-77", "R-2026-77"), ("727", ""), (None, "")])
def test_a_number_of_the_shops_own_is_kept_beside_the_id(number: str | None, known: str) -> None:
    """Shops with numbers in sequence have a plugin for that; all others show their customers the id."""
    assert placed("woocommerce", CREATED, woo_body(number=number)).customer.order_number == known


def test_a_cancelled_or_deleted_order_is_cancelled() -> None:
    """Both stop the order; the time is that of the change."""
    changed = datetime(2026, 11, 21, 9, 0, 1, tzinfo=UTC)
    assert placed("woocommerce", "order_updated", woo_body(status="cancelled")).cancelled_at == changed
    deleted = placed("woocommerce", "order_deleted", woo_body())
    assert (deleted.cancelled_at, deleted.cancel_reason) == (changed, "deleted in the shop")


def test_a_deletion_that_names_only_an_id_is_ignored_with_a_hint() -> None:
    """Nothing of the order is in it, so no newer version can be made of it."""
    found = reading("woocommerce", "order_deleted", {"id": 727})
    assert isinstance(found, Ignored)
    assert "cancel it here" in found.reason


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"status": "checkout-draft"}, "status: 'checkout-draft' is a draft"),
        ({"billing_period": "week"}, "billing_period: this is a subscription"),
        ({"date_created_gmt": None}, "date_created_gmt is missing"),
        ({"line_items": [woo_line(quantity=1.5)]}, "line_items[0].quantity: '1.5' is not a whole number"),
        ({"line_items": [woo_line(total="x")]}, "line_items[0].total: 'x' is not a number"),
        ({"total": "1e400"}, "total: '1e400' is not a number that can be used"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(more: dict[str, Any], reason: str) -> None:
    """A person must be able to act on it without reading the body."""
    assert refused("woocommerce", CREATED, woo_body(**more)).startswith(reason)


def test_lists_with_gaps_are_read_as_php_writes_them() -> None:
    """PHP turns a list whose first item was removed into an object."""
    order = placed("woocommerce", CREATED, woo_body(line_items={"1": woo_line()}))
    assert len(order.lines) == 1
