"""One order's story across the five services: what happened, in which order, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from chassis.batch import StoredEvent
from chassis.clock import from_rfc3339
from chassis.declare import Service
from chassis.event_store import Store
from chassis.ids import event_id
from contracts.catalogue import decode
from ops.console import CannotDo, columns
from ops.history.reasons import reason_for
from ops.history.replay import declared, evolve_of
from ops.stores import open_stores
from ops.system import System
from services.orders.views import order_shape

HOMES = {
    "orders": "order",
    "inventory": "reservation",
    "billing": "payment",
    "shipping": "fulfilment",
    "notify": "letters",
}
"""Which entity of each service tells about an order; its key is the order's id."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One event of the story. `id` is its CloudEvents id, `cause` that of what caused it."""

    time: datetime
    service: str
    type: str
    id: str
    entity: str
    cause: str
    stored: StoredEvent

    @property
    def facts(self) -> dict[str, Any]:
        """What the event says."""
        facts: dict[str, Any] = orjson.loads(self.stored.data)
        return facts

    def as_json(self, currency: str | None = None) -> dict[str, Any]:
        """The shape other programs rely on. `currency` is the order's, for the reason's amounts."""
        facts = self.facts
        return {
            "time": self.stored.headers["ce-time"],
            "service": self.service,
            "type": self.type,
            "id": self.id,
            "entity": self.entity,
            "reason": reason_for(self.type, facts, currency),
            "cause": self.cause,
            "data": facts,
        }


@dataclass(frozen=True, slots=True)
class Story:
    """An order's events, all of them or those until `at`, and the state they lead to as `GET /orders/{id}` shows it.

    `left_out`: so many older ones are not told.
    """

    order_id: str
    state: dict[str, Any]
    moments: tuple[Moment, ...]
    left_out: int = 0

    @property
    def currency(self) -> str | None:
        """The order's, as soon as its state knows it."""
        return self.state.get("currency")

    def as_json(self) -> dict[str, Any]:
        """The shape other programs rely on."""
        events = [moment.as_json(self.currency) for moment in self.moments]
        return {"order_id": self.order_id, "state": self.state, "events": events, "left_out": self.left_out}

    def readable(self) -> str:
        """For people."""
        return readable(self)


class UnknownOrder(CannotDo):
    """No store has anything of this order."""


def timeline_of(system: System, order_id: str, at: datetime | None = None, limit: int | None = None) -> Story:
    """The story, until `at` if given, of the newest `limit` events.

    Raises `UnknownOrder` for one that nobody knows, `CannotDo` for one that nobody knew by then.
    """
    stores = open_stores(system)
    moments = [moment for service in HOMES for moment in _moments(stores[service], service, order_id)]
    if not moments:
        raise UnknownOrder(
            f"no order {order_id}; ids are written <channel>:<channel order id>. It may have been refused:"
            " `doorstep park list`"
        )
    known = [moment for moment in moments if at is None or moment.time <= at]
    if not known:
        raise not_known_then(f"order {order_id}", min(moment.time for moment in moments))
    told = tuple(in_order(known))
    ours = [moment.stored for moment in told if moment.service == "orders"]
    shown = tuple(newest(told, limit))
    state = state_after(declared("orders"), f"order/{order_id}", ours)
    return Story(order_id, state, shown, len(told) - len(shown))


def _moments(store: Store, service: str, order_id: str) -> Iterator[Moment]:
    for event in store.events(limit=100_000, entity=f"{HOMES[service]}/{order_id}"):
        yield moment_of(service, event)


def moment_of(service: str, event: StoredEvent) -> Moment:
    """A stored event of a service as part of a story."""
    headers = event.headers
    return Moment(
        time=from_rfc3339(headers["ce-time"]),
        service=service,
        type=event.type,
        id=event_id(service, event.entity, event.version),
        entity=event.entity,
        cause=headers["ce-causationid"],
        stored=event,
    )


def not_known_then(what: str, first: datetime) -> CannotDo:
    """To be raised for a time before the first event."""
    return CannotDo(f"{what} was not known then; it was first heard of at {first.isoformat()}")


def newest[T](told: Sequence[T], limit: int | None) -> Sequence[T]:
    """The last so many of them; all where there is no limit."""
    return told if limit is None else told[-limit:]


def in_order(moments: Iterable[Moment]) -> Iterator[Moment]:
    """By time; but whatever clocks say, an effect never before its cause, nor before its entity's past."""
    by_time = sorted(moments, key=lambda moment: (moment.time, moment.service, moment.stored.position))
    by_id = {moment.id: moment for moment in by_time}
    told: set[str] = set()
    for moment in by_time:
        waiting = [moment]
        while waiting:
            due = waiting[-1]
            earlier = [
                by_id[name] for name in (due.cause, _before(due)) if name in by_id and name not in told
            ]
            if earlier and due.id not in told:
                waiting += earlier
                continue
            waiting.pop()
            if due.id not in told:
                told.add(due.id)
                yield due


def _before(moment: Moment) -> str:
    return f"{moment.service}/{moment.entity}/{moment.stored.version - 1}"


def state_after(orders: Service, entity: str, events: Sequence[StoredEvent]) -> dict[str, Any]:
    """The order after these events, folded by the service's own rules; empty before the first."""
    evolve, state = evolve_of(orders, entity), None
    for event in events:
        state = evolve(state, decode(event.type, event.data), entity)
    return {} if state is None else order_shape(state)


def readable(story: Story) -> str:
    """For people: seconds since the first event, who, what, why."""
    start = story.moments[0].time
    rows = [
        (
            f"+{(moment.time - start).total_seconds():.3f}s",
            moment.service,
            moment.type.split(".")[1],
            reason_for(moment.type, moment.facts, story.currency),
        )
        for moment in story.moments
    ]
    head = f"{story.order_id} · {story.state.get('state', 'unknown')} · first heard of {start.isoformat()}"
    return "\n".join((head, *earlier(story.left_out), *columns(rows, "><<")))


def earlier(left_out: int) -> tuple[str, ...]:
    """A line that says how many older events are not shown; none where all are."""
    return (f"… {left_out:,} older events are left out; --limit says how many are shown",) if left_out else ()
