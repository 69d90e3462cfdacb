"""What is known of a customer, readable, for the customer (GDPR articles 15 and 20)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from chassis.clock import rfc3339, wall_clock
from chassis.keys.away import KeysAway
from chassis.keys.sealing import Key, key_id_of
from contracts.personal import ERASED, TOGETHER, Texts, opened_texts
from ops.console import CannotDo
from ops.history.timeline import UnknownOrder, timeline_of
from ops.personal.customer import Customer, find_customer, nobody
from ops.personal.keys import keys_of
from ops.personal.mails import mails_in, recipient_of
from ops.personal.messages import About, messages_about
from ops.stores import require_stores
from ops.system import System

NOT_STORED = "not in the stores"


async def export_customer(system: System, named: str) -> dict[str, Any]:
    """`{"addresses", "orders": [{"order_id", "state", "events"}], "messages": [{"channel", "topic", "received_at",
    "body"}], "mails": [text]}`: what their channels said of them, and what was made of it.

    Raises `CannotDo` where nothing is known of them, or not all of it can be read now.
    """
    require_stores(system)
    store = keys_of(system)
    try:
        customer = find_customer(system, store, named)
        messages = [_told(one) async for one in messages_about(system, store, customer, "export")]
        if not (customer.keys or customer.named or messages):
            raise nobody(named)
        keys = store.fetch(customer.keys, "export", rfc3339(wall_clock()))
    except KeysAway as away:
        raise CannotDo(str(away)) from away
    return {
        "addresses": sorted(customer.addresses),
        "orders": [exported_order(system, order, keys) for order in customer.orders],
        "messages": messages,
        "mails": _mails(system, customer),
    }


def exported_order(system: System, order_id: str, keys: Mapping[str, Key]) -> dict[str, Any]:
    """One that the key store knows may not be in the stores: a backup is older, or its webhook was cut off."""
    try:
        story = timeline_of(system, order_id).as_json()
    except UnknownOrder:
        return {"order_id": order_id, "state": NOT_STORED, "events": []}
    return {"order_id": order_id, "state": story["state"], "events": opened(story["events"], keys)}


def _told(about: About) -> dict[str, Any]:
    channel, _, topic = about.message.subject.partition("evt.channels.")[2].partition(".")
    try:
        body = json.loads(about.body)
    except (ValueError, RecursionError):
        body = about.body.decode(errors="replace")
    return {"channel": channel, "topic": topic, "received_at": rfc3339(about.message.time), "body": body}


def _mails(system: System, customer: Customer) -> list[str]:
    """What was written to them, where it is kept."""
    return [
        content.decode(errors="replace")
        for file in mails_in(system.data / "mail")
        if recipient_of(content := file.read_bytes()) in customer.addresses
    ]


def opened(node: Any, keys: Mapping[str, Key]) -> Any:
    """JSON with each sealed text readable; `ERASED` where no key of these opens it."""

    def read(text: str) -> str:
        key_id = key_id_of(text)
        if not key_id:
            return text
        return keys[key_id].open(text) if key_id in keys else ERASED

    if isinstance(node, dict):
        readable = _readable_texts(node, read)
        return {
            name: readable[name] if name in readable else opened(child, keys) for name, child in node.items()
        }
    if isinstance(node, list | tuple):
        return [opened(child, keys) for child in node]
    return read(node) if isinstance(node, str) else node


def _readable_texts(node: dict[str, Any], read: Callable[[str], str]) -> Texts:
    """The texts of a part that are sealed together."""
    texts = {
        name: child
        for name, child in node.items()
        if isinstance(child, str) and (child == TOGETHER or key_id_of(child))
    }
    return opened_texts(texts, read) if TOGETHER in texts.values() else {}
