"""Whatever bears one correlation id, in every service: from a line of the log, or a trace, to what happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.causes import story_of
from chassis.event_store import Store
from chassis.rebuild import all_events
from ops.console import CannotDo, Progress, columns
from ops.history.timeline import HOMES, Moment, earlier, in_order, moment_of, newest, not_known_then
from ops.stores import open_stores
from ops.system import System


@dataclass(frozen=True, slots=True)
class CorrelatedStory:
    """The events that bear an id, effects behind their causes, and the orders they name. `left_out`: older ones."""

    correlation: str
    orders: tuple[str, ...]
    moments: tuple[Moment, ...]
    left_out: int = 0

    def as_json(self) -> dict[str, Any]:
        """As for an order's story, but for the state: a story may be about several entities."""
        return {
            "correlation": self.correlation,
            "orders": list(self.orders),
            "events": [moment.as_json() for moment in self.moments],
            "left_out": self.left_out,
        }

    def readable(self) -> str:
        """For people: when, who, about what, and why."""
        named = f" · {', '.join(self.orders)}" if self.orders else ""
        rows = [
            (
                moment.stored.headers["ce-time"],
                moment.service,
                moment.entity,
                moment.type.split(".")[1],
                moment.as_json()["reason"],
            )
            for moment in self.moments
        ]
        return "\n".join((f"{self.correlation}{named}", *earlier(self.left_out), *columns(rows, "<<<<")))


def timeline_of_story(
    system: System, correlation: str, at: datetime | None = None, limit: int | None = None
) -> CorrelatedStory:
    """The story, until `at` if given, of the newest `limit` events. Looks through all stores.

    Raises `CannotDo` for an id that no event bears, or bore by then.
    """
    stores = open_stores(system)
    moments = [moment for service in HOMES for moment in _bearing(correlation, stores[service], service)]
    if not moments:
        raise CannotDo(
            f"no event bears {correlation}; ids are written as logs have them: CHANNELS/17, command/<32 digits>."
            " Of a command that failed nothing is stored"
        )
    known = [moment for moment in moments if at is None or moment.time <= at]
    if not known:
        raise not_known_then(f"story {correlation}", min(moment.time for moment in moments))
    shown = tuple(newest(tuple(in_order(known)), limit))
    return CorrelatedStory(correlation, _orders_of(known), shown, len(known) - len(shown))


def _bearing(correlation: str, store: Store, service: str) -> Iterator[Moment]:
    """No store has an index of stories, as no decision asks for one: this reads them from one end to the other."""
    progress = Progress(f"looking through {service}", store.last_position())
    for stored in all_events(store):
        progress.reached(stored.position)
        if story_of(stored) == correlation:
            yield moment_of(service, stored)


def _orders_of(moments: list[Moment]) -> tuple[str, ...]:
    named = (moment.facts.get("order_id") for moment in moments)
    return tuple(dict.fromkeys(order for order in named if order))
