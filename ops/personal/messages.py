"""The channels' own messages that are about a customer: those their orders were read from, and others that name them.

Nobody knows of a message that brought no order whose it is: refused ones, changes of a customer's account, refunds,
baskets that were left. So each is opened and looked into for an e-mail address of theirs, in whatever way JSON, a form
or a link writes it, and for the id of one of their orders.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from chassis.bus import Bus, BusAway
from chassis.clock import rfc3339, wall_clock
from chassis.declare import Message
from chassis.keys.away import NoSuchKey
from chassis.keys.bodies import SEALED
from chassis.keys.sealing import Key, NotSealed
from chassis.keys.store import KeyStore
from chassis.readings import readings
from ops.bus_access import connected
from ops.console import CannotDo
from ops.personal.customer import Customer
from ops.system import System

CHANNELS = "CHANNELS"
TOGETHER = 256
"""Messages whose keys are fetched at once."""
BEGINS, ENDS = r"(?<![\w.+-])", r"(?![\w-]|\.\w)"
"""So that `ada@shop.example` is not found in `nada@shop.example`, nor in `ada@shop.example.org`."""
ESCAPE = "\\"
ORDER_FIELD = "order_id"
GLOBAL_ID = "gid://shopify/Order/"
ORDER_TOPICS = "order"
"""A topic that begins so is about the order that its `id` names; in others that is the id of something else."""


@dataclass(frozen=True, slots=True)
class About:
    """A message about a customer. `lock` is the key of its body, empty where it was published unsealed."""

    message: Message
    lock: str
    body: bytes


async def messages_about(
    system: System, store: KeyStore, customer: Customer, who: str
) -> AsyncIterator[About]:
    """Every message about them that can be read still, oldest first. Raises `CannotDo` where the bus is away."""
    search = Search(store, customer, who)
    try:
        async with connected(system, who) as bus:
            async for together in _batches(bus):
                for found in search.among(together):
                    yield found
    except BusAway as away:
        raise CannotDo(f"{away}: the channels' messages could not be searched for this customer") from None


async def _batches(bus: Bus) -> AsyncIterator[list[Message]]:
    together: list[Message] = []
    async for message in bus.read(CHANNELS):
        together.append(message)
        if len(together) == TOGETHER:
            yield together
            together = []
    yield together


class Search:
    """Looks for one customer."""

    def __init__(self, store: KeyStore, customer: Customer, who: str) -> None:
        self._store = store
        self._who = who
        self._theirs = frozenset((*customer.bodies, *customer.named))
        self._tied = store.tied()
        self._address = _pattern(customer.addresses)
        self._domains = {address.rpartition("@")[2] for address in customer.addresses if address}
        self._orders: dict[str, set[str]] = {}
        for order in customer.orders:
            channel, _, number = order.partition(":")
            self._orders.setdefault(channel, set()).add(number)

    def among(self, messages: Sequence[Message]) -> Iterator[About]:
        """Those about the customer. One that nobody can open, whatever the reason, is about nobody."""
        open_to_us = [
            (message, lock)
            for message in messages
            if (lock := message.headers.get(SEALED, "")) in self._theirs or lock not in self._tied
        ]
        keys = self._keys({lock for _, lock in open_to_us if lock})
        for message, lock in open_to_us:
            body = _opened(message, keys.get(lock)) if lock else message.data
            if body and (lock in self._theirs or self._is_named(message.subject, body)):
                yield About(message, lock, body)

    def _keys(self, locks: set[str]) -> dict[str, Key]:
        """The keys that there are: a message may be of another system, or say anything of its key."""
        while locks:
            try:
                return self._store.fetch(locks, self._who, rfc3339(wall_clock()))
            except NoSuchKey as unknown:
                locks = locks - unknown.key_ids
        return {}

    def _is_named(self, subject: str, body: bytes) -> bool:
        text = body.decode(errors="replace")
        if self._is_address_in(text):
            return True
        channel, _, topic = subject.partition("evt.channels.")[2].partition(".")
        numbers = self._orders.get(channel, set())
        if not numbers or not (ESCAPE in text or ORDER_FIELD in text or topic.startswith(ORDER_TOPICS)):
            return False
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            return False
        if topic.startswith(ORDER_TOPICS) and isinstance(said, dict) and str(said.get("id")) in numbers:
            return True
        return any(
            field.endswith(ORDER_FIELD) and str(value).removeprefix(GLOBAL_ID) in numbers
            for field, value in _values(said)
        )

    def _is_address_in(self, text: str) -> bool:
        """Most texts do not have so much as the domain, which is quicker to see."""
        return any(
            any(map(reading.__contains__, self._domains)) and self._address.search(reading)
            for reading in readings(text)
        )


def _pattern(addresses: Collection[str]) -> re.Pattern[str]:
    """Finds any of them in a text in small letters; finds nothing where there are none."""
    said = "|".join(map(re.escape, sorted(filter(None, addresses))))
    return re.compile(f"{BEGINS}(?:{said}){ENDS}" if said else r"(?!)")


def _opened(message: Message, key: Key | None) -> bytes:
    try:
        return key.open_bytes(message.data) if key else b""
    except NotSealed:
        return b""


def _values(said: Any) -> Iterator[tuple[str, Any]]:
    """Every value of a JSON document with the field it stands in."""
    waiting = [("", said)]
    while waiting:
        field, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(str(name), child) for name, child in value.items()]
        elif isinstance(value, list):
            waiting += [(field, child) for child in value]
        else:
            yield field, value
