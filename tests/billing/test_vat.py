"""VAT of a document: every worked example of the calculation rules 7.5 to 7.8 and 7.10."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.money import allocate, tax_inside, tax_on
from services.billing.domain.vat import Position, assess, nets_of, vat_groups, within_tolerance

NINETEEN, SEVEN, FIFTEEN, TWENTY = Decimal("0.19"), Decimal("0.07"), Decimal("0.15"), Decimal("0.20")


def position(amount_minor: int, rate: Decimal, tax_minor: int = 0) -> Position:
    return Position("goods", "Thing", "THING", 1, rate, amount_minor, tax_minor)


def test_tax_is_rounded_by_group_not_by_line() -> None:
    """7.5: three lines of net 0.33 at 19 % owe 0.19, not three times 0.06."""
    (group,) = vat_groups([position(33, NINETEEN)] * 3, inclusive=False)
    assert (group.net_minor, group.tax_minor, group.gross_minor) == (99, 19, 118)
    assert sum(tax_on(33, NINETEEN) for _ in range(3)) == 18


def test_the_disputed_sum_of_7_5_is_rounded_once() -> None:
    """7.5: 348.35 x 16 x 0.96 is 5,350.656, net 5,350.66; its tax at 22 % is 1,177.15 and the sum 6,527.81."""
    (group,) = vat_groups([position(535_066, Decimal("0.22"))], inclusive=False)
    assert (group.tax_minor, group.gross_minor) == (117_715, 652_781)


def test_the_channels_tax_is_kept_with_a_rounding_amount() -> None:
    """7.6: the channel charged 0.18 by line, the group owes 0.19: accepted, rounding -0.01, payable what was paid."""
    tax = assess(
        [position(33, NINETEEN, 6)] * 3,
        inclusive=False,
        payable_minor=117,
        channel_tax_minor=18,
        currency="EUR",
    )
    assert (tax.net_minor, tax.tax_minor, tax.rounding_minor, tax.note) == (99, 19, -1, "")


@pytest.mark.parametrize(
    ("difference", "accepted"), [(0, True), (2, True), (-2, True), (3, False), (-3, False)]
)
def test_the_tolerance_is_half_a_cent_for_each_rounding(difference: int, accepted: bool) -> None:
    """7.6: three lines and one group may be off by 0.005 x 4 = 0.02."""
    assert within_tolerance(difference, lines=3, groups=1) is accepted


def test_more_than_rounding_is_still_invoiced_and_said() -> None:
    """What the customer paid stands; the document says that the channel's tax is not explained by its rates."""
    tax = assess(
        [position(1000, NINETEEN, 500)],
        inclusive=False,
        payable_minor=1500,
        channel_tax_minor=500,
        currency="EUR",
    )
    assert tax.rounding_minor == 310
    assert tax.note == "the channel charged 5.00 EUR tax, its rates give 1.90 EUR"


def test_tax_is_taken_out_of_inclusive_prices() -> None:
    """7.7: the discount of 5.00 is allocated, and each group's tax is taken out of its gross."""
    lines = (999, 999, 999, 450)
    discounts = allocate(500, lines)
    assert discounts == (145, 145, 145, 65)
    rates = (NINETEEN, NINETEEN, NINETEEN, SEVEN)
    positions = [position(line - off, rate) for line, off, rate in zip(lines, discounts, rates, strict=True)]
    nineteen, seven = vat_groups(positions, inclusive=True)
    assert (nineteen.gross_minor, nineteen.tax_minor, nineteen.net_minor) == (2562, 409, 2153)
    assert (seven.gross_minor, seven.tax_minor, seven.net_minor) == (385, 25, 360)
    assert nineteen.gross_minor + seven.gross_minor == 2947


def test_net_is_gross_less_tax_and_never_multiplied_again() -> None:
    """7.7, trap 1: 0.03 at 19 % is no amount net + round(net x r); 16 % of all amounts are not."""
    (group,) = vat_groups([position(3, NINETEEN)], inclusive=True)
    assert (group.net_minor, group.tax_minor, group.gross_minor) == (3, 0, 3)
    assert group.net_minor + tax_on(group.net_minor, NINETEEN) != group.gross_minor
    nets = (gross - tax_inside(gross, NINETEEN) for gross in range(1, 200_001))
    odd = sum(net + tax_on(net, NINETEEN) != gross for gross, net in enumerate(nets, 1))
    assert odd == 31_933


def test_three_times_ten_at_fifteen_percent() -> None:
    """7.7, trap 2: 30.00 at 15 % is 26.09 net; three times 8.70 would be rejected as an e-invoice."""
    (group,) = vat_groups([position(1000, FIFTEEN)] * 3, inclusive=True)
    assert (group.net_minor, group.tax_minor) == (2609, 391)


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (1000, (1, 1, 1), (334, 333, 333)),
        (103, (100, 100), (52, 51)),
        (409, (854, 854, 854), (137, 136, 136)),
        (5000, (40, 15, 10), (3077, 1154, 769)),
        (-1000, (1, 1, 1), (-334, -333, -333)),
        (100, (0, 0), (50, 50)),
    ],
)
def test_largest_remainder(total: int, weights: tuple[int, ...], parts: tuple[int, ...]) -> None:
    """7.8: the parts add up; the missing units go to the largest remainders, ties to the first."""
    assert allocate(total, weights) == parts


@given(
    amounts=st.lists(
        st.tuples(st.integers(-(10**7), 10**7), st.sampled_from([NINETEEN, SEVEN, TWENTY])), max_size=20
    ),
    inclusive=st.booleans(),
    paid=st.integers(-(10**8), 10**8),
)
def test_net_tax_and_rounding_are_what_was_paid(
    amounts: list[tuple[int, Decimal]], inclusive: bool, paid: int
) -> None:
    """Whatever the lines and whatever the customer paid, the document adds up to it."""
    tax = assess(
        [position(*amount) for amount in amounts],
        inclusive=inclusive,
        payable_minor=paid,
        channel_tax_minor=0,
        currency="JPY",
    )
    assert tax.net_minor + tax.tax_minor + tax.rounding_minor == paid
    assert all(group.net_minor + group.tax_minor == group.gross_minor for group in tax.groups)


AMOUNTS = st.lists(
    st.tuples(st.integers(-50_000, 500_000), st.sampled_from((NINETEEN, SEVEN, FIFTEEN))), max_size=12
)


@given(AMOUNTS, st.booleans())
def test_lines_without_tax_add_up_to_their_group(amounts: list[tuple[int, Decimal]], inclusive: bool) -> None:
    """BR-CO-10: whatever is rounded, and also with discounts; each line is at most a cent from its own rounding."""
    positions = [position(amount, rate) for amount, rate in amounts]
    nets = nets_of(positions, inclusive=inclusive)
    for group in vat_groups(positions, inclusive=inclusive):
        alike = [net for net, (_, rate) in zip(nets, amounts, strict=True) if rate == group.rate]
        assert sum(alike) == group.net_minor
    if inclusive:
        own = [amount - tax_inside(amount, rate) for amount, rate in amounts]
        assert all(abs(net - alone) <= 1 for net, alone in zip(nets, own, strict=True))
