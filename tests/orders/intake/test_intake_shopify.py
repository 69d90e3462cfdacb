"""Shopify orders become canonical ones without losing a cent."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from contracts.address import Address, Recipient
from contracts.placed_order import Adjustment, OrderLine, PaymentFacts, PlacedOrder, ShippingLine, TaxLine
from services.orders.domain.rules import totals_add_up
from tests.orders.intake.bodies import placed, refused, shopify_body, shopify_line

CREATE = "orders_create"


def test_an_order_is_read_whole() -> None:
    """Every field that a later step relies on, in one comparison."""
    assert placed("shopify", CREATE, shopify_body(note="ring twice")) == PlacedOrder(
        channel="shopify",
        channel_order_id="1001",
        version=1795251601000,
        placed_at=datetime(2026, 11, 21, 9, tzinfo=UTC),
        currency="EUR",
        prices_include_tax=False,
        lines=(
            OrderLine(
                line_id="11",
                sku="LAMP",
                title="Lamp - brass",
                quantity=2,
                unit_price_minor=1000,
                total_minor=2000,
                taxes=(TaxLine(rate=Decimal("0.19"), amount_minor=380, title="MwSt"),),
                weight_g=400,
            ),
        ),
        tax_minor=380,
        total_minor=2380,
        customer=Recipient(name="Ada Byron", email="ada@example.com", locale="de-DE"),
        ship_to=Address(
            name="Ada Byron", line1="Hauptstr. 1", postcode="10115", city="Berlin", region="BE", country="DE"
        ),
        payment=PaymentFacts(state="paid", reference="1001", method="shopify_payments"),
        note="ring twice",
    )


@pytest.mark.parametrize(("name", "number"), [("#1001", "#1001"), ("1001", ""), (None, "")])
def test_the_number_that_the_customer_knows_is_kept_beside_the_id(name: str | None, number: str) -> None:
    """Shopify's id of an order is a long number that no customer has ever seen; they were told #1001."""
    assert placed("shopify", CREATE, shopify_body(name=name)).customer.order_number == number


def test_a_newer_update_has_a_higher_version() -> None:
    """The version is the source's own clock, so an older message can never overwrite a newer one."""
    newer = shopify_body(updated_at="2026-11-21T09:00:02Z")
    assert placed("shopify", "orders_updated", newer).version == 1795251602000


def test_discounts_on_lines_and_shipping_are_taken_off() -> None:
    """Allocated discounts are the channel's own; adding `total_discounts` again would take them off twice."""
    body = shopify_body(
        line_items=[
            shopify_line(discount_allocations=[{"amount": "1.50"}, {"amount": "0.50"}], tax_lines=[])
        ],
        shipping_lines=[{"title": "DHL", "price": "5.00", "discounted_price": "4.00"}],
        total_discounts="3.00",
        total_tax="0.00",
        total_price="22.00",
    )
    order = placed("shopify", CREATE, body)
    assert (order.lines[0].discount_minor, order.lines[0].total_minor) == (200, 1800)
    assert order.shipping == (ShippingLine(title="DHL", total_minor=400),)
    assert totals_add_up(order) == ""


def test_a_discount_that_no_line_carries_is_spread_over_the_lines() -> None:
    """Old API versions state it for the order only: rule 7.8, so that a refund of a line knows its share."""
    thirds = [shopify_line(id=i, quantity=1, tax_lines=[]) for i in range(3)]
    body = shopify_body(line_items=thirds, total_discounts="10.00", total_tax=None, total_price="20.00")
    order = placed("shopify", CREATE, body)
    assert [line.discount_minor for line in order.lines] == [334, 333, 333]
    assert totals_add_up(order) == ""


def test_a_discount_beyond_the_lines_stays_an_adjustment() -> None:
    """A coupon that also covers shipping must not make a line negative."""
    body = shopify_body(
        line_items=[shopify_line(tax_lines=[])],
        shipping_lines=[{"title": "DHL", "price": "5.00"}],
        total_discounts="22.00",
        total_tax="0.00",
        total_price="3.00",
    )
    order = placed("shopify", CREATE, body)
    assert order.lines[0].total_minor == 0
    assert order.adjustments == (Adjustment(kind="other", title="Discount", amount_minor=-200),)
    assert totals_add_up(order) == ""


def test_taxes_of_the_order_are_spread_where_lines_state_none() -> None:
    """Billing needs a rate for each line; old API versions give it for the order only."""
    body = shopify_body(
        line_items=[shopify_line(tax_lines=[]), shopify_line(id=12, price="5.00", tax_lines=[])],
        tax_lines=[{"price": "5.70", "rate": 0.19, "title": "MwSt"}],
        total_tax="5.70",
        total_price="35.70",
    )
    order = placed("shopify", CREATE, body)
    assert [line.taxes[0].amount_minor for line in order.lines] == [380, 190]
    assert {line.taxes[0].rate for line in order.lines} == {Decimal("0.19")}


def test_taxes_within_the_prices_are_not_added_again() -> None:
    """With `taxes_included` the tax is information, not a further amount."""
    order = placed("shopify", CREATE, shopify_body(taxes_included=True, total_price="20.00"))
    assert order.prices_include_tax
    assert totals_add_up(order) == ""


@pytest.mark.parametrize(("included", "tax"), [(True, "3.19"), (False, "3.80")])
def test_a_rate_that_is_not_stated_is_estimated_from_the_net(included: bool, tax: str) -> None:
    """3.19 inside 20.00 and 3.80 on top of it are both 19 %: an invoice must not say 15.95 %."""
    line = shopify_line(tax_lines=[{"price": tax, "rate": None, "title": "MwSt"}])
    body = shopify_body(line_items=[line], taxes_included=included, total_tax=tax)
    (estimated,) = placed("shopify", CREATE, body).lines[0].taxes
    assert round(estimated.rate, 2) == Decimal("0.19")


def test_tips_duties_and_fees_are_adjustments() -> None:
    """They move the total but are no goods; a tip line must never wait for a SKU."""
    tip = shopify_line(id=12, product_id=None, sku=None, title="Tip", requires_shipping=False, quantity=1,
                       price="2.00", tax_lines=[])  # fmt: skip
    body = shopify_body(
        line_items=[shopify_line(), tip],
        total_tip_received="2.00",
        original_total_duties_set={"shop_money": {"amount": "1.20"}},
        original_total_additional_fees_set={"shop_money": {"amount": "0.30"}},
        total_price="27.30",
    )
    order = placed("shopify", CREATE, body)
    assert [(a.kind, a.amount_minor) for a in order.adjustments] == [("tip", 200), ("duty", 120), ("fee", 30)]
    assert len(order.lines) == 1
    assert totals_add_up(order) == ""


def test_a_tip_without_a_line_counts_too() -> None:
    """Point of sale tips have no line."""
    order = placed("shopify", CREATE, shopify_body(total_tip_received="2.00", total_price="25.80"))
    assert order.adjustments == (Adjustment(kind="tip", title="Tip", amount_minor=200),)
    assert totals_add_up(order) == ""


def test_a_refund_does_not_change_what_was_placed() -> None:
    """The order keeps its own total: refunds have amounts of their own."""
    body = shopify_body(
        financial_status="partially_refunded",
        current_total_price="11.90",
        line_items=[shopify_line(current_quantity=1)],
    )
    order = placed("shopify", "orders_updated", body)
    assert (order.lines[0].quantity, order.total_minor, order.payment.state) == (2, 2380, "paid")


@pytest.mark.parametrize(
    ("currency", "price", "total", "minor"),
    [("JPY", "990", "1980", 1980), ("JPY", "990.0", "1980.0", 1980), ("KWD", "1.125", "2.250", 2250)],
)
def test_currencies_have_their_own_decimals(currency: str, price: str, total: str, minor: int) -> None:
    """Factor 100 for yen is the classic mistake (rule 7.11)."""
    line = shopify_line(price=price, tax_lines=[])
    order = placed(
        "shopify",
        CREATE,
        shopify_body(currency=currency, line_items=[line], total_tax="0", total_price=total),
    )
    assert (order.total_minor, order.lines[0].total_minor) == (minor, minor)


def test_a_body_that_does_not_add_up_is_read_as_it_is() -> None:
    """The orders service holds it with the difference; making it fit would hide the fault."""
    order = placed("shopify", CREATE, shopify_body(total_price="99.00"))
    assert order.total_minor == 9900
    assert "difference 7520" in totals_add_up(order)


def test_a_line_without_a_sku_is_kept() -> None:
    """It is held later with its title; a SKU is never invented from other ids."""
    line = shopify_line(sku=None, variant_id=99, name="", title="Lamp", variant_title="brass")
    order = placed("shopify", CREATE, shopify_body(line_items=[line]))
    assert (order.lines[0].sku, order.lines[0].title) == ("", "Lamp - brass")


def test_a_cancelled_order_says_when_and_why() -> None:
    """Also when only the topic says that it is cancelled."""
    body = shopify_body(cancelled_at="2026-11-21T09:30:00Z", cancel_reason="customer")
    order = placed("shopify", "orders_cancelled", body)
    assert (order.cancelled_at, order.cancel_reason) == (
        datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
        "customer",
    )
    by_topic = placed("shopify", "orders_cancelled", shopify_body())
    assert by_topic.cancelled_at == datetime(2026, 11, 21, 9, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("paid", "paid"),
        ("authorized", "authorised"),
        ("pending", "unpaid"),
        ("partially_paid", "unpaid"),
        ("partially_refunded", "paid"),
        (None, "unpaid"),
        ("refunded", "refunded"),
        ("voided", "voided"),
    ],
)
def test_the_payment_state_is_translated(status: str | None, state: str) -> None:
    """What the channel collected decides whether our gateway is asked."""
    payment = placed("shopify", CREATE, shopify_body(financial_status=status)).payment
    assert payment.state == state
    assert payment.refunded_in_part is (status == "partially_refunded")


def test_the_collecting_transaction_is_the_reference() -> None:
    """Payout lines name transactions; where the body has one, it is kept."""
    transactions = [
        {"id": 1, "kind": "authorization", "status": "success"},
        {"id": 2, "kind": "capture", "status": "failure"},
        {"id": 3, "kind": "capture", "status": "success"},
    ]
    assert placed("shopify", CREATE, shopify_body(transactions=transactions)).payment.reference == "3"


def test_a_gift_card_is_not_what_a_payout_names() -> None:
    """7.15: the card paid 50.00 of 59.50; the provider pays out the other transaction."""
    by_card = {"id": 1, "kind": "sale", "status": "success", "gateway": "gift_card", "amount": "50.00"}
    in_cash = {"id": 2, "kind": "sale", "status": "success", "gateway": "shopify_payments", "amount": "9.50"}
    both = shopify_body(transactions=[by_card, in_cash])
    assert placed("shopify", CREATE, both).payment.reference == "2"
    assert placed("shopify", CREATE, shopify_body(transactions=[by_card])).payment.reference == "1001"


def test_a_country_given_by_name_only_is_found() -> None:
    """Test messages and old orders leave the code out."""
    to = {"address1": "1 Main St", "city": "Ottawa", "country_code": None, "country": "Canada"}
    order = placed("shopify", CREATE, shopify_body(shipping_address=to))
    assert order.ship_to is not None
    assert order.ship_to.country == "CA"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"line_items": None}, "line_items is missing: not an order"),
        ({"total_price": None}, "total_price is missing: not an order"),
        ({"currency": ""}, "currency is missing: not an order"),
        ({"id": None}, "id is missing"),
        ({"created_at": None, "processed_at": None}, "created_at is missing"),
        ({"created_at": "yesterday"}, "created_at: 'yesterday' is not a time"),
        ({"financial_status": "odd"}, "financial_status: 'odd' is not known"),
        ({"total_price": "12.345"}, "total_price: '12.345' is finer than the smallest unit of EUR"),
        (
            {"line_items": [shopify_line(price="ten")]},
            "line_items[0].price: 'ten' is not a number that can be used",
        ),
        (
            {"line_items": [shopify_line(quantity=-1)]},
            "lines.0.quantity: Input should be greater than or equal to 1",
        ),
        ({"line_items": {"id": 1}}, "line_items is not a list"),
        ({"line_items": [7]}, "line_items[0] is not an object"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(more: dict[str, object], reason: str) -> None:
    """A person must be able to act on it without reading the body."""
    assert refused("shopify", CREATE, shopify_body(**more)).startswith(reason)


def test_a_draft_or_a_checkout_is_no_order() -> None:
    """Both have lines and a total; shipping one would be a gift."""
    body = shopify_body()
    del body["financial_status"], body["order_number"]
    assert "a draft or a checkout" in refused("shopify", CREATE, body)


def test_no_reason_names_the_customer() -> None:
    """Reasons are shown and logged; they must not carry personal data."""
    body = shopify_body(currency="EURO")
    body["customer"]["first_name"] = "Augusta" * 3
    assert refused("shopify", CREATE, body) == "currency: 'EURO' is not a currency (ISO 4217)"
