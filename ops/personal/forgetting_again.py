"""Who was forgotten stays forgotten, whatever older copy of the keys or the stores is put back."""

from __future__ import annotations

from contextlib import closing

from chassis.clock import rfc3339, wall_clock
from chassis.event_store import Store
from chassis.keys.away import KeysAway
from chassis.keys.store import BODY, KeyStore
from contracts.orders import CustomerForgotten
from ops.console import CannotDo
from ops.personal.keys import keys_of
from ops.stores import open_stores
from ops.system import System

PAGE = 1_000


def forget_again(system: System) -> int:
    """Destroy each key that orders says was destroyed, with the bodies of its orders and those that named the person;
    returns for how many customers.

    Where keys or stores are not in place yet, it is done when the other one is put back. Raises `CannotDo` where the
    keys do not answer.
    """
    try:
        orders = open_stores(system, ("orders",))["orders"]
    except CannotDo:
        return 0
    with closing(orders), closing(keys_of(system)) as keys:
        try:
            return _forget(orders, keys)
        except KeysAway as away:
            raise CannotDo(
                f"{away}; run this again when they answer: some customers were forgotten"
            ) from away


def _forget(orders: Store, keys: KeyStore) -> int:
    forgotten, after = 0, ""
    while entities := orders.tagged("customer=forgotten", PAGE, after):
        for entity in entities:
            said = [
                CustomerForgotten.model_validate_json(stored.data)
                for stored in orders.events(limit=PAGE, entity=entity)
            ]
            forgotten += sum([_destroyed_again(keys, event) for event in said]) > 0
        after = entities[-1]
    return forgotten


def _destroyed_again(store: KeyStore, event: CustomerForgotten) -> int:
    bodies = [body for order in event.orders for body in store.keys_of_entity(f"order/{order}", BODY)]
    keys = [event.key, *bodies, *event.bodies]
    return store.destroy(keys, event.actor, event.reason, rfc3339(wall_clock()))
