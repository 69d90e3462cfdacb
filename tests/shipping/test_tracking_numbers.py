"""Numbers of our own range carry a check digit that a mistyped number fails."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.shipping.domain.number_range import Block, NumberRange, RangeBroken, evolve_range
from services.shipping.domain.tracking_number import SERIAL_MAX, check_digit, tracking_number
from tests.recorded import FIXTURES, needs
from tests.shipping.makers import is_sound, own_label

FORMATS = FIXTURES / "tracking" / "tracking_number_formats"
SERIALS = st.integers(0, SERIAL_MAX)


@pytest.mark.parametrize(
    ("serial", "digit"), [(47312482, 9), (12345678, 5), (1, 4), (4, 5), (3, 1), (6, 2), (0, 5)]
)
def test_the_check_digit_follows_s10(serial: int, digit: int) -> None:
    """The standard's worked example, and the two special cases: 11 becomes 5, 10 becomes 0."""
    assert check_digit(serial) == digit


def test_a_remainder_of_ten_becomes_zero() -> None:
    """11 - 1 = 10 does not fit in one digit: serial 8 x 7 = 56 = 5 x 11 + 1."""
    assert check_digit(8) == 0


@given(SERIALS)
def test_a_number_made_here_is_sound(serial: int) -> None:
    """What is printed passes its own test."""
    number = tracking_number("DS", serial, "DE")
    assert len(number) == 13
    assert is_sound(number)


@given(SERIALS, st.integers(2, 9), st.integers(1, 9))
def test_one_wrong_digit_is_nearly_always_noticed(serial: int, at: int, by: int) -> None:
    """S10 maps 10 and 0 to one digit, and 11 and 5: only such a pair of sums can hide a wrong digit."""
    number = tracking_number("DS", serial, "DE")
    wrong = number[:at] + str((int(number[at]) + by) % 10) + number[at + 1 :]
    assert not is_sound(wrong) or number[10] in "05"


@pytest.mark.parametrize(
    "number", ["", "DS00000001", "DS000000015DE", "D1000000014DE", "DS00000001XDE", "DS000000014DEE"]
)
def test_what_has_not_the_form_is_not_sound(number: str) -> None:
    """Too short, wrong digit, a digit for a letter, a letter for a digit, too long."""
    assert not is_sound(number)


def test_a_serial_beyond_eight_digits_is_refused() -> None:
    """A longer number would be cut by someone's scanner."""
    with pytest.raises(ValueError, match="eight digits"):
        tracking_number("DS", SERIAL_MAX + 1, "DE")


@needs(FORMATS)
def test_published_s10_examples_are_judged_alike() -> None:
    """Check digits that others worked out. Whether the country exists is another question than the digit."""
    (s10,) = json.loads((FORMATS / "s10.json").read_text())["tracking_numbers"]
    numbers = s10["test_numbers"]
    assert all(is_sound(number.replace(" ", "")) for number in numbers["valid"])
    assert not is_sound("RB123456786US")


def test_a_range_counts_what_is_left_over_all_its_blocks() -> None:
    """A person sees in time that a new block is needed."""
    numbers = (
        NumberRange("doorstep")
        .with_block(Block("a", "DS", "DE", 1, 2))
        .with_block(Block("b", "DS", "DE", 7, 9))
    )
    lefts = []
    while not numbers.exhausted:
        lefts.append((numbers.next, numbers.left))
        numbers = numbers.after_use()
    assert lefts == [(1, 5), (2, 4), (7, 3), (8, 2), (9, 1)]
    assert numbers.left == 0


def test_a_number_out_of_turn_is_not_taken() -> None:
    """A log that skips or repeats a number is broken, and says so instead of printing it twice."""
    numbers = NumberRange("doorstep").with_block(Block("a", "DS", "DE", 1, 2))
    with pytest.raises(RangeBroken, match="not the next number"):
        evolve_range(numbers, own_label("DS000000028DE", 2), "range/doorstep")
