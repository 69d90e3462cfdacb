"""What is known of a customer, readable, for the customer (GDPR articles 15 and 20)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chassis.clock import rfc3339, wall_clock
from chassis.keys.sealing import Key, key_id_of
from chassis.keys.store import KeysAway
from contracts.personal import ERASED, TOGETHER, Texts, opened_texts
from ops.console import CannotDo
from ops.history.timeline import timeline_of
from ops.personal.customer import find_customer
from ops.personal.keys import keys_of
from ops.personal.mails import PARTS, recipient_of
from ops.system import System


def export_customer(system: System, named: str) -> dict[str, Any]:
    """`{"addresses", "orders": [{"order_id", "state", "events"}], "mails": [text]}`. Raises `CannotDo`."""
    store = keys_of(system)
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
