"""A channel's message becomes an order, a return, nothing, or a refusal that a person can act on."""

from __future__ import annotations

import hashlib

from chassis.declare import Message
from contracts.channels import OrderPlaced, ReturnReported
from contracts.event import Event
from contracts.orders import MessageRefused, ReturnRecorded
from contracts.parking import REFUSALS
from services.orders.domain.messages import message_tags, return_tags
from services.orders.domain.policies import OrderPolicies
from services.orders.settings import ChannelSettings
from services.orders.wiring import declare, reader
from tests.orders.situations import ORDER, accepted, received
from tests.spec import NOON, Spec

CHANNELS = {"shop": ChannelSettings(kind="canonical"), "other": ChannelSettings(kind="shopify")}
service = declare(OrderPolicies(), reader(CHANNELS))
spec = Spec(service)


def message(topic: str, data: bytes, seq: int = 7) -> Message:
    return Message("CHANNELS", seq, f"evt.channels.shop.{topic}", {}, data, NOON)


PLACED = OrderPlaced(order=ORDER).to_bytes()
RETURN = ReturnReported(
    channel="shop", return_id="C1", reported_at=NOON, currency="EUR", lines=(), total_minor=-500
)


def refusal_of(data: bytes, reason: str) -> MessageRefused:
    return MessageRefused(
        message="message/CHANNELS/7",
        stream="CHANNELS",
        stream_seq=7,
        subject="evt.channels.shop.order_placed",
        reason=reason,
        body_sha256=hashlib.sha256(data).hexdigest(),
        body_bytes=len(data),
    )


def test_a_message_with_an_order_is_placed_like_any_other() -> None:
    """From the bus or over HTTP: the same path, and the same order again does nothing."""
    spec.when(message("order_placed", PLACED), message("order_placed", PLACED, 8)).then(
        received(), accepted()
    )


def test_a_return_without_its_order_is_recorded_once() -> None:
    """Counted and kept for a person; no stock moves for goods that nobody has seen."""
    after = spec.when(
        message("return_reported", RETURN.to_bytes()), message("return_reported", RETURN.to_bytes(), 8)
    )
    after.then(ReturnRecorded(return_id="shop:C1", report=RETURN))
    assert list(return_tags(after.state("return/shop:C1"))) == ["return=recorded"]


def test_a_message_that_cannot_be_read_is_refused_and_parked() -> None:
    """P8: kept byte for byte in its stream, with the reason, found by whoever can fix it."""
    after = spec.when(message("order_placed", b"not json"))
    (event,) = after.events
    assert isinstance(event, MessageRefused)
    assert event == refusal_of(b"not json", event.reason)
    assert "JSON" in event.reason
    assert list(message_tags(after.state("message/CHANNELS/7"))) == ["parked"]


def test_a_retry_that_is_refused_again_says_so() -> None:
    """The chassis takes an answer without refusal for success, so a second refusal must not be swallowed."""
    refused = message("order_placed", b"{}")
    first, second = spec.when(refused, refused).events
    assert first == second


def settled(how: type[Event]) -> list[str]:
    refused = refusal_of(b"x", "not JSON")
    done = how(message="message/CHANNELS/7", actor="mira", reason="fixed")  # type: ignore[call-arg]
    return list(message_tags(spec.given(refused, done).world.states["message/CHANNELS/7"]))


def test_a_message_that_was_applied_or_discarded_is_no_longer_parked() -> None:
    """The list shows what still needs a person."""
    assert settled(REFUSALS["orders"].retried) == []
    assert settled(REFUSALS["orders"].discarded) == []


def test_a_message_names_the_one_state_it_needs() -> None:
    """So that a batch of them is loaded in one read; a message read ahead is decided all the same."""
    step = service.on_raw
    assert step is not None
    placed, returned = message("order_placed", PLACED), message("return_reported", RETURN.to_bytes(), 8)
    assert list(step.needs(placed)) == ["order/shop:1001"]
    assert list(step.needs(returned)) == ["return/shop:C1"]
    assert list(step.needs(message("order_placed", b"x", 9))) == ["message/CHANNELS/9"]
    assert list(step.then(placed, spec.given().world)) == [received(), accepted()]
