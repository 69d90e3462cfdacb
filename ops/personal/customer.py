"""Who is meant by CUSTOMER on the command line: an e-mail address, or an order of theirs; and what is theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chassis.clock import rfc3339, wall_clock
from chassis.keys.sealing import key_id_of
from chassis.keys.store import BODY, PERSON, KeyStore
from contracts.catalogue import decode
from contracts.orders import OrderReceived, OrderRevised
from ops.console import CannotDo
from ops.stores import open_stores
from ops.system import System

ORDER = "order/"


@dataclass(frozen=True, slots=True)
class Customer:
    """A person as the system knows them. `addresses` are the e-mail addresses that could still be read."""

    keys: tuple[str, ...]
    bodies: tuple[str, ...]
    orders: tuple[str, ...]
    addresses: frozenset[str]


def find_customer(system: System, store: KeyStore, named: str) -> Customer:
    """By e-mail address, or by the id of one of their orders. Raises `CannotDo` where nothing is sealed for them."""
    address = named.strip().lower() if "@" in named else ""
    keys = store.keys_of_owner(address) if address else store.keys_of_entity(f"{ORDER}{named}", PERSON)
    if not keys:
        raise CannotDo(
            f"nothing personal is kept for {'this e-mail address' if address else f'order {named}'}: customers are"
            " named by their e-mail address, or by an order of theirs as <channel>:<channel order id>"
        )
    facts = [known for key in keys if (known := store.facts(key))]
    entities = dict.fromkeys(entity for known in facts for entity in known.entities)
    bodies = dict.fromkeys(body for entity in entities for body in store.keys_of_entity(entity, BODY))
    orders = tuple(entity.removeprefix(ORDER) for entity in entities if entity.startswith(ORDER))
    read = frozenset(_addresses(system, store, orders, set(keys)))
    return Customer(tuple(keys), tuple(bodies), orders, read | ({address} if address else set()))


def _addresses(system: System, store: KeyStore, orders: tuple[str, ...], ours: set[str]) -> Iterator[str]:
    """The e-mail addresses of their orders, as long as their keys are there."""
    keys = store.fetch(ours, "customer", rfc3339(wall_clock()))
    history = open_stores(system, ("orders",))["orders"]
    for order in orders:
        for stored in history.events(limit=100_000, entity=f"{ORDER}{order}"):
            if stored.type not in (OrderReceived.TYPE, OrderRevised.TYPE):
                continue
            event = decode(stored.type, stored.data)
            email = event.order.customer.email if isinstance(event, OrderReceived | OrderRevised) else ""
            if key := keys.get(key_id_of(email)):
                yield key.open(email).strip().lower()
