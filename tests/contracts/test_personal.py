"""Personal data is found by its type, wherever it stands: nothing to remember when a field is added."""

from __future__ import annotations

import pytest

from contracts.address import Address, Recipient
from contracts.catalogue import CATALOGUE
from contracts.examples import complete
from contracts.orders import OrderReceived
from contracts.personal import (
    ERASED,
    TOGETHER,
    personal_places,
    personal_texts,
    with_opened,
    with_personal,
    with_sealed,
)

ADA = Address(name="Ada", line1="Lindenstraße 9", country="DE", region="BE", line2=" ")


def test_each_text_of_a_person_is_changed_and_nothing_else() -> None:
    """Blank ones stay blank: decisions only ask whether there is something."""
    assert with_personal(ADA, str.upper) == Address(
        name="ADA", line1="LINDENSTRASSE 9", country="DE", region="BE", line2=" "
    )
    assert list(personal_texts(ADA)) == ["Ada", "Lindenstraße 9"]


def test_it_is_found_at_any_depth_of_an_event() -> None:
    """An order has a customer, two addresses and a note."""
    event = OrderReceived.model_validate(complete(OrderReceived))
    hidden = with_personal(event, lambda _: "x")
    texts = list(personal_texts(hidden))
    assert set(texts) == {"x"}
    assert len(texts) == len(list(personal_texts(event))) == 17
    assert with_personal(event, lambda text: text) == event


def test_an_address_is_sealed_as_one_and_opened_to_what_it_was() -> None:
    """What was empty stays so, and what was not does not become so: rules ask whether there is a street."""
    sealed = with_sealed(ADA, lambda text: f"<{text}>")
    assert sealed == Address(
        name='<["Ada","Lindenstraße 9"]>', line1=TOGETHER, line2=" ", country="DE", region="BE"
    )
    assert with_opened(sealed, lambda text: text[1:-1]) == ADA
    gone = with_opened(sealed, lambda _: ERASED)
    assert list(personal_texts(gone)) == [ERASED, ERASED]


def test_a_recipient_is_sealed_text_by_text() -> None:
    """Billing hands the e-mail address on alone."""
    someone = Recipient(name="Ada", email="ada@example.com")
    sealed = with_sealed(someone, lambda text: f"<{text}>")
    assert (sealed.name, sealed.email) == ("<Ada>", "<ada@example.com>")
    assert with_opened(sealed, lambda text: text[1:-1]) == someone


@pytest.mark.parametrize("line1", [TOGETHER, "sealed.v1.k.AAAA", "[1]", '["x","y"]', "\x1f"])
def test_whatever_somebody_lives_in_comes_back(line1: str) -> None:
    """Nothing that a customer types is taken for our own marks; unsealed it is read as it is."""
    address = Address(name="Ada", line1=line1)
    sealed = with_sealed(address, lambda text: f"<{text}>")
    assert with_opened(sealed, lambda text: text[1:-1]) == address
    assert with_opened(address, lambda text: text) == address


def test_every_field_that_the_schemas_mark_is_found() -> None:
    """The published schemas and what is sealed come from the same mark: they may not drift apart."""
    marked = {
        entry.type
        for entry in CATALOGUE
        if '"x-personal"' in str(entry.model.model_json_schema()).replace("'", '"')
    }
    found = {
        entry.type
        for entry in CATALOGUE
        if personal_places(entry.model).texts or personal_places(entry.model).parts
    }
    assert found == marked
    assert "orders.OrderReceived.v1" in found
