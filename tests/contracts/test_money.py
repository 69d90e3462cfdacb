"""Money: the worked examples of the calculation rules, and what holds for every amount."""

from __future__ import annotations

from decimal import Decimal

import pycountry
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from contracts.billing import JournalEntry, Posting, UnbalancedEntry
from contracts.currencies import EXPONENTS
from contracts.identifiers import Currency
from contracts.money import (
    MixedCurrencies,
    Money,
    NotMoney,
    UnknownCurrency,
    allocate,
    divide_half_up,
    exponent,
    from_minor,
    share,
    tax_inside,
    tax_on,
    to_minor,
)

MINOR = st.integers(-(10**15), 10**15)
NOBODYS = "X" * 3
"""The code of transactions without a currency."""
GROSS = st.integers(0, 10**12)
RATE = st.decimals(0, 1, places=4)
WEIGHTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=30)
CURRENCY = st.sampled_from(["EUR", "USD", "JPY", "KRW", "KWD", "TND"])


@pytest.mark.parametrize(
    ("gross", "rate", "tax"),
    [
        (2562, "0.19", 409),
        (385, "0.07", 25),
        (0, "0.19", 0),
        (-2562, "0.19", -409),
        (3, "0.19", 0),
        (1000, "0", 0),
    ],
)
def test_tax_is_taken_out_of_a_gross_price(gross: int, rate: str, tax: int) -> None:
    """Rule 7.7: 25.62 x 19/119 = 4.09 and 3.85 x 7/107 = 0.25."""
    assert tax_inside(gross, Decimal(rate)) == tax


def test_the_worked_example_of_an_order_discount() -> None:
    """Rule 7.7: 5.00 off 9.99, 9.99, 9.99 (19 %) and 4.50 (7 %); net and tax add up to 29.47."""
    prices = (999, 999, 999, 450)
    discounts = allocate(500, prices)
    assert discounts == (145, 145, 145, 65)
    standard, reduced = sum(prices[:3]) - sum(discounts[:3]), prices[3] - discounts[3]
    taxes = tax_inside(standard, Decimal("0.19")), tax_inside(reduced, Decimal("0.07"))
    assert (standard - taxes[0], reduced - taxes[1]) == (2153, 360)
    assert standard + reduced == 2947


def test_tax_by_group_and_by_line_differ_by_the_cent_the_rule_names() -> None:
    """Rule 7.5: three lines of 0.33 net at 19 % are 0.18 by line and 0.19 by group."""
    assert [tax_on(33, Decimal("0.19"))] * 3 == [6, 6, 6]
    assert tax_on(99, Decimal("0.19")) == 19


def test_three_times_ten_at_fifteen_percent() -> None:
    """Rule 7.7, trap 2: 26.09 net, not 3 x 8.70."""
    assert 3000 - tax_inside(3000, Decimal("0.15")) == 2609


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (1000, (1, 1, 1), (334, 333, 333)),
        (103, (100, 100), (52, 51)),
        (409, (854, 854, 854), (137, 136, 136)),
        (5000, (40, 15, 10), (3077, 1154, 769)),
        (100, (600, 400), (60, 40)),
        (755, (150, 80, 20), (453, 242, 60)),
        (-1000, (1, 1, 1), (-334, -333, -333)),
        (10, (0, 0, 0), (4, 3, 3)),
        (0, (1, 2), (0, 0)),
        (7, (5,), (7,)),
    ],
)
def test_a_total_is_split_by_largest_remainder(
    total: int, weights: tuple[int, ...], parts: tuple[int, ...]
) -> None:
    """Rules 7.8, 7.9 and 7.13, as worked out there; ties go to the first line."""
    assert allocate(total, weights) == parts


@pytest.mark.parametrize("weights", [(), (1, -1)])
def test_weights_that_make_no_sense_are_refused(weights: tuple[int, ...]) -> None:
    """A negative share would give one line more than the whole."""
    with pytest.raises(ValueError, match="weight"):
        allocate(100, weights)


@given(total=MINOR, weights=WEIGHTS)
def test_parts_add_up_and_none_is_a_unit_away_from_its_share(total: int, weights: list[int]) -> None:
    """No cent is lost, none appears, and nobody is treated worse than rounding demands."""
    parts = allocate(total, weights)
    weights = weights if any(weights) else [1] * len(weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - total * weight) < sum(weights)


@given(total=MINOR, weights=WEIGHTS)
def test_splitting_a_refund_mirrors_splitting_the_charge(total: int, weights: list[int]) -> None:
    """What was given by line is taken back by line."""
    assert allocate(-total, weights) == tuple(-part for part in allocate(total, weights))


def test_units_of_a_line_one_by_one() -> None:
    """Rule 7.10: three units of 10.00 are 3.33, 3.34, 3.33; rounding each alone would give 9.99."""
    assert [share(1000, start, start + 1, 3) for start in range(3)] == [333, 334, 333]


@given(total=MINOR, of=st.integers(1, 500))
def test_all_shares_together_are_the_total(total: int, of: int) -> None:
    """Rule 7.10: and each is at most a unit away from the even share."""
    parts = [share(total, start, start + 1, of) for start in range(of)]
    assert sum(parts) == total
    assert all(abs(part * of - total) <= of for part in parts)


@given(gross=GROSS, rate=RATE)
def test_the_tax_inside_is_the_nearest_unit(gross: int, rate: Decimal) -> None:
    """Rule 7.7: within half a unit of gross x r / (1 + r), and never more than the gross."""
    tax = tax_inside(gross, rate)
    assert 0 <= tax <= gross
    assert 2 * abs(tax * (1 + rate) - gross * rate) <= 1 + rate


@given(gross=GROSS, rate=RATE)
def test_a_refund_has_the_tax_of_the_charge(gross: int, rate: Decimal) -> None:
    """Rounding half away from zero: no cent of tax is left over after a full refund."""
    assert tax_inside(-gross, rate) == -tax_inside(gross, rate)
    assert tax_on(-gross, rate) == -tax_on(gross, rate)


@given(numerator=MINOR, denominator=st.integers(1, 10**9))
def test_halves_are_rounded_away_from_zero(numerator: int, denominator: int) -> None:
    """One rounding rule for every amount."""
    quotient = divide_half_up(numerator, denominator)
    assert 2 * abs(numerator - quotient * denominator) <= denominator
    if 2 * abs(numerator) % (2 * denominator) == denominator:
        assert abs(quotient) * denominator > abs(numerator)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("9899", "JPY", 9899),
        ("12.345", "KWD", 12345),
        ("12.50", "EUR", 1250),
        ("12.5", "EUR", 1250),
        (12, "EUR", 1200),
        (19.99, "EUR", 1999),
        (0.1 + 0.2, "EUR", 30),
        (" -3.10 ", "USD", -310),
        (Decimal("1E+2"), "EUR", 10000),
        ("1234567890123.45", "EUR", 123456789012345),
        ("12.500000", "EUR", 1250),
    ],
)
def test_an_amount_as_a_channel_writes_it(
    text: str | int | float | Decimal, currency: str, minor: int
) -> None:
    """Rule 7.11: yen have no decimals, dinars three; a hundred is nowhere assumed."""
    assert to_minor(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("12.345", "EUR"),
        ("12.3456", "KWD"),
        ("", "EUR"),
        ("12,50", "EUR"),
        ("NaN", "EUR"),
        ("Infinity", "EUR"),
        ("98.99", "JPY"),
    ],
)
def test_what_is_no_amount_of_the_currency_is_refused(text: str, currency: str) -> None:
    """Half a cent or a comma is a question for a person, not something to round away."""
    with pytest.raises(NotMoney):
        to_minor(text, currency)


@pytest.mark.parametrize(
    ("currency", "decimals"), [("JPY", 0), ("KRW", 0), ("VND", 0), ("EUR", 2), ("KWD", 3), ("OMR", 3)]
)
def test_exponents(currency: str, decimals: int) -> None:
    """ISO 4217."""
    assert exponent(currency) == decimals


@given(minor=MINOR, currency=CURRENCY)
def test_an_amount_written_and_read_again_is_the_same(minor: int, currency: str) -> None:
    """Text keeps every unit, and always shows all decimals."""
    text = from_minor(minor, currency)
    assert to_minor(text, currency) == minor
    assert len(text.partition(".")[2]) == exponent(currency)
    assert "E" not in text


@given(a=MINOR, b=MINOR, currency=CURRENCY)
def test_money_adds_like_its_units(a: int, b: int, currency: str) -> None:
    """Sum, difference and opposite of one currency."""
    assert Money(a, currency) + Money(b, currency) == Money(a + b, currency)
    assert Money(a, currency) - Money(b, currency) == Money(a, currency) + -Money(b, currency)


def test_two_currencies_are_never_added() -> None:
    """Converting takes a rate and a date; silence would take neither."""
    with pytest.raises(MixedCurrencies, match="EUR and USD"):
        Money(1, "EUR") + Money(1, "USD")
    with pytest.raises(MixedCurrencies, match="EUR and USD"):
        Money(1, "EUR") - Money(1, "USD")


def test_money_is_split_and_shown_in_its_currency() -> None:
    """What a customer reads."""
    assert str(Money(9899, "JPY")) == "9899 JPY"
    assert Money(1000, "EUR").allocate((1, 1, 1)) == (Money(334, "EUR"), Money(333, "EUR"), Money(333, "EUR"))


@given(parts=st.lists(MINOR, min_size=1, max_size=10), off=st.integers(-5, 5))
def test_the_ledger_takes_no_unbalanced_entry(parts: list[int], off: int) -> None:
    """I7: debits and credits are equal, or the entry cannot even be built."""
    amounts = [*parts, -sum(parts) + off]
    postings = tuple(Posting(account=f"a{n}", amount_minor=amount) for n, amount in enumerate(amounts))
    if off:
        with pytest.raises(UnbalancedEntry, match=str(off)):
            JournalEntry(currency="EUR", postings=postings)
    else:
        assert (
            sum(posting.amount_minor for posting in JournalEntry(currency="EUR", postings=postings).postings)
            == 0
        )


def test_the_table_has_every_currency_that_has_a_minor_unit() -> None:
    """Checked against the ISO 4217 list of another project: metals, units of account and tests are left out."""
    no_money = {"XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XDR", "XPD", "XPT", "XSU", "XTS", "XUA", NOBODYS}
    assert set(EXPONENTS) == {currency.alpha_3 for currency in pycountry.currencies} - no_money


@pytest.mark.parametrize(
    ("code", "decimals"), [("EUR", 2), ("JPY", 0), ("ISK", 0), ("UGX", 0), ("TND", 3), ("CLF", 4)]
)
def test_the_decimals_of_a_currency(code: str, decimals: int) -> None:
    """Rule 7.11, from the table."""
    assert exponent(code) == decimals


@pytest.mark.parametrize("code", ["XXQ", "eur", "", NOBODYS, "XAU"])
def test_decimals_are_never_guessed(code: str) -> None:
    """An unknown code is refused wherever an amount is read or written, and where a model takes a currency."""
    for ask in (exponent, lambda code: to_minor("1", code), lambda code: from_minor(100, code)):
        with pytest.raises(UnknownCurrency):
            ask(code)
    with pytest.raises(ValidationError):
        TypeAdapter[str](Currency).validate_python(code)
