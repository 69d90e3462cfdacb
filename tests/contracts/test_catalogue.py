"""The one table: complete, unambiguous, and without personal data where everyone can read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from contracts import inventory, orders
from contracts.catalogue import (
    BY_TYPE,
    CATALOGUE,
    STREAMS,
    Entry,
    UnknownEvent,
    decode,
    sources_of,
    subject_of,
)
from contracts.event import Event
from contracts.generate import golden, schema_of
from contracts.parking import SERVICES
from contracts.upcasters import UPCASTERS, newest

TYPES = [entry.type for entry in CATALOGUE]
PERSONAL_NAMES = re.compile(r"\b(name|email|phone|line1|line2|company|postcode|city)\b")


def subclasses(model: type[Event]) -> Iterator[type[Event]]:
    for child in model.__subclasses__():
        yield child
        yield from subclasses(child)


def test_every_event_is_in_the_catalogue() -> None:
    """An event that is not listed has no subject, no schema and no golden message."""
    declared = {child for child in subclasses(Event) if child.TYPE and not child.TYPE.startswith("*")}
    ours = {child for child in declared if child.__module__.startswith("contracts.")}
    assert ours == {entry.model for entry in CATALOGUE}


def test_no_type_and_no_subject_is_used_twice() -> None:
    """Consumers tell events apart by nothing else."""
    assert len(set(TYPES)) == len(TYPES)
    assert len({entry.subject for entry in CATALOGUE}) == len(CATALOGUE)


@pytest.mark.parametrize("entry", CATALOGUE, ids=TYPES)
def test_names_are_well_formed(entry: Entry) -> None:
    """`<producer>.<Name>.v<N>`, a subject of plain tokens, consumers that exist."""
    assert re.fullmatch(rf"({'|'.join(STREAMS)})\.[A-Z][A-Za-z0-9]+\.v[1-9][0-9]*", entry.type)
    assert re.fullmatch(r"evt\.[a-z]+\.[a-z0-9_]+\.v[0-9]+", entry.subject)
    assert set(entry.consumers) <= set(SERVICES) - {entry.producer}
    assert (entry.model.__doc__ or "").strip().endswith((".", ")", "`"))


def test_a_subject_says_the_event_in_snake_case() -> None:
    """As the architecture page has it."""
    assert subject_of("orders.OrderAccepted.v1") == "evt.orders.order_accepted.v1"
    assert subject_of("inventory.AvailabilityChanged.v2") == "evt.inventory.availability_changed.v2"


def test_a_subject_is_made_of_the_type_alone() -> None:
    """Subjects are seen by everyone who may monitor the bus: no ids, no personal data, whatever the event holds."""
    for entry in CATALOGUE:
        assert entry.subject == subject_of(entry.type)
        assert not PERSONAL_NAMES.search(entry.subject)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reads_exactly_what_it_is_listed_for(service: str) -> None:
    """Its filters are its entries' subjects in every version, known or not yet; and of CHANNELS everything."""
    listed = {
        f"{entry.subject.rpartition('.')[0]}.*"
        for entry in CATALOGUE
        if service in entry.consumers and entry.producer != "channels"
    }
    sources = sources_of(service)
    assert {
        subject for stream, found in sources.items() if stream != "CHANNELS" for subject in found
    } == listed
    assert sources.get("CHANNELS", ("evt.channels.>",)) == ("evt.channels.>",)


@pytest.mark.parametrize("unknown", ["orders.OrderAccepted.v99", "orders.Nonsense.v1", ""])
def test_an_unknown_type_is_never_guessed(unknown: str) -> None:
    """It is parked by whoever reads it, until a release knows it."""
    with pytest.raises(UnknownEvent, match=repr(unknown)):
        decode(unknown, b"{}")


def test_a_wrong_shape_names_the_field() -> None:
    """The park shows what to fix."""
    with pytest.raises(ValidationError, match="order_id"):
        decode("orders.OrderFulfilled.v1", b'{"order_id": "no colon"}')


def test_the_first_version_of_availability_is_read_as_the_second() -> None:
    """The mechanism: nothing above `decode` ever sees an old version."""
    (minimal,) = (
        data for name, data in golden("inventory.AvailabilityChanged.v1").items() if name == "minimal"
    )
    old = inventory.AvailabilityChangedV1.model_validate_json(minimal)
    assert decode("inventory.AvailabilityChanged.v1", minimal) == inventory.AvailabilityChanged(
        sku=old.sku, available=old.available, on_hand=old.available, reserved=0
    )


def test_upcasters_lead_to_the_newest_version_and_stop() -> None:
    """No circle, and the newest is left alone."""
    assert set(UPCASTERS) <= {entry.model for entry in CATALOGUE}
    fulfilled = orders.OrderFulfilled(order_id="shopify:1")
    assert newest(fulfilled) is fulfilled
    for old in UPCASTERS:
        message = golden(old.TYPE)["minimal"]
        assert type(decode(old.TYPE, message)) not in UPCASTERS


def marked(schema: dict[str, Any]) -> set[str]:
    """`<type>.<field>` of each field with `x-personal`."""
    found = set()
    for shape in (schema, *schema.get("$defs", {}).values()):
        for name, field in shape.get("properties", {}).items():
            if field.get("x-personal"):
                found.add(f"{shape['title']}.{name}")
    return found


ADDRESS = {f"Address.{name}" for name in ("name", "company", "line1", "line2", "city", "postcode", "phone")}
RECIPIENT = {"Recipient.name", "Recipient.email"}


def test_personal_data_is_marked_in_the_schema() -> None:
    """Encryption and erasure find their fields here; they need no list of their own."""
    released = schema_of(BY_TYPE["orders.OrderReleased.v1"])
    assert marked(released) == ADDRESS | RECIPIENT
    assert marked(schema_of(BY_TYPE["orders.OrderAccepted.v1"])) == RECIPIENT
    assert marked(schema_of(BY_TYPE["inventory.StockReserved.v1"])) == set()


def test_every_field_that_sounds_personal_is_marked() -> None:
    """A new field called `email` that is not marked fails here."""
    for entry in CATALOGUE:
        schema = schema_of(entry)
        for shape in (schema, *schema.get("$defs", {}).values()):
            if shape.get("title") in UNPERSONAL:
                continue
            sounding = {name for name in shape.get("properties", {}) if PERSONAL_NAMES.fullmatch(name)}
            assert {f"{shape['title']}.{name}" for name in sounding} <= marked(schema), entry.type


UNPERSONAL = frozenset({"Seller"})
"""Shapes whose `name` or `city` is the shop's own, printed on every invoice."""
