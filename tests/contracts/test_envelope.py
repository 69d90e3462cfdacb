"""The envelope: complete, exact both ways, and closed to smuggled headers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.envelope import ATTRIBUTES, Envelope, NotAnEnvelope, header_value

WHOLE = Envelope(
    id="orders/order/shopify:1001/3",
    type="orders.OrderAccepted.v1",
    source="/doorstep/default/orders",
    subject="order/shopify:1001",
    time=datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC),
    sequence=17,
    previous=16,
    correlation_id="CHANNELS/17",
    causation_id="CHANNELS/17",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    continues=True,
)
OPTIONAL = {"ce-correlationid", "ce-causationid", "traceparent", "ce-continues"}
TEXT_FIELDS = ("id", "type", "source", "subject", "correlation_id", "causation_id", "traceparent")


def test_every_attribute_is_a_header() -> None:
    """The list that the documentation shows is the list on the wire."""
    headers = WHOLE.to_headers()
    assert headers.keys() == ATTRIBUTES.keys()
    assert headers["ce-time"] == "2026-11-21T12:00:00.123456Z"
    assert (headers["ce-sequence"], headers["ce-previous"]) == ("17", "16")


def test_what_is_not_known_is_left_out() -> None:
    """An empty header is no information."""
    bare = replace(WHOLE, correlation_id="", causation_id="", traceparent="", continues=False)
    assert bare.to_headers().keys() == ATTRIBUTES.keys() - OPTIONAL
    assert Envelope.from_headers(bare.to_headers()) == bare


@pytest.mark.parametrize(
    "name",
    sorted(ATTRIBUTES.keys() - OPTIONAL - {"datacontenttype"}),
)
def test_a_missing_header_is_named(name: str) -> None:
    """Whoever reads the park sees what the publisher forgot."""
    headers = WHOLE.to_headers()
    del headers[name]
    with pytest.raises(NotAnEnvelope, match=f"{name} is missing"):
        Envelope.from_headers(headers)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ce-specversion", "0.3"),
        ("ce-time", "yesterday"),
        ("ce-time", "2026-11-21T12:00:00"),
        ("ce-sequence", "-1"),
        ("ce-sequence", "1.5"),
        ("ce-previous", "²"),
        ("ce-subject", "a\r\nce-type: x"),
        ("ce-id", "a%0d%0ab"),
        ("traceparent", "\x00"),
    ],
)
def test_a_wrong_header_is_named(name: str, value: str) -> None:
    """It is refused, not guessed."""
    with pytest.raises(NotAnEnvelope, match=name):
        Envelope.from_headers(WHOLE.to_headers() | {name: value})


@pytest.mark.parametrize("field", TEXT_FIELDS)
@pytest.mark.parametrize("value", ["a\r\nce-type: evil", "a\nb", "a\x00", "\x7f", "\x85"])
def test_control_characters_never_reach_a_header(field: str, value: str) -> None:
    """A SKU or a file name must not be able to add a header."""
    with pytest.raises(NotAnEnvelope, match="control character"):
        replace(WHOLE, **{field: value}).to_headers()


def test_other_scripts_and_spaces_are_percent_encoded() -> None:
    """As the CloudEvents bindings have it: any client library can read them."""
    assert header_value("ce-subject", "sku/Lämpchen 100 %") == "sku/L%C3%A4mpchen%20100%20%25"


def test_a_time_of_another_zone_is_written_in_utc() -> None:
    """One clock on the wire."""
    cet = timezone(timedelta(hours=1))
    envelope = replace(WHOLE, time=datetime(2026, 11, 21, 13, 0, tzinfo=cet))
    assert envelope.to_headers()["ce-time"] == "2026-11-21T12:00:00Z"
    with pytest.raises(NotAnEnvelope, match="without a zone"):
        replace(WHOLE, time=datetime(2026, 11, 21)).to_headers()  # noqa: DTZ001 - the fault under test


WRITABLE = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=60)


@given(
    values=st.tuples(*[WRITABLE] * len(TEXT_FIELDS)),
    time=st.datetimes(timezones=st.just(UTC)),
    sequence=st.integers(1, 2**63),
)
def test_what_goes_on_the_wire_comes_back(values: tuple[str, ...], time: datetime, sequence: int) -> None:
    """Exactly, for every name in every script; and every header is printable ASCII."""
    envelope = replace(
        WHOLE,
        **dict(zip(TEXT_FIELDS, values, strict=True)),
        time=time,
        sequence=sequence,
        previous=sequence - 1,
    )
    headers = envelope.to_headers()
    assert all(value.isascii() and value.isprintable() for value in headers.values())
    assert Envelope.from_headers(headers) == envelope
