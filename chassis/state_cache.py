"""States in memory: bounded, read through to the store, right because there is one writer.

Everything here is committed. The writer thread fills it; other threads may look.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from chassis.declare import Kind, kind_of
from chassis.event_store import Store

STATES_MAX = 30_000


class Story(NamedTuple):
    """What an event belongs to: the headers `ce-correlationid` and `traceparent`."""

    correlation: str
    traceparent: str


class Held(NamedTuple):
    """A state with its version and the position of its first event; `state` is None where nothing is known.

    `story` is the first event's; None where it has not been asked for.
    """

    version: int
    born: int
    state: Any
    story: Story | None = None


UNKNOWN = Held(0, 0, None)


class StateCache:
    """The newest committed states, the most recently used `states_max` of them."""

    def __init__(self, store: Store, kinds: Mapping[str, Kind], states_max: int = STATES_MAX) -> None:
        self._store = store
        self._states: dict[str, Held] = {}
        self._states_max = states_max
        self._decoders: dict[str, msgspec.json.Decoder[Any]] = {
            name: msgspec.json.Decoder(kind.state) for name, kind in kinds.items()
        }

    def get(self, entity: str) -> Held:
        """The entity's committed state, read from the store if it is not at hand."""
        held = self._states.get(entity)
        if held is None:
            self.fetch((entity,))
            held = self._states[entity]
        return held

    def fetch(self, entities: Iterable[str]) -> None:
        """Read in one go whatever is not at hand. What does not exist is remembered as unknown."""
        missing = [entity for entity in dict.fromkeys(entities) if entity not in self._states]
        if not missing:
            return
        rows = self._store.load(missing)
        for entity in missing:
            row = rows.get(entity)
            self._states[entity] = (
                UNKNOWN
                if row is None
                else Held(row.version, row.born, self._decoders[kind_of(entity)].decode(row.state))
            )

    def story_of(self, entity: str) -> Story | None:
        """The story in which the entity began, read from the store if it is not at hand."""
        held = self.get(entity)
        if held.story is None and held.born:
            (first,) = self._store.events(after=held.born - 1, limit=1)
            headers = first.headers
            story = Story(headers.get("ce-correlationid", ""), headers.get("traceparent", ""))
            held = self._states[entity] = held._replace(story=story)
        return held.story

    def tagged(self, tag: str, limit: int) -> list[str]:
        """Entities that carry the tag in the store."""
        return self._store.tagged(tag, limit)

    def peek(self, entity: str) -> Held | None:
        """The state if it is at hand; for other threads than the writer's."""
        return self._states.get(entity)

    def decode(self, entity: str, state: bytes) -> Any:
        """A state as its kind's dataclass."""
        return self._decoders[kind_of(entity)].decode(state)

    def keep(self, changed: Mapping[str, Held]) -> None:
        """Take over what was committed, newest last, and forget the oldest beyond the bound."""
        for entity, held in changed.items():
            self._states.pop(entity, None)
            self._states[entity] = held
        excess = len(self._states) - self._states_max
        if excess > 0:
            for entity in list(self._states)[:excess]:
                del self._states[entity]

    def forget(self) -> None:
        """Drop everything: the store is asked again."""
        self._states.clear()
