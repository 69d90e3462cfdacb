"""Which message is read how: by channel, topic and body."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contracts.address import Recipient
from contracts.channels import OrderPlaced, ReturnReported
from contracts.frozen import replace
from services.orders.intake.canonical import checked
from services.orders.intake.fields import Wrong
from services.orders.intake.read import read
from services.orders.intake.reading import Ignored, Placed, Returned, Unreadable
from tests.orders.intake.bodies import (
    CHANNELS,
    NOON,
    message,
    placed,
    reading,
    refused,
    shopify_body,
    shopify_line,
    woo_body,
)

CANONICAL = OrderPlaced(order=placed("shopify", "orders_create", shopify_body()))


def canonical(**more: Any) -> bytes:
    body = json.loads(CANONICAL.to_bytes())
    body["order"] |= {"channel": "retail"} | more
    return json.dumps(body).encode()


@pytest.mark.parametrize("channel", ["retail", "shopify", "woocommerce"])
def test_the_canonical_order_is_taken_on_every_channel(channel: str) -> None:
    """A publisher may stand beside a shop's webhooks."""
    found = reading(channel, "order_placed", canonical().replace(b'"retail"', f'"{channel}"'.encode()))
    assert isinstance(found, Placed)
    assert found.order.lines == CANONICAL.order.lines


def test_a_canonical_return_is_a_return() -> None:
    """Credits in a ledger export name no order."""
    report = ReturnReported(
        channel="retail", return_id="C1", reported_at=NOON, currency="GBP", lines=(), total_minor=100
    )
    assert reading("retail", "return_reported", report.to_bytes()) == Returned(report)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            canonical(channel_order_id="no spaces allowed"),
            "order.channel_order_id: String should match pattern",
        ),
        (canonical(total_minor="ten"), "order.total_minor: Input should be a valid integer"),
        (
            canonical(placed_at="2026-11-21T10:00:00"),
            "order.placed_at: 2026-11-21T10:00:00 has no offset from UTC",
        ),
        (canonical(channel="shopify"), "order.channel: 'shopify', but the message came on channel 'retail'"),
        (b'{"order": ', "Invalid JSON: EOF"),
        (b"\xff", "Invalid JSON"),
        (b"{}", "order: Field required"),
    ],
)
def test_a_wrong_canonical_order_says_where(data: bytes, reason: str) -> None:
    """Publishers correct their programs by this text."""
    assert refused("retail", "order_placed", data).startswith(reason)


def test_a_wrong_personal_field_is_named_without_its_value() -> None:
    """Reasons are shown and logged."""
    reason = refused("retail", "order_placed", canonical(customer={"email": ["ada@example.com"]}))
    assert reason == "order.customer.email: Input should be a valid string"


@pytest.mark.parametrize(
    ("channel", "topic", "body"),
    [
        ("retail", "order_placed", canonical(total_minor="Ada Lovelace")),
        ("retail", "order_placed", canonical(placed_at="ada.lovelace@example.com")),
        ("shopify", "orders_create", shopify_body(total_price="Lovelace Lane 9")),
        ("shopify", "orders_create", shopify_body(created_at="lovelace@example.com")),
        ("shopify", "orders_create", shopify_body(currency="Miss Lovelace")),
        ("shopify", "orders_create", b'{"lovelace@example.com": 1, "lovelace@example.com": 2}'),
        ("shopify", "orders_create", {"lovelace@example.com": {"orders": 1}}),
        ("shopify", "orders_create", b'{"Miss Lovelace 9": 1, "Miss Lovelace 9": 2}'),
        ("shopify", "orders_create", {"line_items": [], "total_price": 1, "currency": "Lane 9,Lovelace"}),
        ("shopify", "orders_create", shopify_body(line_items=[shopify_line(quantity="Ada,Lovelace,Lane9")])),
        ("retail", "order_placed", canonical(total_minor="Ada,Lovelace,Lane.9")),
    ],
)
def test_who_got_into_the_wrong_field_is_not_named(channel: str, topic: str, body: Any) -> None:
    """As from a list whose columns have slipped: the reason stays for ever, the message can be made unreadable."""
    assert "lovelace" not in refused(channel, topic, body).lower()


@pytest.mark.parametrize(
    "number", ["+49 170 8106810681", "0170-810-681", "+491708106810", "0170/8106810", "49,170,810,681"]
)
@pytest.mark.parametrize("field", ["created_at", "financial_status", "currency"])
def test_a_telephone_number_in_the_wrong_field_is_not_quoted(field: str, number: str) -> None:
    """An amount or a time has other forms."""
    assert "810" not in refused("shopify", "orders_create", shopify_body(**{field: number}))


@pytest.mark.parametrize("value", ["12,50 €", "1.000.000", "x" * 25])
def test_of_what_is_not_quoted_the_length_is_told(value: str) -> None:
    """Enough to find it in the message."""
    reason = refused("shopify", "orders_create", shopify_body(total_price=value))
    assert reason == f"total_price: a text of {len(value)} characters is not a number that can be used"


@pytest.mark.parametrize("value", ["12,50", "free", "1969-12-31T23:59:59Z", "12.x", "-7,5"])
def test_a_word_an_amount_and_a_time_are_quoted(value: str) -> None:
    """The common mistakes are seen without looking into the message."""
    assert repr(value) in refused("shopify", "orders_create", shopify_body(total_price=value))


@pytest.mark.parametrize("topic", ["customers_redact", "customers_data_request", "shop_redact"])
def test_what_a_channel_asks_for_a_customer_waits_for_a_person(topic: str) -> None:
    """The law gives thirty days: passed over as no order, nobody would ever know."""
    assert "then discard" in refused("shopify", topic, b'{"customer": {"email": "ada@example.com"}}')


@pytest.mark.parametrize(
    ("channel", "topic"),
    [
        ("shopify", "customers_update"),
        ("shopify", "products_update"),
        ("shopify", "app_uninstalled"),
        ("shopify", "fulfillments_create"),
        ("shopify", "refunds_create"),
        ("woocommerce", "product_updated"),
        ("woocommerce", "subscription_created"),
    ],
)
def test_a_harmless_topic_is_ignored_with_its_reason(channel: str, topic: str) -> None:
    """Shops send everything to one address; only what is known to need nothing is passed over."""
    found = reading(channel, topic, b"anything")
    assert isinstance(found, Ignored)
    assert found.reason.startswith(f"{topic}: ")


@pytest.mark.parametrize(
    ("channel", "topic", "reason"),
    [
        ("shopify", "orders_teleported", "unknown topic 'orders_teleported' for a channel of kind shopify"),
        (
            "retail",
            "other",
            "a channel of kind canonical has no topic like the one it came under: look at the message, then discard it,"
            " or publish it under one of order_placed, return_reported",
        ),
        ("retail", "orders_create", "unknown topic 'orders_create' for a channel of kind canonical"),
        ("ebay", "orders_create", "unknown channel 'ebay': add [channels.ebay] to the settings"),
    ],
)
def test_what_is_not_known_is_refused(channel: str, topic: str, reason: str) -> None:
    """Never guessed: it can be tried again once the settings or the release know it."""
    assert refused(channel, topic, shopify_body()) == reason


def test_a_subject_of_another_cell_is_understood() -> None:
    """A cell puts its name in front."""
    data = json.dumps(shopify_body()).encode()
    there = message("shopify", "orders_create", data)
    moved = type(there)("eu_CHANNELS", 7, f"eu.{there.subject}", {}, data, NOON)
    assert read(moved, CHANNELS) == read(there, CHANNELS)


@pytest.mark.parametrize(
    "subject", ["", "evt.channels.shopify", "evt.orders.shopify.orders_create", "a.b.c.d.e"]
)
def test_a_strange_subject_is_refused(subject: str) -> None:
    """Nothing else belongs on the stream."""
    there = message("shopify", "orders_create", b"{}")
    found = read(type(there)("CHANNELS", 7, subject, {}, b"{}", NOON), CHANNELS)
    assert found == Unreadable("its subject is not evt.channels.<channel>.<topic>")


@pytest.mark.parametrize(
    "wrap", [lambda o: {"order": o}, lambda o: {"data": [o]}, lambda o: [o], lambda o: {"orders": [o]}]
)
def test_a_wrapped_order_is_unwrapped(wrap: Any) -> None:
    """API answers and relays wrap the order; there is still one of it."""
    assert reading("shopify", "orders_create", wrap(shopify_body())) == reading(
        "shopify", "orders_create", shopify_body()
    )
    assert reading("woocommerce", "order_created", wrap(woo_body())) == reading(
        "woocommerce", "order_created", woo_body()
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            [shopify_body(), shopify_body()],
            "a list of 2; one message carries one order, send them one by one",
        ),
        ([], "a list of 0; one message carries one order, send them one by one"),
        ({"gift_card": {"id": 1}}, "not an order: the body holds 'gift_card'"),
        ({"id": 1, "title": "Lamp"}, "line_items is missing: not an order"),
        (b"17", "not an order: the body is no JSON object"),
        (b"webhook_id=12", "not JSON: Expecting value at line 1 column 1"),
        (b"\xff\xfe\x00", "not JSON: byte 2 is not utf-16-le text"),
        (b'{"id": NaN}', "not JSON: NaN is not JSON at line 1 column 1"),
        (b"[" * 200_000, "not JSON that can be read: nested too deeply"),
        (b"9" * 5_000, "not JSON that can be read: a number is too long"),
    ],
)
def test_a_body_that_is_no_order_is_refused(body: Any, reason: str) -> None:
    """Kept byte for byte elsewhere; here only the reason is made."""
    assert refused("shopify", "orders_create", body) == reason


@pytest.mark.parametrize(
    ("channel", "topic", "body"),
    [
        ("shopify", "orders_create", shopify_body(currency="XXQ")),
        ("woocommerce", "order_created", woo_body(currency="XXQ")),
    ],
)
def test_a_currency_that_does_not_exist_is_refused(channel: str, topic: str, body: dict[str, Any]) -> None:
    """How many decimals it has would be a guess, and a guess is an amount wrong by a hundred."""
    assert refused(channel, topic, body) == "currency: 'XXQ' is not a currency (ISO 4217)"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"note": "x" * 501}, "order.note should have at most 500 characters"),
        ({"customer": {"name": "x" * 501}}, "order.customer.name should have at most 500 characters"),
        ({"ship_to": {"line2": "x" * 501}}, "order.ship_to.line2 should have at most 500 characters"),
        ({"bill_to": {"city": "x" * 501}}, "order.bill_to.city should have at most 500 characters"),
        (
            {"ship_to": {"region": "x" * 501}},
            "order.ship_to.region should have at most 500 characters",
        ),
    ],
)
def test_texts_of_a_person_have_a_length(more: dict[str, Any], reason: str) -> None:
    """Sealed they are longer, and whoever quotes them later is searched for each of their words."""
    assert refused("retail", "order_placed", canonical(**more)) == reason
    longest = json.loads(json.dumps(more).replace("x" * 501, "x" * 500))
    assert isinstance(reading("retail", "order_placed", canonical(**longest)), Placed)


@pytest.mark.parametrize(
    ("channel", "topic", "body"),
    [
        (
            "shopify",
            "orders_create",
            shopify_body(
                note="n" * 600,
                customer={"first_name": "f" * 300, "last_name": "l" * 300},
                shipping_address={"first_name": "f" * 600, "last_name": "l" * 600, "city": "c" * 600},
            ),
        ),
        (
            "woocommerce",
            "order_created",
            woo_body(
                customer_note="n" * 600,
                billing={"first_name": "f" * 300, "last_name": "l" * 300, "city": "c" * 600},
                shipping={"first_name": "f" * 300, "last_name": "l" * 300, "address_1": "a" * 600},
            ),
        ),
    ],
)
def test_what_a_shop_system_tells_at_length_is_cut(channel: str, topic: str, body: dict[str, Any]) -> None:
    """Its order is paid for: it is not refused because of somebody's name."""
    order = placed(channel, topic, body)
    assert order.ship_to is not None
    assert {len(order.note), len(order.customer.name), len(order.ship_to.name)} == {500}


def test_a_channel_that_cuts_nothing_is_found_out() -> None:
    """Every order passes, whichever channel's reader made it."""
    with pytest.raises(Wrong, match=r"order\.customer\.name should have at most 500 characters"):
        checked(replace(CANONICAL.order, customer=Recipient(name="x" * 501)))


def test_a_canonical_order_in_no_currency_is_refused() -> None:
    """The same at the border of the canonical schema."""
    reason = refused("retail", "order_placed", canonical(currency="XXQ"))
    assert "XXQ is not a currency (ISO 4217)" in reason
