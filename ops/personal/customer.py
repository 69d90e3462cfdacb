"""Who is meant by CUSTOMER on the command line: an e-mail address, or an order of theirs; and what is theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from chassis.clock import rfc3339, wall_clock
from chassis.keys.sealing import key_id_of
from chassis.keys.store import BODY, PERSON, KeyStore
from contracts.catalogue import decode
from contracts.mail_address import is_mail_address, one_address
from contracts.orders import OrderReceived, OrderRevised
from ops.console import CannotDo
from ops.stores import open_stores
from ops.system import System

ORDER = "order/"


@dataclass(frozen=True, slots=True)
class Customer:
    """A person as the system knows them. `addresses` are the e-mail addresses that could still be read; `bodies` the
    keys of messages that brought their orders, `named` of others that were found to name them when they were erased.
    """

    keys: tuple[str, ...]
    bodies: tuple[str, ...]
    named: tuple[str, ...]
    orders: tuple[str, ...]
    addresses: frozenset[str]

    @property
    def names(self) -> list[str]:
        """What they are known by in the key store."""
        return [*sorted(self.addresses), *(f"{ORDER}{order}" for order in self.orders)]


def find_customer(
    system: System, store: KeyStore, named: str, known: frozenset[str] = frozenset(), since: str = ""
) -> Customer:
    """By e-mail address, or by the id of one of their orders; nothing may be kept of them.

    `known` are addresses that were read before, when their keys were still there; keys of theirs that were made `since`
    are theirs, too.
    """
    said = _forms(named) if "@" in named else frozenset[str]()
    if said and not (is_mail_address(one_address(named)) or any(map(store.keys_of_owner, said))):
        raise CannotDo(
            f"{named!r} is no whole e-mail address: it would be found in other people's messages. Write mailbox@domain"
        )
    keys = dict.fromkeys(key for address in said for key in store.keys_of_owner(address))
    keys |= dict.fromkeys(store.keys_of_entity(f"{ORDER}{named}", PERSON))
    keys |= dict.fromkeys(
        key for one in known for key in store.keys_of_owner(one) if _is_made(store, key, since)
    )
    entities = _entities(store, keys)
    keys |= dict.fromkeys(own for entity in entities for own in store.keys_of_owner(entity))
    bodies = dict.fromkeys(body for entity in entities for body in store.keys_of_entity(entity, BODY))
    orders = tuple(entity.removeprefix(ORDER) for entity in entities if entity.startswith(ORDER))
    read = frozenset(_addresses(system, store, orders, set(keys))) | known | said
    found = Customer(tuple(keys), tuple(bodies), (), orders, read)
    claimed = {body for name in found.names for body in store.keys_of_owner(name, BODY)} - bodies.keys()
    return replace(found, named=tuple(sorted(claimed)))


def _is_made(store: KeyStore, key: str, since: str) -> bool:
    facts = store.facts(key)
    return facts is not None and facts.made_at >= since


def nobody(named: str) -> CannotDo:
    """To be raised where nothing is kept."""
    return CannotDo(
        f"nothing personal is kept for {'this e-mail address' if '@' in named else f'order {named}'}: customers are"
        " named by their e-mail address, or by an order of theirs as <channel>:<channel order id>"
    )


def _entities(store: KeyStore, keys: dict[str, None]) -> dict[str, None]:
    """What is sealed with these keys. What people typed in of it after an erasure has a key of its own."""
    facts = [known for key in keys if (known := store.facts(key))]
    return dict.fromkeys(entity for known in facts for entity in known.entities)


def _addresses(system: System, store: KeyStore, orders: tuple[str, ...], ours: set[str]) -> Iterator[str]:
    """The e-mail addresses of their orders, as long as their keys are there."""
    keys = store.fetch(ours, "customer", rfc3339(wall_clock())) if ours else {}
    if not (keys and orders):
        return
    history = open_stores(system, ("orders",))["orders"]
    for order in orders:
        for stored in history.events(limit=100_000, entity=f"{ORDER}{order}"):
            if stored.type not in (OrderReceived.TYPE, OrderRevised.TYPE):
                continue
            event = decode(stored.type, stored.data)
            email = event.order.customer.email if isinstance(event, OrderReceived | OrderRevised) else ""
            if key := keys.get(key_id_of(email)):
                yield from _forms(key.open(email))


def _forms(address: str) -> frozenset[str]:
    """As its customer is known by, and as it was written: older releases knew them by that."""
    return frozenset({one_address(address), address.strip().lower()})
