"""What a service that was taken over could try through reply subjects, which nats-server does not check.

Whatever a user may ask for, it can have answered on any subject: JetStream would put a message of the attacker's own
making there, by a request for a message that the attacker has stored in its own stream.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from contracts.catalogue import STREAMS
from contracts.parking import SERVICES
from tests.deploy.attempts import reads

ATTACKER = "billing"
OWN_EVENT = "evt.billing.payment_due.v1"
OWN_STREAM, READ_STREAM = STREAMS[ATTACKER], "ORDERS"
FORGED = b'{"order_id":"shopify:1001","reason":"forged","actor":"nobody"}'
FORGED_HEADERS = {
    "ce-type": "orders.OrderCancelled.v1",
    "ce-id": "orders/order/shopify:1001/9",
    "ce-sequence": "2",
    "ce-previous": "1",
}


class Request(NamedTuple):
    """Something that the attacker may ask for, and what the server would answer on the reply subject."""

    name: str
    subject: str
    body: bytes


class Target(NamedTuple):
    """A reply subject that is not the attacker's, and the body with which it would do harm."""

    subject: str
    body: bytes = b""


def requests(stored: int) -> Iterator[Request]:
    """Every kind of answer that the server gives; `stored` is where the attacker's own message lies in its stream."""
    yield Request("an acknowledgement", OWN_EVENT, FORGED)
    yield Request(
        "a stored message", f"$JS.API.DIRECT.GET.{OWN_STREAM}", json.dumps({"seq": stored}).encode()
    )
    yield Request("a description", f"$JS.API.STREAM.INFO.{OWN_STREAM}", b"")
    pull = json.dumps({"batch": 1, "no_wait": True}).encode()
    yield Request("a delivery", f"$JS.API.CONSUMER.MSG.NEXT.{READ_STREAM}.{ATTACKER}", pull)


def into_streams() -> Iterator[Target]:
    """Other producers' subjects: a message there would be an event that its producer never said."""
    for producer in STREAMS:
        if producer != ATTACKER:
            yield Target(f"evt.{producer}.forged.v1", FORGED)
    yield Target("evt.orders.order_cancelled.v1", FORGED)


def into_the_api() -> Iterator[Target]:
    """Requests that the attacker may not make itself."""
    for stream in STREAMS.values():
        yield Target(f"$JS.API.STREAM.DELETE.{stream}")
        yield Target(f"$JS.API.STREAM.PURGE.{stream}")
    mine = {"name": "MINE", "subjects": ["mine.>"], "storage": "memory"}
    yield Target("$JS.API.STREAM.CREATE.MINE", json.dumps(mine).encode())
    for stream in STREAMS.values():
        for service in SERVICES:
            if service != ATTACKER and reads(service, stream):
                yield Target(f"$JS.API.CONSUMER.DELETE.{stream}.{service}")
                yield Target(f"$JS.API.CONSUMER.RESET.{stream}.{service}", b'{"seq":1}')
                yield Target(f"$JS.ACK.{stream}.{service}.1.1.1.1700000000000000000.0", b"+ACK")
