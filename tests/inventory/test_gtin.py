"""Barcodes that are Global Trade Item Numbers carry a digit that checks the others."""

from __future__ import annotations

import json

import pytest

from services.inventory.domain.gtin import check_digit, comparable, fault, looks_like_gtin
from tests.recorded import FIXTURES, needs

PUBLISHED = FIXTURES / "barcodes" / "gs1_check_digits.json"

GOOD = ["40170725", "036000291452", "4006381333931", "10614141000415"]
"""One of each length: GTIN-8, GTIN-12, GTIN-13, GTIN-14."""


@pytest.mark.parametrize("barcode", GOOD)
def test_a_right_number_has_no_fault(barcode: str) -> None:
    """Weights 3 and 1 from the right, whatever the length."""
    assert looks_like_gtin(barcode)
    assert fault(barcode) == ""


@pytest.mark.parametrize("barcode", GOOD)
def test_any_other_last_digit_is_wrong_and_the_right_one_is_named(barcode: str) -> None:
    """A person compares it with the label and sees which digit was mistyped."""
    wrong = barcode[:-1] + str((int(barcode[-1]) + 1) % 10)
    expected = f"barcode: {wrong} is no GTIN-{len(wrong)}, its last digit would have to be {barcode[-1]}"
    assert fault(wrong) == expected


@pytest.mark.parametrize(
    "code", ["", "X0017", "4006-38133393", "12345", "123456789", "٤٠١٧٠٧٢٥", "400638133393A"]
)
def test_the_shops_own_codes_are_taken_as_they_are(code: str) -> None:
    """Only digits in the length of a GTIN claim to be one."""
    assert not looks_like_gtin(code)
    assert fault(code) == ""
    assert comparable(code) == code


def test_the_same_article_has_one_number_however_it_is_written() -> None:
    """A UPC scanned with and without its leading zero must not become two articles."""
    assert comparable("036000291452") == comparable("0036000291452") == "00036000291452"


def published() -> dict[str, list]:
    return json.loads(PUBLISHED.read_text())


@needs(PUBLISHED)
def test_published_numbers_are_right() -> None:
    """Numbers that others checked, of every length up to the SSCC's 18 digits."""
    numbers = published()["valid"]
    assert numbers
    assert [check_digit(number[:-1]) for number in numbers] == [number[-1] for number in numbers]
    assert [fault(number) for number in numbers] == [""] * len(numbers)


@needs(PUBLISHED)
def test_published_wrong_numbers_are_wrong() -> None:
    """Those with a wrong check digit, and in the length of a GTIN, are faulty."""
    wrong = [
        case["value"]
        for case in published()["invalid"]
        if case["reason"] == "GS1_LINTER_INCORRECT_CHECK_DIGIT"
    ]
    assert wrong
    assert all(check_digit(number[:-1]) != number[-1] for number in wrong)
    assert all(fault(number) for number in wrong if looks_like_gtin(number))
