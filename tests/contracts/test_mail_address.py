"""Whose address it is, however it is written."""

from __future__ import annotations

import pytest

from contracts.mail_address import is_mail_address, one_address

ADA = "ada@shop.example"


@pytest.mark.parametrize(
    "written",
    [
        ADA,
        " Ada@Shop.Example ",
        "ada@shop.example.",
        "mailto:ada@shop.example",
        "MAILTO:ada@shop.example",
        "<ada@shop.example>",
        "Ada Byron <ada@shop.example>",
        '"Byron, Ada" <Ada@shop.example>',
        "Ada <mailto:ada@shop.example>",
    ],
)
def test_an_address_is_one_however_it_is_written(written: str) -> None:
    """Whoever is erased by one of them is erased by all."""
    assert one_address(written) == ADA


@pytest.mark.parametrize(
    "written", ["", "ada", "@shop.example", "ada@", "<>", "<<ada@shop.example>>", "a <b> <c@d.example>", "."]
)
def test_what_is_no_address_does_not_become_one(written: str) -> None:
    assert not is_mail_address(one_address(written))


def test_a_domain_of_any_script_is_one() -> None:
    assert one_address("Ada <ada@MÜLLER.example.>") == one_address("ada@xn--mller-kva.example")
