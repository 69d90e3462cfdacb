"""What if other hold rules had been in force: the channel's orders of a period, decided again beside the log.

Each version of an order that the log has is given to the orders service's own decision once more, at its own time
and with the state that the order really had, but with the changed rules. Where the order would have gone another way
it is told once, at the first such point: what came after it would have been another story. Nothing is written.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from chassis.batch import StoredEvent
from chassis.clock import from_rfc3339, rfc3339
from chassis.declare import Service
from chassis.decoding import decode
from chassis.event_store import Store
from chassis.first_fault import first_fault
from chassis.rebuild import all_events
from chassis.settings import section
from contracts.event import Event
from contracts.orders import OrderReceived, OrderRevised
from ops.console import CannotDo, Progress
from ops.history.replay import declared, evolve_of
from ops.stores import open_stores
from ops.system import System
from services.orders.domain.commands import PlaceOrder
from services.orders.domain.policies import HoldRules, OrderPolicies
from services.orders.domain.states import Order, displayed
from services.orders.settings import HoldSettings, OrdersSettings

ORDERS = "orders"
VERSIONS = frozenset({OrderReceived.TYPE, OrderRevised.TYPE})
"""What a channel's version of an order leaves in the log, as the first event of its decision."""


@dataclass(frozen=True, slots=True)
class Then:
    """The `World` of a past decision: its time, the rules to try, and the order as it was."""

    now: datetime
    policies: OrderPolicies
    order: Order | None

    def state(self, _: str) -> Order | None:
        """The one entity that such a decision asks for."""
        return self.order

    def tagged(self, _: str, limit: int = 100) -> tuple[str, ...]:
        """Nothing: no rule about a channel's order looks for others."""
        return ()[:limit]


@dataclass(frozen=True, slots=True)
class Otherwise:
    """An order that would have gone another way: what became of it at `time`, what would have, and why."""

    order_id: str
    time: str
    was: Order
    would_be: Order

    @property
    def reason(self) -> str:
        """The holds that make the difference."""
        new = [f"held: {hold.detail}" for hold in _only_in(self.would_be, self.was)]
        gone = [f"not held: {hold.detail}" for hold in _only_in(self.was, self.would_be)]
        return "; ".join((*new, *gone)) or "goes on from another state"

    def as_json(self) -> dict[str, Any]:
        """The shape other programs rely on."""
        return {
            "order_id": self.order_id,
            "time": self.time,
            "was": _outcome(self.was),
            "would_be": _outcome(self.would_be),
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Supposed:
    """What the changed rules would have done in the period; `decisions` counts what was decided again."""

    since: datetime | None
    until: datetime | None
    decisions: int
    otherwise: tuple[Otherwise, ...]

    def as_json(self) -> dict[str, Any]:
        """The shape other programs rely on."""
        return {
            "from": rfc3339(self.since) if self.since else None,
            "until": rfc3339(self.until) if self.until else None,
            "decisions": self.decisions,
            "orders": [order.as_json() for order in self.otherwise],
        }

    def readable(self) -> str:
        """For people: a line per order, and the sum."""
        lines = [
            f"{order.time}  {order.order_id}  {_told(order.was)} → {_told(order.would_be)}  {order.reason}"
            for order in self.otherwise
        ]
        count = len(self.otherwise)
        return "\n".join((*lines, f"{count:,} of {self.decisions:,} decisions would have gone another way"))


def what_if(
    system: System, rules: Path, since: datetime | None = None, until: datetime | None = None
) -> Supposed:
    """Decide a period again with the rules in a file. Raises `CannotDo` for rules that cannot be read."""
    table = declared(ORDERS)
    tried = replace(table, policies=replace(table.policies, hold=rules_in(rules)))
    with open_stores(system, (ORDERS,))[ORDERS].snapshot() as still:
        return _suppose(still, tried, since, until)


def rules_in(file: Path) -> HoldRules:
    """The `[orders.hold]` table of a file; what it does not name stays as configured. Raises `CannotDo`."""
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise CannotDo(f"{file} cannot be read as TOML: {fault}") from None
    said = tables.get(ORDERS, {}).get("hold", {}) if isinstance(tables.get(ORDERS), dict) else {}
    if tables != {ORDERS: {"hold": said}} or not said:
        raise CannotDo(f"{file}: only the rules in [orders.hold] can be tried, and at least one of them")
    configured = section(ORDERS, OrdersSettings).hold.model_dump(mode="json")
    try:
        return HoldSettings.model_validate({**configured, **said}).rules()
    except ValidationError as wrong:
        first = first_fault(wrong)
        raise CannotDo(f"{file}: {first.below('orders.hold')}: {first.says}") from None


def _suppose(store: Store, table: Service, since: datetime | None, until: datetime | None) -> Supposed:
    found: dict[str, Otherwise] = {}
    decisions = 0
    for events in _decisions(store):
        moment = from_rfc3339(events[0].headers["ce-time"])
        if (since and moment < since) or (until and moment > until) or events[0].entity in found:
            continue
        decisions += 1
        if other := _redecided(store, table, events, moment):
            found[events[0].entity] = other
    return Supposed(since, until, decisions, tuple(found.values()))


def _decisions(store: Store) -> Iterator[list[StoredEvent]]:
    """What was decided about each version of an order: its event, and those that followed of the same cause."""
    progress = Progress("deciding again", store.last_position())
    for _, same in groupby(all_events(store), key=lambda event: (event.entity, _cause(event))):
        events = list(same)
        progress.reached(events[-1].position)
        if events[0].type in VERSIONS:
            yield events


def _redecided(
    store: Store, table: Service, events: Sequence[StoredEvent], moment: datetime
) -> Otherwise | None:
    recorded = [decode(event.type, event.data) for event in events]
    version = recorded[0]
    assert isinstance(version, OrderReceived | OrderRevised)
    before = _before(store, table, events[0])
    world = Then(moment, table.policies, before)
    decided = table.on_command[PlaceOrder].then(PlaceOrder(order=version.order), world)
    was, would_be = (_after(table, before, facts, events[0].entity) for facts in (recorded, decided))
    if was is None or would_be is None or _way(was) == _way(would_be):
        return None
    return Otherwise(version.order_id, events[0].headers["ce-time"], was, would_be)


def _before(store: Store, table: Service, event: StoredEvent) -> Order | None:
    """The order as it really was when this event was decided."""
    if event.version == 1:
        return None
    past = store.events(limit=event.version - 1, entity=event.entity)
    return _after(table, None, (decode(each.type, each.data) for each in past), event.entity)


def _after(table: Service, order: Order | None, facts: Iterable[Event], entity: str) -> Order | None:
    evolve = evolve_of(table, entity)
    for fact in facts:
        order = evolve(order, fact, entity)
    return order


def _cause(event: StoredEvent) -> str:
    return event.headers["ce-causationid"]


def _way(order: Order) -> tuple[str, frozenset[str]]:
    return displayed(order), frozenset(hold.reason.value for hold in order.holds)


def _only_in(this: Order, other: Order) -> list[Any]:
    return [hold for hold in this.holds if other.hold(hold.reason) is None]


def _outcome(order: Order) -> dict[str, Any]:
    holds = [{"reason": hold.reason.value, "detail": hold.detail} for hold in order.holds]
    return {"state": displayed(order), "holds": holds}


def _told(order: Order) -> str:
    return " ".join((displayed(order), *sorted(hold.reason.value for hold in order.holds)))
