"""What a shop wants a person to look at: set in the settings, decided by the rules."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from contracts.address import Address
from contracts.frozen import replace
from contracts.orders import HoldReason
from services.orders.domain.policies import HoldRules
from services.orders.domain.rules import Finding, findings
from services.orders.settings import HoldSettings
from tests.orders.situations import ORDER

ABROAD = Address(line1="1 Main St", city="Boston", postcode="02101", country="us")


def test_an_order_above_the_limit_of_its_currency_is_held_by_hand() -> None:
    """The limit itself is not above it; other currencies have limits of their own, or none."""
    limit = ORDER.total_minor
    assert findings(ORDER, HoldRules(total_above={"EUR": limit, "USD": 1})) == ()
    (found,) = findings(ORDER, HoldRules(total_above={"EUR": limit - 1}))
    assert found == Finding(
        HoldReason.MANUAL, f"the total of {limit} is above {limit - 1} (minor units of EUR)"
    )


def test_a_country_that_is_not_delivered_to_is_held_as_an_address() -> None:
    """However it is written; a shop that names no country delivers everywhere."""
    abroad = replace(ORDER, ship_to=ABROAD)
    assert findings(abroad) == ()
    assert findings(abroad, HoldRules(countries=frozenset({"US"}))) == ()
    (found,) = findings(abroad, HoldRules(countries=frozenset({"DE", "AT"})))
    assert found == Finding(HoldReason.ADDRESS_INVALID, "US is not among the countries delivered to (AT, DE)")


def test_a_shop_may_need_less_of_an_address() -> None:
    """One that delivers in its own town knows the streets."""
    nowhere = replace(ORDER, ship_to=replace(ABROAD, line1="", city="", postcode=""))
    (found,) = findings(nowhere)
    assert found.detail == "the delivery address lacks a city or postcode, a street or company"
    assert findings(nowhere, HoldRules(address_needs=("country",))) == ()


def test_the_settings_are_amounts_of_money_and_known_words() -> None:
    """In major units as people write them, never as a fraction of a binary number."""
    rules = HoldSettings.model_validate({"total_above": {"EUR": "500.00", "JPY": 60000}, "countries": ["DE"]})
    assert rules.rules() == HoldRules(total_above={"EUR": 50_000, "JPY": 60_000}, countries=frozenset({"DE"}))
    for wrong in (
        {"total_above": {"EUR": 500.5}},
        {"total_above": {"EUR": "1.001"}},
        {"total_above": {"XYZ": "1"}},
        {"countries": ["Germany"]},
        {"address_needs": ["planet"]},
    ):
        with pytest.raises(ValidationError):
            HoldSettings.model_validate(wrong)
