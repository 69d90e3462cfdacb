"""Personal data is found by its type, wherever it stands: nothing to remember when a field is added."""

from __future__ import annotations

from contracts.address import Address, Recipient
from contracts.catalogue import CATALOGUE
from contracts.examples import complete
from contracts.orders import OrderReceived
from contracts.personal import personal_places, personal_texts, with_personal, without_personal

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


def test_what_somebody_else_quotes_of_a_person_is_left_out() -> None:
    """A carrier's refusal is kept for ever; the street in it is not. Short words tell nobody apart."""
    said = "no street Lindenstraße 9 for Ada in DE; see as well"
    assert without_personal(said, ADA) == "no street ... for ... in DE; see as well"
    assert without_personal("to a@b.example", Recipient(name="a", email="a@b.example")) == "to ..."
