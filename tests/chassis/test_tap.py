"""Headers off the wire: the common form quickly, anything else without harm."""

from __future__ import annotations

import pytest

from chassis.tap import Delivery


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (b"NATS/1.0\r\nce-id: a: b\r\nce-type: t\r\n\r\n", {"ce-id": "a: b", "ce-type": "t"}),
        (
            b"NATS/1.0\r\nname:tight\r\nempty:\r\nce-type: t\r\n\r\n",
            {"name": "tight", "empty": "", "ce-type": "t"},
        ),
        (b"NATS/1.0\r\nbroken line\r\nce-type: t\r\n\r\n", {"ce-type": "t"}),
        (b"NATS/1.0\r\n\r\n", {}),
        (b"", {}),
    ],
)
def test_headers_are_read_however_they_are_written(block: bytes, expected: dict[str, str]) -> None:
    """A foreign publisher may leave out the space, the value, or sense; its message must still be readable."""
    assert Delivery(b"s", b"r", b"", block).headers == expected


@pytest.mark.parametrize(
    ("block", "status"),
    [
        (b"NATS/1.0 408 Request Timeout\r\n\r\n", "408"),
        (b"NATS/1.0 100 Idle\r\n\r\n", "100"),
        (b"NATS/1.0\r\na: b\r\n\r\n", ""),
    ],
)
def test_the_servers_own_words_are_told_from_messages(block: bytes, status: str) -> None:
    """A pull that ran out must not be mistaken for a message."""
    assert Delivery(b"s", b"r", b"", block).status == status
