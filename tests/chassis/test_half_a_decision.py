"""An event that fits one of its entities and not the other is taken by neither."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from chassis.declare import Kind, Service, Step
from chassis.items import Asked
from chassis.reactor import Reactor
from contracts.event import Event
from contracts.inventory import ReservationReleased
from tests.simulation.store import MemoryStore

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Release:
    """A command of this test's service."""

    order_id: str


@dataclass(frozen=True, slots=True)
class Count:
    """How many events a state has seen."""

    events: int = 0


def seen(state: Count | None, event: Event, entity: str) -> Count:
    return replace(state or Count(), events=(state or Count()).events + 1)


def too_much(state: Count | None, event: Event, entity: str) -> Count:
    raise ValueError("no stock can do this")


SERVICE = Service(
    name="inventory",
    kinds=(Kind("reservation", Count, seen), Kind("sku", Count, too_much)),
    places={ReservationReleased: lambda event: (f"reservation/{event.order_id}", "sku/LAMP")},
    on_command={
        Release: Step(
            lambda asked, world: (ReservationReleased(order_id=asked.order_id, lines=(), reason="test"),)
        )
    },
)


def test_a_state_that_refuses_an_event_keeps_it_out_of_the_others() -> None:
    """Otherwise the rows beside the log would tell of something that the log does not."""
    store = MemoryStore()
    committed = Reactor(SERVICE, store, lambda: NOON).process([Asked(Release("shop:1"), "command/1")])
    assert isinstance(committed.outcomes[0].error, ValueError)
    assert list(store.entities()) == []
    assert store.last_position() == 0
