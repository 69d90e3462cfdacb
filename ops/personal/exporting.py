"""What is known of a customer, readable, for the customer (GDPR articles 15 and 20)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chassis.clock import rfc3339, wall_clock
from chassis.key_ring import ERASED
from chassis.key_store import KeysAway
from chassis.personal_data import key_store
from chassis.sealing import Key, key_id_of
from ops.console import CannotDo
from ops.personal.customer import find_customer
from ops.personal.mails import PARTS, recipient_of
from ops.system import System
from ops.timeline import timeline_of


def export_customer(system: System, named: str) -> dict[str, Any]:
    """`{"addresses", "orders": [{"order_id", "state", "events"}], "mails": [text]}`. Raises `CannotDo`."""
    store = key_store(system.data)
    try:
        customer = find_customer(system, store, named)
        keys = store.fetch(customer.keys, "export", rfc3339(wall_clock()))
    except KeysAway as away:
        raise CannotDo(str(away)) from away
    stories = [timeline_of(system, order).as_json() for order in customer.orders]
    mails = [
        content
        for part in PARTS[1:]
        for file in sorted((system.data / "mail" / part).glob("*"))
        if recipient_of(content := file.read_bytes()) in customer.addresses
    ]
    return {
        "addresses": sorted(customer.addresses),
        "orders": [
            {"order_id": story["order_id"], "state": story["state"], "events": opened(story["events"], keys)}
            for story in stories
        ],
        "mails": [mail.decode(errors="replace") for mail in mails],
    }


def opened(node: Any, keys: Mapping[str, Key]) -> Any:
    """JSON with each sealed text readable; `ERASED` where no key of these opens it."""
    if isinstance(node, dict):
        return {name: opened(child, keys) for name, child in node.items()}
    if isinstance(node, list | tuple):
        return [opened(child, keys) for child in node]
    if isinstance(node, str) and (key_id := key_id_of(node)):
        return keys[key_id].open(node) if key_id in keys else ERASED
    return node
