"""I1: every message on CHANNELS that orders has read is decided, and nothing in orders came from nowhere.

A message is decided if an event names it as its cause (an order, a return, a refusal, a park), or if it only
repeats what is known: the channel's message id came before, or its body is about an order that was received.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import orjson

from chassis.batch import StoredEvent
from chassis.causes import cause_of
from chassis.declare import Message
from chassis.keys.bodies import DIGEST
from ops.verify.evidence import Facts, spot
from ops.verify.scan import Reader
from ops.verify.verdict import Tally, Verdict

WRAPPERS = ("order", "data", "orders", "report")
RAW_CAUSE = re.compile(r".*CHANNELS/(\d+)")
TOPICS = frozenset((
    "order_placed", "return_reported",
    "orders_create", "orders_updated", "orders_paid", "orders_cancelled",
    "orders_fulfilled", "orders_partially_fulfilled",
    "order_created", "order_updated", "order_restored", "order_deleted",
))  # fmt: skip
"""Topics of which every message must be decided, whatever the kind of channel."""

BEGINNINGS = ("OrderReceived", "ReturnRecorded", "MessageRefused")
"""Events that only a message (or a person's command) can begin."""


class ChannelMessages:
    """Hears first all of orders' events, then the messages, in order. `accounted` counts those that need no more."""

    def __init__(self, read_until: int | None) -> None:
        self.read_until, self.accounted = read_until or 0, 0
        self._read_until = read_until
        self._tally = Tally("I1")
        self._decided: set[int] = set()
        self._known: set[str] = set()
        self._heard: set[bytes] = set()
        self._named: dict[int, tuple[str, str]] = {}
        self._last = self._passed_over = 0
        self.reads: dict[str, Reader] = {
            "orders.OrderReceived.v1": self._received,
            "orders.ReturnRecorded.v1": self._returned,
            **{f"orders.{name}.v1": self._from_somewhere for name in BEGINNINGS[2:]},
        }

    def witness(self, service: str, event: StoredEvent) -> None:
        """Note which messages orders' events name as their cause."""
        if service == "orders" and (raw := RAW_CAUSE.fullmatch(cause_of(event))):
            self._decided.add(int(raw[1]))

    def _received(self, event: StoredEvent, facts: Facts) -> None:
        self._known.add(facts["order_id"])
        self._from_somewhere(event, facts)
        if raw := RAW_CAUSE.fullmatch(cause_of(event)):
            self._named[int(raw[1])] = (facts["order"]["channel"], spot(event))

    def _returned(self, event: StoredEvent, facts: Facts) -> None:
        self._known.add(f"{facts['report']['channel']}:{facts['report']['return_id']}")
        self._from_somewhere(event, facts)

    def _from_somewhere(self, event: StoredEvent, _: Facts) -> None:
        cause = cause_of(event)
        asked = cause.startswith("command/") or RAW_CAUSE.fullmatch(cause) is not None
        self._tally.check(asked, spot(event), f"no message and no command caused it (its cause is {cause!r})")

    def hear(self, message: Message) -> None:
        """One message of CHANNELS, in order."""
        self._last = message.stream_seq
        if not _is_what_came(message):
            self._tally.fault(message.id, "is not what came: its digest is another")
        channel = message.subject.split(".")[-2]
        said_before = _identities(channel, message)
        decided = message.stream_seq in self._decided or not said_before.isdisjoint(self._heard)
        decided = decided or _subject_of_body(channel, message) in self._known
        if decided or _may_carry_an_order(message):
            self._tally.check(
                decided, f"{message.subject} at {message.id}", "was read by orders and not decided"
            )
        else:
            self._passed_over += 1
        self.accounted += decided or not _may_carry_an_order(message)
        self._heard |= said_before
        if message.stream_seq in self._named:
            named, where = self._named[message.stream_seq]
            self._tally.check(
                named == channel, where, f"names {message.id}, which came from {channel}, not {named}"
            )

    def conclude(self) -> Iterable[Verdict]:
        """Every message that orders counts as read must have been there to hear."""
        if self._read_until is None:
            self._tally.fault("CHANNELS", "not checked: the bus is away")
        elif self._last < self._read_until:
            self._tally.fault(
                "CHANNELS", f"orders has read up to {self._read_until}, the stream ends at {self._last}"
            )
        if self._passed_over:
            self._tally.notes.append(f"{self._passed_over} of topics that carry no order")
        return (self._tally.verdict(),)


def _is_what_came(message: Message) -> bool:
    """As far as it can be read still: the digest of its body was taken as it came."""
    digest = message.headers.get(DIGEST)
    return digest is None or digest == hashlib.sha256(message.data).hexdigest()


def _may_carry_an_order(message: Message) -> bool:
    """Whether the topic brings orders or returns; other topics of a channel are stored, and nothing follows."""
    topic = message.subject.rpartition(".")[2]
    return topic in TOPICS and not (topic == "order_deleted" and b"line_items" not in message.data)


def _identities(channel: str, message: Message) -> set[bytes]:
    """What makes two messages the same: the channel's message id, or the same body on the same subject."""
    found = {_short(message.subject.encode(), message.data)}
    if message_id := message.headers.get("doorstep-message-id"):
        found.add(_short(channel.encode(), message_id.encode()))
    return found


def _short(*parts: bytes) -> bytes:
    return blake2b(b"\0".join(parts), digest_size=12).digest()


def _subject_of_body(channel: str, message: Message) -> str:
    """The order or return that a body is about, by the field with the channel's id; empty if it has none."""
    try:
        order = _unwrapped(orjson.loads(message.data))
    except orjson.JSONDecodeError:
        return ""
    for field in ("channel_order_id", "return_id", "id"):
        if field in order:
            return f"{order.get('channel') or channel}:{order[field]}"
    return ""


def _unwrapped(body: Any) -> Facts:
    """The object inside `{"order": …}`, `{"data": …}` or a list of one."""
    while not isinstance(body, dict) or "line_items" not in body:
        inner = body if isinstance(body, list) else [body[name] for name in WRAPPERS if name in body]
        if len(inner) != 1 or not isinstance(inner[0], dict | list):
            break
        body = inner[0]
    return body if isinstance(body, dict) else {}
