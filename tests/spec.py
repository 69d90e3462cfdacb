"""Given / when / then for a whole service's decisions, without a store or a bus.

    inventory = Spec(build_service())
    inventory.given(StockReceived(...)).when(OrderAccepted(...)).then(StockReserved(...))

`when` takes an event of another service, a command, a raw `Message`, a `Timer` or an `Answered` call.
The full list of events is compared, in order.
"""

from __future__ import annotations

import difflib
import pprint
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from chassis.declare import Answer, Call, Kind, Message, Service, kind_of
from contracts.event import Event

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Timer:
    """A timer that came due: `Timer("reservation/shop:1", "expiry")`."""

    entity: str
    name: str


@dataclass(frozen=True)
class Answered:
    """An answer to a pending call, by entity and key. `lost=True` means the call raised."""

    entity: str
    key: str
    answer: Any
    lost: bool = False


@dataclass
class Memory:
    """A world made of given events."""

    service: Service
    now: datetime = NOON
    states: dict[str, Any] = field(default_factory=dict)

    @property
    def policies(self) -> Any:
        return self.service.policies

    def kind(self, entity: str) -> Kind:
        return next(kind for kind in self.service.kinds if kind.name == kind_of(entity))

    def state(self, entity: str) -> Any | None:
        return self.states.get(entity)

    def tagged(self, tag: str, limit: int = 100) -> tuple[str, ...]:
        found = (e for e, s in self.states.items() if tag in self.kind(e).tags(s))
        return tuple(found)[:limit]

    def apply(self, events: Iterable[Event]) -> None:
        for event in events:
            for entity in self.service.places[type(event)](event):
                self.states[entity] = self.kind(entity).evolve(self.states.get(entity), event, entity)

    def calls(self) -> dict[tuple[str, str], Call]:
        return {(e, k): c for e, s in self.states.items() for k, c in self.kind(e).calls(s).items()}

    def timers(self) -> dict[tuple[str, str], datetime]:
        return {(e, n): due for e, s in self.states.items() for n, due in self.kind(e).timers(s).items()}


@dataclass(frozen=True)
class Spec:
    """The start of a sentence about a service."""

    service: Service

    def given(self, *events: Event, now: datetime = NOON) -> Given:
        world = Memory(self.service, now)
        world.apply(events)
        return Given(world)

    def when(self, *happened: Any) -> Then:
        return self.given().when(*happened)


@dataclass(frozen=True)
class Given:
    world: Memory

    def at(self, now: datetime) -> Given:
        """Let it be this time from here on."""
        return Given(replace(self.world, now=now))

    def when(self, *happened: Any) -> Then:
        """Each in turn, later ones seeing what earlier ones changed."""
        events: list[Event] = []
        for cause in happened:
            new = list(self._decide(cause))
            self.world.apply(new)
            events += new
        return Then(events, self.world)

    def _decide(self, cause: Any) -> Iterable[Event]:
        service, world = self.world.service, self.world
        match cause:
            case Timer(entity, name):
                return service.on_timer[f"{kind_of(entity)}.{name}"](entity, world)
            case Answered(entity, key, answer, lost):
                call = world.calls()[entity, key]
                effect = service.effects[call.kind]
                then = effect.in_doubt if lost else effect.then
                return then(Answer(entity, key, call.payload, answer), world) if then else ()
            case Message():
                assert service.on_raw is not None
                return service.on_raw.then(cause, world)
            case Event():
                return service.on_event[type(cause)].then(cause, world)
            case _:
                return service.on_command[type(cause)].then(cause, world)


@dataclass(frozen=True)
class Then:
    events: list[Event]
    world: Memory

    def then(self, *expected: Event) -> Then:
        """Exactly these events, in this order."""
        if list(expected) != self.events:
            want, got = (pprint.pformat([repr(e) for e in es], width=160) for es in (expected, self.events))
            difference = "\n".join(
                difflib.unified_diff(want.splitlines(), got.splitlines(), "expected", "got", lineterm="")
            )
            raise AssertionError(f"not what happened:\n{difference}")
        return self

    def then_nothing(self) -> Then:
        return self.then()

    def state(self, entity: str) -> Any:
        """The entity's state afterwards, for the few tests that look at it."""
        return self.world.states[entity]
