"""I1 and I12: whatever a channel sent is decided, and whatever a service was told left its trace."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from chassis.bus import Bus
from chassis.declare import Message
from chassis.keys.bodies import DIGEST, SEALED
from chassis.keys.master import MasterKey
from chassis.keys.sqlite import SQLiteKeys
from contracts.orders import MessageRefused
from contracts.parking import REFUSALS
from ops.verify.bodies import Bodies
from tests.ops.house import broken
from tests.ops.true_story import due, history, until_payment
from tests.spec import NOON


async def test_a_message_that_nobody_decided_is_found(tmp_path: Path, bus: Bus) -> None:
    """Acknowledged to the channel, read by orders, and gone: the worst thing that can happen."""
    house = history()
    body = json.loads(house.messages[0][1])
    body["order"]["channel_order_id"] = "3"
    house.messages.append((house.messages[0][0], json.dumps(body).encode(), {}))
    found = await broken(house, tmp_path, bus)
    assert (
        found.pop("I1") == "evt.channels.shop.order_placed at CHANNELS/4: was read by orders and not decided"
    )
    assert found.keys() == {"I12"}
    assert found["I12"].startswith(
        "CHANNELS: 1 messages are neither decided nor parked nor pending; received "
    )
    assert " ≠ applied " in found["I12"]


async def test_a_message_that_orders_has_not_read_yet_is_no_fault(tmp_path: Path, bus: Bus) -> None:
    """While the system runs there is always something on its way."""
    house = history()
    house.messages.append(("evt.channels.shop.order_placed", b"{}", {}))
    house.behind["orders", "channels"] = 1
    assert await broken(house, tmp_path, bus) == {}


async def test_a_newer_version_of_a_known_order_counts_as_decided(tmp_path: Path, bus: Bus) -> None:
    """An older or repeated version changes nothing and leaves no event: the order being known is the outcome."""
    house = history()
    body = json.loads(house.messages[0][1])
    body["order"]["note"] = "please ring"
    house.messages.append((house.messages[0][0], json.dumps(body).encode(), {}))
    assert await broken(house, tmp_path, bus) == {}


async def test_a_message_that_was_changed_in_its_stream_is_found(tmp_path: Path, bus: Bus) -> None:
    """The digest of a body was taken as it came; whoever writes another one beside it, or another body, is seen."""
    house = history()
    subject, body, headers = house.messages[0]
    house.messages[0] = (subject, body, headers | {DIGEST: hashlib.sha256(body).hexdigest()})
    subject, body, headers = house.messages[1]
    house.messages[1] = (subject, body, headers | {DIGEST: hashlib.sha256(b"another").hexdigest()})
    found = await broken(house, tmp_path, bus)
    assert found == {"I1": "CHANNELS/2: is not what came: its digest is another"}


async def test_a_message_that_says_anything_of_its_key_holds_up_no_audit(tmp_path: Path) -> None:
    """Whoever may publish may say anything. Orders refused it; the digest is of something that nobody has."""
    store = SQLiteKeys(tmp_path / "keys" / "keys.sqlite", lambda: MasterKey(bytes(32)))
    (key,) = store.issue_bodies(["of another message"], "2026-11-21T12:00:00.000000Z")
    assert key is not None
    for sealed_with in ("of-another-system", key.id):
        said = {SEALED: sealed_with, DIGEST: "0" * 64}
        message = Message("CHANNELS", 1, "evt.channels.shop.order_placed", said, b"{}", NOON)
        left = await Bodies(store).readable(message)
        assert (left.data, dict(left.headers)) == (b"{}", {SEALED: sealed_with})


async def test_an_order_that_no_message_caused_is_found(tmp_path: Path, bus: Bus) -> None:
    """Nothing in orders may come from nowhere."""
    house = history()
    house.find("OrderReceived", "shop:1").cause = "inventory/sku/LAMP/1"
    found = await broken(house, tmp_path, bus)
    assert found["I1"].startswith("order/shop:1 at ORDERS 1: no message and no command caused it")


async def test_an_order_from_another_channel_than_its_message_is_found(tmp_path: Path, bus: Bus) -> None:
    """The message and the order made of it must tell the same story."""
    house = history()
    house.find("OrderReceived", "shop:2").facts["order"]["channel"] = "market"
    assert "names CHANNELS/2, which came from shop, not market" in (await broken(house, tmp_path, bus))["I1"]


async def test_orders_that_read_beyond_the_stream_are_found(tmp_path: Path, bus: Bus) -> None:
    """A stream that lost acknowledged messages must not look complete."""
    house = history()
    house.behind["orders", "channels"] = -5
    assert (await broken(house, tmp_path, bus))["I1"] == (
        "CHANNELS: orders has read up to 8, the stream ends at 3"
    )


LOST = [
    ("StockReserved", "shop:1", "inventory has applied this OrderAccepted"),
    ("StockDispatched", "shop:1", "inventory has applied this ParcelDispatched"),
    ("PaymentDue", "shop:1", "billing has applied this PaymentRequested and left no PaymentDue"),
    ("InvoiceIssued", "shop:1", "billing has applied this ParcelDispatched and left no InvoiceIssued"),
    ("FulfilmentPlanned", "shop:1", "shipping has applied this OrderReleased and left no FulfilmentPlanned"),
    ("PaymentConfirmed", "shop:2", "orders has applied this PaymentCaptured and left no PaymentConfirmed"),
    ("RefundConfirmed", "shop:2", "orders has applied this PaymentRefunded and left no RefundConfirmed"),
    ("InvoiceNoted", "shop:1", "orders has applied this InvoiceIssued and left no InvoiceNoted"),
    ("ParcelHandedOver", "shop:1", "orders has applied this ParcelDispatched and left no ParcelHandedOver"),
    ("ReservationReleased", "shop:2", "inventory has applied this OrderCancelled and left no Reservation"),
    (
        "RefundStarted",
        "shop:2",
        "billing has applied this OrderCancelled and left no PaymentClosed or Refund",
    ),
    ("NotificationSuppressed", "shop:2", "notify has applied this PaymentRefunded and left no Notification"),
]


@pytest.mark.parametrize(("name", "order_id", "said"), LOST, ids=[lost[0] for lost in LOST])
async def test_a_hand_over_without_a_trace_is_found(
    tmp_path: Path, bus: Bus, name: str, order_id: str, said: str
) -> None:
    """A consumer that moved its position past a message and did nothing has lost it."""
    house = history()
    house.drop(name, order_id)
    assert said in (await broken(house, tmp_path, bus))["I12"]


async def test_an_answer_of_the_stock_that_moves_no_order_is_found(tmp_path: Path, bus: Bus) -> None:
    """The order waits for an answer that its service says it has read."""
    house = history()
    due(house, "shop:3", until_payment(house, 3, "paid"))
    assert "I12" not in await broken(house, tmp_path / "whole", None)
    house.drop("PaymentRequested", "shop:3")
    house.drop("PaymentDue", "shop:3")
    assert (await broken(house, tmp_path / "lost", None))["I12"].startswith(
        "reservation/shop:3 at INVENTORY 8: orders has applied this StockReserved and left no PaymentRequested"
    )


async def test_an_answer_to_an_older_attempt_owes_nothing(tmp_path: Path, bus: Bus) -> None:
    """The order was accepted again meanwhile, and waits for that answer."""
    house = history()
    until_payment(house, 3, "paid")
    house.drop("PaymentRequested", "shop:3")
    house.repeat("OrderAccepted", "shop:3", attempt=2)
    house.behind["inventory", "orders"] = 1
    assert "I12" not in await broken(house, tmp_path, None)


async def test_a_message_lost_between_two_parcels_is_found(tmp_path: Path, bus: Bus) -> None:
    """One mail for each parcel: that of the first is no trace of the second."""
    house = history()
    house.repeat("ParcelDispatched", "shop:1", parcel_id="shop:1-p2")
    assert (
        "notify has applied this ParcelDispatched and left no NotificationQueued"
        in ((await broken(house, tmp_path, bus))["I12"])
    )


async def test_a_refused_message_of_a_channel_is_counted_once(tmp_path: Path, bus: Bus) -> None:
    """It is received on CHANNELS and parked there: nothing else may miss it."""
    house = history()
    house.messages.append(("evt.channels.shop.order_placed", b"{", {}))
    refused = MessageRefused(
        message="message/CHANNELS/4",
        stream="CHANNELS",
        stream_seq=4,
        subject="evt.channels.shop.order_placed",
        reason="not JSON",
        body_sha256="0" * 64,
        body_bytes=1,
    )
    house.say("message/CHANNELS/4", refused, "CHANNELS/4")
    verdict = (await house.audit(tmp_path, bus))["I12"]
    applied, parked, pending = map(int, re.findall(r"(?:applied|parked|pending) (\d+)", verdict.detail))
    assert verdict.holds
    assert (parked, pending) == (1, 0)
    assert verdict.detail == f"received {applied + 1} = applied {applied} + parked 1 + pending 0"


async def test_a_trace_is_not_asked_of_a_consumer_that_is_behind(tmp_path: Path, bus: Bus) -> None:
    """What billing has not applied yet is pending; but billing stands still here, and I10 says so."""
    house = history()
    house.drop("InvoiceIssued")
    house.drop("InvoiceNoted")
    house.behind["billing", "shipping"] = 1
    found = await broken(house, tmp_path, bus)
    assert list(found) == ["I10"]
    assert "billing: is 1 positions behind SHIPPING and stands still" in found["I10"]


async def test_a_parked_message_owes_no_trace(tmp_path: Path, bus: Bus) -> None:
    """Parked is an outcome: the message waits for a person, with its reason."""
    house = history()
    house.drop("InvoiceIssued")
    house.drop("InvoiceNoted")
    parked = REFUSALS["billing"].parked(
        message="parked/SHIPPING/2",
        stream="SHIPPING",
        stream_seq=2,
        subject="evt.shipping.parcel_dispatched.v1",
        type="shipping.ParcelDispatched.v1",
        reason="NothingToInvoice",
    )
    house.say("parked/SHIPPING/2", parked, "shipping/fulfilment/shop:1/2")
    verdicts = await house.audit(tmp_path, bus)
    assert verdicts["I12"].holds
    assert "+ parked 1 + pending 0" in verdicts["I12"].detail
