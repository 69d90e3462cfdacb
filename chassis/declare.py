"""How a service is declared: its entities, and what it does on each message, command, timer and answer.

A service is a table of pure functions. The reactor runs them: it loads the states they need, applies the
events they return, and commits everything of a batch in one transaction. A decision never waits, never
reads a clock, never draws a random number: whatever it needs comes in through the `World`.

What is due, what is to be called, what is found under which tag: all are functions of an entity's state,
so that a rebuild from the log restores them exactly.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contracts import world
from contracts.event import Event


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it stands in a stream: bytes and headers untouched."""

    stream: str
    stream_seq: int
    subject: str
    headers: Mapping[str, str]
    data: bytes
    time: datetime

    @property
    def id(self) -> str:
        """Where it stands, unique for ever: `CHANNELS/17`."""
        return f"{self.stream}/{self.stream_seq}"


type World = world.World[Any]
"""What a decision may know; each service says of which kind its policies are."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call to the outside that an entity's state still asks for. `payload` is what the adapter needs."""

    kind: str
    payload: Any


def _nothing(_: Any) -> Any:
    return ()


def _no_map(_: Any) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of entity: `order`, `sku`, `payment`. Entity ids are `<kind>/<key>`.

    `state` is a frozen dataclass (fields: plain types, tuples, other frozen dataclasses, datetimes) and
    `evolve(state or None, event, entity)` returns the next one; it must know every event that changes the kind.
    `timers(state)` is what is due when, by name; `calls(state)` what is to be called, by a key unique within the
    entity; `tags(state)` what it is found under. Tags `name=value` are counted, as for `state=held`.
    A `lasting` kind outlives the stories that touch it (a SKU): what its timers and calls cause is a story of its own,
    while that of an order belongs to the order's.
    """

    name: str
    state: type
    evolve: Callable[[Any, Any, str], Any]
    timers: Callable[[Any], Mapping[str, datetime]] = _no_map
    calls: Callable[[Any], Mapping[str, Call]] = _no_map
    tags: Callable[[Any], Iterable[str]] = _nothing
    lasting: bool = False


type Decision = Callable[[Any, World], Iterable[Event]]
"""From a message, command, entity or answer, and the world, to what happened. No event means nothing did."""


@dataclass(frozen=True, slots=True)
class Step:
    """What to do on one type of event or command. `needs` names the entities it will ask for, loaded in one read."""

    then: Decision
    needs: Callable[[Any], Iterable[str]] = _nothing


@dataclass(frozen=True, slots=True)
class Effect:
    """How a call to the outside is made, and what its answer means.

    `call(key, payload)` makes it and returns an answer (any value `then` understands); it must carry the
    payload's reference as idempotency key. `ask(key, payload)` looks up by that reference whether it was already made,
    and returns the answer or None; it is used before the call whenever an earlier attempt may have reached the
    other side. A raised exception means "no answer": `in_doubt` (if given) records it once, and asking goes on.
    `then((entity, key, payload, answer), world)` turns the answer into events that make the state stop asking.
    `at_once` bounds the calls under way; a `patient` one waits up to a minute while a backlog is decided.
    """

    call: Callable[[str, Any], Awaitable[Any]]
    then: Decision
    ask: Callable[[str, Any], Awaitable[Any]] | None = None
    in_doubt: Decision | None = None
    at_once: int = 8
    patient: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from a call: given to `Effect.then` and, with `answer` the exception's text, to `in_doubt`."""

    entity: str
    key: str
    payload: Any
    answer: Any


@dataclass(frozen=True, slots=True)
class Service:
    """A whole service, as data.

    `places(event)` by event type: the entities an event changes; the first is its home stream.
    `on_event` by event model (newest version): reactions to other services' facts.
    `on_raw`: for streams whose payloads are not our events (CHANNELS), one decision for every message.
    `on_command` by command class: what people and programs ask over HTTP.
    `on_timer` by `<kind>.<timer name>`: gets the entity id. `effects` by `Call.kind`.
    `gathers`: seconds that the messages of a source stream may wait for the next ones, to be decided together. For
    streams whose facts nobody waits for: what is decided one by one costs the processors what others wait for.
    """

    name: str
    kinds: tuple[Kind, ...]
    places: Mapping[type[Event], Callable[[Any], tuple[str, ...]]]
    on_event: Mapping[type[Event], Step] = field(default_factory=dict)
    on_raw: Step | None = None
    on_command: Mapping[type, Step] = field(default_factory=dict)
    on_timer: Mapping[str, Decision] = field(default_factory=dict)
    effects: Mapping[str, Effect] = field(default_factory=dict)
    gathers: Mapping[str, float] = field(default_factory=dict)
    policies: Any = None


def kind_of(entity: str) -> str:
    """`sku/LAMP` is of kind `sku`."""
    return entity.partition("/")[0]


def key_of(entity: str) -> str:
    """`sku/LAMP` has the key `LAMP`."""
    return entity.partition("/")[2]
