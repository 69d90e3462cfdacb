"""Whatever words stand in an order, in whichever field: behind the intake no event says them in the clear."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from chassis.keys.master import MasterKey
from chassis.keys.ring import KeyRing
from chassis.keys.sqlite import SQLiteKeys
from contracts.address import Address, Recipient, with_region_code
from contracts.channels import OrderPlaced
from services.orders.intake.readable import shop_name, with_codes_only
from services.orders.intake.sealing import SealedReadings
from services.shipping.bodies import RetryBody
from tests.orders.intake.bodies import (
    placed,
    shopify_body,
    shopify_line,
    woo_body,
    woo_line,
)
from tests.orders.situations import BERLIN, place, spec
from tests.orders.situations import order as sound

CANARY, TELEPHONE = "qzkan8105", "+49 (170) 8105-8105"
ADDRESS, WORDS = f"{CANARY}@mail.example", f"Frau {CANARY} ist verstorben, Tel {TELEPHONE}"
NAMED = f"Express {ADDRESS} {TELEPHONE}"
PLACE = {"city": CANARY, "country": CANARY, "country_code": "DE", "state": WORDS, "province": WORDS}
CANCELLED = {"cancelled_at": "2026-11-21T09:30:00Z", "cancel_reason": WORDS}

BODIES: dict[str, tuple[str, str, Any]] = {
    "shopify": (
        "shopify",
        "orders_cancelled",
        shopify_body(
            **CANCELLED,
            customer_locale=f"de-DE-x-{CANARY}",
            payment_gateway_names=[NAMED],
            line_items=[shopify_line(name=f"Lamp for {ADDRESS}")],
            shipping_lines=[{"title": NAMED, "price": "0.00", "tax_lines": []}],
            shipping_address=PLACE,
            billing_address=PLACE,
            note=WORDS,
        ),
    ),
    "woocommerce": (
        "woocommerce",
        "order_updated",
        woo_body(
            status="cancelled",
            payment_method=NAMED,
            line_items=[woo_line(name=f"Lamp for {ADDRESS}")],
            shipping_lines=[{"method_title": NAMED, "total": "0.00", "total_tax": "0.00", "taxes": []}],
            fee_lines=[{"name": NAMED, "total": "0.00", "total_tax": "0.00"}],
            tax_lines=[{"rate_id": 3, "rate_percent": 19, "label": NAMED}],
            billing=PLACE,
        ),
    ),
    "canonical": (
        "retail",
        "order_placed",
        {
            "order": {
                "channel": "retail",
                "channel_order_id": "1",
                "placed_at": "2026-11-21T09:00:00Z",
                "currency": "EUR",
                "lines": [],
                "shipping": [{"title": NAMED, "total_minor": 0}],
                "adjustments": [{"kind": "fee", "title": NAMED, "amount_minor": 0}],
                "total_minor": 0,
                "customer": {"email": ADDRESS, "locale": CANARY},
                "ship_to": {"city": "Berlin", "region": WORDS, "country": WORDS},
                "payment": {"state": "unpaid", "method": NAMED},
                **CANCELLED,
            }
        },
    ),
}


@pytest.mark.parametrize("kind", BODIES)
async def test_no_word_of_a_customer_is_left_readable(kind: str, tmp_path: Path) -> None:
    """Not in the order, and not in the cancellation that repeats its reason; what is sealed can be opened still."""
    keys = SQLiteKeys(tmp_path / "keys.sqlite", lambda: MasterKey(bytes(32)))
    order = await SealedReadings(lambda _: None, keys).seal(placed(*BODIES[kind]))  # type: ignore[arg-type,return-value]
    received, cancelled = spec.when(place(order)).events
    text = f"{received.to_bytes()!r} {cancelled.to_bytes()!r}"
    assert CANARY not in text.lower()
    assert "8105" not in text
    assert "verstorben" not in text
    assert order.cancel_reason == ("" if kind == "woocommerce" else "other")
    assert order.ship_to
    opened = await KeyRing(keys, "test").open(order.ship_to)
    assert opened.city.endswith(WORDS), "a label has it still"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("de", "de"),
        ("de_DE_formal", "de-DE"),
        ("zh-Hant-TW", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("sl-rozaj-biske", "sl"),
        ("Frau", "en"),
        ("", "en"),
        ("Zoe Q", "en"),
    ],
)
def test_of_a_locale_its_language_script_and_region_are_kept(given: str, kept: str) -> None:
    order = with_codes_only(sound(customer=Recipient(locale=given)))
    assert order.customer.locale == kept


@pytest.mark.parametrize(
    ("given", "kept"), [("CUSTOMER", "customer"), ("fraud", "fraud"), ("", ""), ("Frau Q", "other")]
)
def test_a_cancellation_has_a_reason_that_is_known(given: str, kept: str) -> None:
    assert with_codes_only(sound(cancel_reason=given)).cancel_reason == kept


@pytest.mark.parametrize("region", ["BE", "", "JP13", "TH-37", "US-CA", "NSW", "13"])
def test_the_code_of_a_region_stays_where_it_is(region: str) -> None:
    address = Address(city="Town", region=region)
    assert with_region_code(address) == address


@pytest.mark.parametrize(
    ("country", "region", "kept"),
    [
        ("US", "California", "CA"),
        ("United States", "california ", "CA"),
        ("US", "OHIO", "OH"),
        ("US", " ca", "CA"),
        ("US", "N.Y.", "NY"),
        ("us", "N. Y.", "NY"),
        ("AU", "nsw", "NSW"),
        ("CA", "Québec", "QC"),
        ("AU", "New South Wales", "NSW"),
        ("IT", "Forli\u0300-Cesena", "FC"),
        ("BR", "São Paulo", "SP"),
        ("DE", "be", "BE"),
    ],
)
def test_a_region_that_is_spelled_out_becomes_its_code(country: str, region: str, kept: str) -> None:
    order = with_codes_only(sound(ship_to=Address(city="Town", country=country, region=region)))
    assert order.ship_to is not None
    assert (order.ship_to.city, order.ship_to.region) == ("Town", kept)


@pytest.mark.parametrize(
    ("country", "region"),
    [("GB", "Kent"), ("IE", "Co. Cork"), ("US", "Frau Q"), ("DE", "J. D."), ("", "California")],
)
def test_a_region_without_a_code_is_a_part_of_the_town(country: str, region: str) -> None:
    order = with_codes_only(sound(ship_to=Address(city="Town", country=country, region=region)))
    assert order.ship_to == Address(city=f"Town, {region}", country=country)


@pytest.mark.parametrize(
    ("country", "kept"), [("Germany", "DE"), ("de", "DE"), (" De ", "DE"), ("李王", ""), ("Frau Q", "")]
)
def test_a_country_is_a_code(country: str, kept: str) -> None:
    order = with_codes_only(sound(ship_to=Address(city="Town", country=country)))
    assert order.ship_to == Address(city="Town", country=kept)


def test_what_becomes_a_part_of_the_town_is_cut_where_there_is_no_room() -> None:
    address = with_region_code(Address(city="c" * 499, region="r" * 500))
    assert address == Address(city="c" * 499 + ",")


def corrected(**ship_to: str) -> Address | None:
    return RetryBody.model_validate({"actor": "mira", "reason": "moved", "ship_to": ship_to}).ship_to


def test_an_address_that_was_corrected_by_hand_is_kept_like_any_other() -> None:
    assert corrected(city="Galway", region="Connacht") == Address(city="Galway, Connacht")
    assert corrected(country="Deutschland", region="be") == Address(country="DE", region="BE")
    assert corrected(city="Galway", country=" ") == Address(city="Galway")


@pytest.mark.parametrize(
    ("ship_to", "says"),
    [
        ({"country": "Narnia"}, r"ship_to\.country is a code of ISO 3166-1, as DE, or the country's name"),
        ({"line2": "x" * 501}, r"ship_to\.line2 should have at most 500 characters"),
    ],
)
def test_what_is_wrong_with_a_corrected_address_is_said(ship_to: dict[str, str], says: str) -> None:
    """It would be left out without a word otherwise, and the carrier refuse the parcel again."""
    with pytest.raises(ValidationError, match=says):
        corrected(**ship_to)


@pytest.mark.parametrize(
    "title",
    ["DHL Paket bis 5 kg (2-3 Tage)", "Lieferung 21.11.2026", "2026-11-21 - 2026-11-23", "MwSt. 19 %"],
)
def test_what_the_shop_calls_its_own_stays(title: str) -> None:
    assert shop_name(title) == title


def test_a_sound_order_stays_as_it_is() -> None:
    order = sound(ship_to=BERLIN)
    assert with_codes_only(order) == order


def test_a_publishers_order_is_what_these_tests_take_it_for() -> None:
    """The body of the canonical channel is one that is read."""
    assert OrderPlaced.model_validate(BODIES["canonical"][2]).order.cancel_reason == WORDS
