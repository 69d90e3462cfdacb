"""Who was forgotten stays forgotten, whatever older copy of the keys or the stores is put back."""

from __future__ import annotations

from chassis.clock import rfc3339, wall_clock
from chassis.keys.store import BODY
from contracts.orders import CustomerForgotten
from ops.console import CannotDo
from ops.personal.keys import keys_of
from ops.stores import open_stores
from ops.system import System

PAGE = 1_000


def forget_again(system: System) -> int:
    """Destroy each key that orders says was destroyed, with the bodies of its orders; returns for how many customers.

    Where keys or stores are not in place yet, it is done when the other one is put back.
    """
    try:
        orders = open_stores(system, ("orders",))["orders"]
    except CannotDo:
        return 0
    store, forgotten, after = keys_of(system), 0, ""
    while entities := orders.tagged("customer=forgotten", PAGE, after):
        for entity in entities:
            for stored in orders.events(limit=1, entity=entity):
                event = CustomerForgotten.model_validate_json(stored.data)
                bodies = [body for o in event.orders for body in store.keys_of_entity(f"order/{o}", BODY)]
                now = rfc3339(wall_clock())
                forgotten += bool(store.destroy([event.key, *bodies], event.actor, event.reason, now))
        after = entities[-1]
    return forgotten
