"""A key that stands twice is found wherever it stands, and nothing else is taken for one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.decoding import UnreadableEvent, decode, decode_received
from chassis.repeated_keys import RepeatedKey, refuse_repeated_keys

TEXT = st.text(max_size=12) | st.sampled_from(['":', "a:b", "\\u003a", '\\":', " :", "12:30:00"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
WAYS_TO_WRITE = st.fixed_dictionaries(
    {
        "ensure_ascii": st.booleans(),
        "separators": st.sampled_from([(",", ":"), (", ", ": "), (" ,", " : "), (",\n", "\t:\r\n")]),
    }
)


def written(value: Any, how: dict[str, Any]) -> bytes:
    return json.dumps(value, **how).encode("utf-8", "replace")


@given(VALUES, WAYS_TO_WRITE)
def test_whatever_has_no_repeats_passes(value: Any, how: dict[str, Any]) -> None:
    """However it is written: colons in texts and spaces around them are no keys."""
    refuse_repeated_keys(written(value, how))


@given(VALUES, VALUES, TEXT, WAYS_TO_WRITE)
def test_a_repeat_is_found_at_whatever_depth(first: Any, second: Any, key: str, how: dict[str, Any]) -> None:
    """The second may equal the first: even so a reader cannot know what was meant."""
    colon = how["separators"][1].encode()
    name = written(key, how)
    twice = b"{" + name + colon + written(first, how) + b"," + name + colon + written(second, how) + b"}"
    with pytest.raises(RepeatedKey, match="stands twice in one object"):
        refuse_repeated_keys(b'{"a":[1,{"b":' + twice + b"}]}")


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"\\u0061":2}',
        b'{"a":1,"a":"\\u003a"}',
        b'{"a":1,"a":"\\u003A"}',
        b'{"a":"x","a":{"b":{}}}',
        b'{"a:":1,"a\\u003a":1}',
    ],
)
def test_an_escape_hides_no_repeat(data: bytes) -> None:
    """Two spellings of one key are one key; an escaped colon does not make up for a lost one."""
    with pytest.raises(RepeatedKey):
        refuse_repeated_keys(data)


@pytest.mark.parametrize(
    ("key", "named"),
    [
        (b"total_price", "'total_price'"),
        (b"x" * 5000, "a text of 5000 characters"),
        (b"Frau Qzkan Musterstr 1", "a text of 22 characters"),
        (b"+491708106810", "a text of 13 characters"),
    ],
)
def test_a_key_is_named_that_is_nobody(key: bytes, named: str) -> None:
    """Whoever sent it has to find it; a reason stays for ever, and is no place for a body or a person."""
    with pytest.raises(RepeatedKey, match=f"^key {named} stands twice"):
        refuse_repeated_keys(b'{"%s":1,"%s":2}' % (key, key))


@pytest.mark.parametrize("data", [b"", b"{", b'{"a":1,}', b"\xff", b'{"a":1}{"a":1}'])
def test_what_is_no_json_is_left_to_its_reader(data: bytes) -> None:
    """Its reader says where it is wrong."""
    refuse_repeated_keys(data)


def test_what_is_too_deep_to_be_looked_at_is_not_believed() -> None:
    """Nobody nests an order a hundred thousand times."""
    with pytest.raises(RepeatedKey, match="too deeply"):
        refuse_repeated_keys(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)


def test_an_event_from_the_bus_is_not_read_by_its_last_key() -> None:
    """In our own store it cannot be: what is there was checked, or written by us."""
    event_type, data = "orders.OrderFulfilled.v1", b'{"order_id":"shop:1","order_id":"shop:2"}'
    assert decode(event_type, data)
    with pytest.raises(UnreadableEvent, match="'order_id' stands twice"):
        decode_received(event_type, data)
