"""Escapes are taken off layer by layer, whatever a customer writes that looks like one."""

from __future__ import annotations

import pytest

from chassis.readings import readings


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "text",
    [
        "&#" + "9" * 4400 + ";",
        "&#x" + "f" * 4400 + ";",
        "a" + "\u0301\u0316" * 200_000,
        "\u20d0\u0301" * 100_000,
    ],
    ids=["digits", "hexadecimal", "marks", "other marks"],
)
def test_no_text_stops_whoever_reads_all_of_them(text: str) -> None:
    """To erase one customer every body is looked through: the first would raise, the last take minutes."""
    assert "ada@mail.example" in list(readings(f"{text} ADA&#64;mail.example"))[-1]
